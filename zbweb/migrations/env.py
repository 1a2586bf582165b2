"""Alembic's environment: it migrates the connection it is handed, with our models as the goal."""

from alembic import context

import zbweb.billing.models
import zbweb.crm.credentials
import zbweb.sync.models  # noqa: F401
from zbweb.db import Base

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=Base.metadata,
    render_as_batch=connection.dialect.name == "sqlite",
    transaction_per_migration=True,
    compare_type=False,
)
with context.begin_transaction():
    context.run_migrations()
connection.commit()
