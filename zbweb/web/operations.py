"""For whoever runs the product: is it up, does everything serve, and the figures of its work."""

import hmac
from collections.abc import Callable

from flask import Blueprint, Response, abort, jsonify, request
from flask.typing import ResponseReturnValue
from prometheus_client import CONTENT_TYPE_LATEST
from redis.exceptions import RedisError
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from zbweb import config
from zbweb.db import db
from zbweb.jobs import queue
from zbweb.jobs.figures import exposition
from zbweb.web import access

bp = Blueprint("operations", __name__)

_LOOPBACK = ("127.0.0.1", "::1")
_HANDED_ON = ("X-Forwarded-For", "Forwarded", "X-Real-IP", "Via")


@bp.get("/healthz")
@access.public
def healthz() -> ResponseReturnValue:
    """The process is up."""
    return jsonify(status="ok")


@bp.get("/readyz")
@access.public
def readyz() -> ResponseReturnValue:
    """Database, Redis and a worker all serve: 200; else 503 naming what does not."""
    parts = {name: _state_of(check) for name, check in _CHECKS.items()}
    ready = all(state == "ok" for state in parts.values())
    return jsonify(status="ready" if ready else "not ready", **parts), 200 if ready else 503


@bp.get("/metrics")
@access.public
def metrics() -> ResponseReturnValue:
    """Prometheus figures, for this machine or whoever carries the token."""
    if not (_asks_from_here() or _carries_the_token()):
        abort(403)
    return Response(exposition(db.session()), content_type=CONTENT_TYPE_LATEST)


def _asks_from_here() -> bool:
    """Whether this machine asks; what a proxy on this machine hands on may come from anywhere."""
    return request.remote_addr in _LOOPBACK and not any(name in request.headers for name in _HANDED_ON)


def _carries_the_token() -> bool:
    token = config.current().metrics_token.encode()
    carried = request.headers.get("Authorization", "").removeprefix("Bearer ").encode()
    return bool(token) and hmac.compare_digest(token, carried)


def _database() -> str:
    db.session.execute(text("SELECT 1 FROM organisations LIMIT 1"))
    return "ok"


def _redis() -> str:
    queue.redis_at(config.current().redis_url).ping()
    return "ok"


def _worker() -> str:
    return "ok" if queue.workers_alive() else "no worker has shown a sign of life"


_CHECKS: dict[str, Callable[[], str]] = {"database": _database, "redis": _redis, "worker": _worker}


def _state_of(check: Callable[[], str]) -> str:
    try:
        return check()
    except (SQLAlchemyError, RedisError, ValueError) as error:
        return type(error).__name__
