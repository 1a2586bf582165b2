"""The headers of every answer, and CSRF on every unsafe method."""

from flask import Flask, Response, request
from flask_wtf.csrf import CSRFProtect

csrf = CSRFProtect()

_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; object-src 'none'; "
        "base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cross-Origin-Opener-Policy": "same-origin",
}


def register(app: Flask) -> None:
    """Set the headers; pages with figures in them are never cached by others."""
    csrf.init_app(app)
    app.after_request(_harden)


def _harden(response: Response) -> Response:
    is_framed_by_others = "Content-Security-Policy" in response.headers  # the billing panel says itself by whom
    for name, value in _HEADERS.items():
        if not (is_framed_by_others and name == "X-Frame-Options"):
            response.headers.setdefault(name, value)
    if request.endpoint != "static":
        response.headers.setdefault("Cache-Control", "no-store")
    return response
