"""no id is given twice

Revision 0008, after 0007.

SQLite gave the id of the last row, once that was deleted, to the next one. Links, journal and history remember ids,
so the next customer inherited the past of the one before.
"""

import re

from alembic import op
from sqlalchemy import text

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_ENTITIES = {
    "customers": "customer",
    "contact_persons": "contact_person",
    "items": "item",
    "transactions": "transaction",
    "payments": "payment",
    "outbox": "",
}
"""The tables, and what journal and links call their rows."""
_KEY = "id INTEGER NOT NULL"


def upgrade() -> None:
    if op.get_bind().dialect.name != "sqlite":
        return
    for table, entity in _ENTITIES.items():
        _rebuild(table, lambda sql: _without_key(sql).replace(_KEY, f"{_KEY} PRIMARY KEY AUTOINCREMENT", 1))
        op.execute(f"DELETE FROM sqlite_sequence WHERE name = '{table}'")
        op.execute(
            f"INSERT INTO sqlite_sequence (name, seq) SELECT '{table}', max("
            f"(SELECT coalesce(max(id), 0) FROM {table}), "
            f"(SELECT coalesce(max(entity_id), 0) FROM journal WHERE entity = '{entity}'), "
            f"(SELECT coalesce(max(entity_id), 0) FROM links WHERE entity = '{entity}'))"
        )


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for table in _ENTITIES:
            _rebuild(table, lambda sql: sql.replace(" AUTOINCREMENT", "", 1))


def _without_key(sql: str) -> str:
    """Without the primary key that stands in a line, or behind its column, of its own."""
    return re.sub(r",\s*CONSTRAINT \w+ PRIMARY KEY \(id\)", "", sql).replace(f"{_KEY} PRIMARY KEY", _KEY, 1)


def _rebuild(table: str, change) -> None:
    """Make the table anew as its own statement says after the change; generated columns fill themselves."""
    bind, named = op.get_bind(), {"table": table}
    made = bind.scalar(text("SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = :table"), named)
    indexes = bind.scalars(
        text("SELECT sql FROM sqlite_schema WHERE type = 'index' AND tbl_name = :table AND sql IS NOT NULL"), named
    ).all()
    columns = ", ".join(f'"{name}"' for name in bind.scalars(text(f"SELECT name FROM pragma_table_info('{table}')")))
    bind.exec_driver_sql(re.sub(rf'^CREATE TABLE "?{table}"?', "CREATE TABLE rebuilt", change(made)))
    bind.exec_driver_sql(f"INSERT INTO rebuilt ({columns}) SELECT {columns} FROM {table}")
    bind.exec_driver_sql(f"DROP TABLE {table}")
    bind.exec_driver_sql(f"ALTER TABLE rebuilt RENAME TO {table}")
    for index in indexes:
        bind.exec_driver_sql(index)
