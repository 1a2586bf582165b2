"""Throttling, counted in Redis so that every web process counts together."""

from flask import Flask
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address

from zbweb import config

limiter = Limiter(get_remote_address, headers_enabled=False, in_memory_fallback_enabled=True, swallow_errors=True)


def register(app: Flask) -> None:
    """Throttle the app's marked views."""
    app.config["RATELIMIT_STORAGE_URI"] = config.current().redis_url or "memory://"
    limiter.init_app(app)
