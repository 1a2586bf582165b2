"""exchange rates to ten places

Revision 0002, after 0001.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_TABLES = ("transactions", "payments")


def upgrade() -> None:
    for table in _TABLES:
        if op.get_bind().dialect.name == "sqlite":  # which keeps them as whole numbers of the last place
            op.execute(f"UPDATE {table} SET exchange_rate = exchange_rate * 10000")
        else:
            op.alter_column(table, "exchange_rate", type_=sa.Numeric(20, 10))


def downgrade() -> None:
    for table in _TABLES:
        if op.get_bind().dialect.name == "sqlite":
            op.execute(f"UPDATE {table} SET exchange_rate = exchange_rate / 10000")
        else:
            op.alter_column(table, "exchange_rate", type_=sa.Numeric(20, 6))
