"""An error becomes a page, or a fragment's text, with the right status and the error's own sentence."""

import secrets
from urllib.parse import urlsplit, urlunsplit

import structlog
from flask import Flask, render_template, request
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import DataError, OperationalError
from werkzeug.exceptions import HTTPException

from zbweb.db import db
from zbweb.errors import AppError
from zbweb.web import stale_forms
from zbweb.web.htmx import is_htmx

log = structlog.get_logger()

_TITLES = {403: "Not allowed", 404: "Not found", 409: "Not possible now", 422: "Please check", 503: "Please try again"}
_WORDS = {
    400: "The request could not be read. Go back, reload the page and try again.",
    403: "Your role does not reach this page. Ask an admin of your organisation.",
    404: "There is no such page or record here. It may have been deleted.",
    405: "That address does not accept this kind of request.",
    413: "That file is too large.",
    429: "Too many attempts. Wait a minute and try again.",
}
_STALE = (
    "This page is older than your log-in, or belongs to another organisation than the one you work in now. "
    "Reload it and try again; nothing was saved."
)
_BROKEN = "Something went wrong on our side; nothing was saved. Try again, and tell your admin if it happens twice."
_BEYOND = "A number, a date or a character in it is beyond what can be stored. Nothing was saved."
_BUSY = "The database is busy or away; nothing was saved. Try again in a moment."


def register(app: Flask) -> None:
    """Answer every error as people would like to read it."""
    app.register_error_handler(AppError, _app_error)
    app.register_error_handler(CSRFError, _csrf_error)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(OperationalError, _database_error)
    app.register_error_handler(OverflowError, _out_of_range)  # SQLite's driver, and dates
    app.register_error_handler(DataError, _out_of_range)  # PostgreSQL's
    app.register_error_handler(Exception, _unexpected)


def _app_error(error: AppError) -> ResponseReturnValue:
    return _answer(error.status, error.message)


def _csrf_error(_error: CSRFError) -> ResponseReturnValue:
    if not is_htmx() and stale_forms.can_be_kept():
        return stale_forms.answer()
    return _answer(400, _STALE)


def _http_error(error: HTTPException) -> ResponseReturnValue:
    if error.code is None or error.code < 400:
        return error.get_response()  # a redirect travels as an exception too
    return _answer(error.code, _WORDS.get(error.code, error.description or _BROKEN))


def _database_error(error: OperationalError) -> ResponseReturnValue:
    db.session.rollback()
    log.error("database_unavailable", error=str(error.orig))
    return _answer(503, _BUSY)


def _out_of_range(error: Exception) -> ResponseReturnValue:
    db.session.rollback()
    log.warning("out_of_range", path=request.path, kind=type(error).__name__)
    return _answer(404, _WORDS[404]) if request.method == "GET" else _answer(422, _BEYOND)


def _unexpected(error: Exception) -> ResponseReturnValue:
    db.session.rollback()
    reference = secrets.token_hex(4)
    log.exception("unexpected_error", kind=type(error).__name__, reference=reference)
    return _answer(500, f"{_BROKEN} The log has it under {reference}.")


def _answer(status: int, message: str) -> ResponseReturnValue:
    title = _TITLES.get(status, "Something went wrong" if status >= 500 else "Please check")
    template = "errors/fragment.html" if is_htmx() else "errors/page.html"
    return render_template(template, status=status, title=title, message=message, back=_came_from()), status


def _came_from() -> str:
    """The page of ours that led here; empty when none did."""
    page = urlsplit(request.referrer or "")
    is_elsewhere = page.netloc != request.host or page.path == request.path
    return "" if is_elsewhere else urlunsplit(("", "", page.path, page.query, ""))
