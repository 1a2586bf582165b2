"""Alembic's environment: it migrates the connection it is handed, with our models as the goal."""

from alembic import context
from sqlalchemy import Connection

import zbweb.billing.models
import zbweb.crm.credentials
import zbweb.sync.models  # noqa: F401
from zbweb.db import Base


def _watch_foreign_keys(connection: Connection, *, enabled: bool) -> None:
    """SQLite rebuilds a table by dropping it, which must not delete what refers to it; outside of a transaction only."""
    if connection.dialect.name == "sqlite":
        connection.connection.driver_connection.execute(f"PRAGMA foreign_keys={'ON' if enabled else 'OFF'}")  # type: ignore[union-attr]


connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=Base.metadata,
    render_as_batch=connection.dialect.name == "sqlite",
    transaction_per_migration=True,
    compare_type=False,
)
_watch_foreign_keys(connection, enabled=False)
try:
    with context.begin_transaction():
        context.run_migrations()
    connection.commit()
finally:
    connection.rollback()  # nothing after a commit
    _watch_foreign_keys(connection, enabled=True)
