"""Who may use the pages: people on this machine, through this machine's own names, from the pages themselves.

There is no log-in here, so a page of the internet must not be able to post forms, neither directly nor through a
host name that it made point at this machine.
"""

from typing import NoReturn
from urllib.parse import urlsplit

from flask import abort, g, request
from werkzeug.wrappers import Response

LOOPBACK = ("127.0.0.1", "::1", "::ffff:127.0.0.1")
_OWN_NAMES = ("127.0.0.1", "localhost", "::1")
_SAFE_METHODS = ("GET", "HEAD", "OPTIONS")


def only_from_here() -> None:
    """Refuses with 403 what another machine, another host name or another site asks for."""
    if not is_from_here():
        _refuse()
    if request.method in _SAFE_METHODS:
        return
    origin = request.headers.get("Origin")
    if origin is not None and origin != request.host_url.rstrip("/"):
        _refuse()
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        _refuse()


def is_from_here() -> bool:
    """Does this machine ask, by one of its own names?"""
    return request.remote_addr in LOOPBACK and urlsplit(request.host_url).hostname in _OWN_NAMES


def _refuse() -> NoReturn:
    abort(Response("These pages are for this machine only.", 403, mimetype="text/plain"))


def harden(response: Response) -> Response:
    """No scripts at all, no strangers around the page, and nobody inside it but the web tab's own origin."""
    framed = g.get("framed_origin", "'none'")
    response.headers["Content-Security-Policy"] = (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; "
        f"frame-ancestors 'none'; frame-src {framed}"
    )
    response.headers["Referrer-Policy"] = "same-origin"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Cache-Control"] = "no-store"
    return response
