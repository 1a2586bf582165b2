"""Throttling, counted in Redis so that every web process counts together."""

import hashlib

from flask import Flask, request
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address

from zbweb import config

limiter = Limiter(get_remote_address, headers_enabled=False, in_memory_fallback_enabled=True, swallow_errors=True)


def account_named() -> str:
    """The account that a log-in is tried for, whoever tries and from wherever; Redis need not know its e-mail."""
    email = request.form.get("email", "").strip().lower()
    return hashlib.sha256(email.encode(errors="replace")).hexdigest()


def register(app: Flask) -> None:
    """Throttle the app's marked views."""
    app.config["RATELIMIT_STORAGE_URI"] = config.current().redis_url or "memory://"
    limiter.init_app(app)
