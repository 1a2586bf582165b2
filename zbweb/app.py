"""The composition root of the web process, and of every process that needs the database.

`create_app()` puts the pieces together; importing this module opens nothing and reads nothing.
"""

from pathlib import Path

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

import zbweb.billing.models
import zbweb.crm.credentials
import zbweb.sync.models  # noqa: F401  every table must be known before the first query
from zbweb import config
from zbweb.billing import journal, post, removal
from zbweb.config import Config
from zbweb.crm import meter
from zbweb.db import db, prepare_engine
from zbweb.jobs import queue
from zbweb.sync import runs, withdrawal
from zbweb.sync.documents import incoming
from zbweb.sync.notifications import events
from zbweb.sync.repair import links
from zbweb.web import access, errors, filters, limits, security
from zbweb.web import register as register_pages

_ROOT = Path(__file__).parent.parent


def create_app(settings: Config | None = None) -> Flask:
    """The whole application; `settings` default to the environment's."""
    settings = settings or config.current()
    config.use(settings)
    app = Flask(__name__, template_folder=str(_ROOT / "templates"), static_folder=str(_ROOT / "static"))
    app.config.update(
        SECRET_KEY=settings.secret_key,
        SQLALCHEMY_DATABASE_URI=settings.database_url,
        SQLALCHEMY_ENGINE_OPTIONS=_engine_options(settings),
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SECURE=settings.secure_cookies,
        MAX_CONTENT_LENGTH=2 * 1024 * 1024,
        WTF_CSRF_TIME_LIMIT=12 * 3600,
    )
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1, x_proto=1) if settings.secure_cookies else app.wsgi_app  # type: ignore[method-assign]
    db.init_app(app)
    with app.app_context():
        prepare_engine(db.engine)
    for part in (filters, security, limits, access, errors):
        part.register(app)
    register_pages(app)
    journal.on_outbox(queue.push_soon)
    post.on_queued(queue.send_email)
    meter.on_call(queue.count_call)
    runs.on_queued(queue.run_sync)
    withdrawal.on_left_over(queue.withdraw_token)
    events.on_received(queue.handle_event)
    events.on_documents(incoming.take)
    removal.on_removal(links.archive_removed)
    return app


def _engine_options(settings: Config) -> dict[str, object]:
    quiet = {"hide_parameters": True}  # what people typed has no place in the log of a failed statement
    if settings.is_sqlite:
        return {**quiet, "pool_recycle": 1800, "connect_args": {"timeout": 30, "check_same_thread": False}}
    return {**quiet, "pool_size": 8, "max_overflow": 8, "pool_pre_ping": True, "connect_args": {"connect_timeout": 5}}
