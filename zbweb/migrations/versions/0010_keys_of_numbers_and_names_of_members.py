"""keys of numbers and names of members

Revision 0010, after 0009.

Numbers are compared by a key of their own, whatever their case; twins that were made before stay as they are. A member
whose account was made elsewhere has the name that was typed here.
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_INDEXES = {
    "transactions": ("organisation_id", "kind", "number_key"),
    "payments": ("organisation_id", "number_key"),
}


def upgrade() -> None:
    for name, columns in _INDEXES.items():
        op.add_column(name, sa.Column("number_key", sa.String(255)))
        table = sa.table(name, sa.column("id"), sa.column("number"), sa.column("number_key"))
        numbered = op.get_bind().execute(sa.select(table.c.id, table.c.number).where(table.c.number.is_not(None)))
        keys = [{"of": row.id, "key": row.number.casefold()} for row in numbered]
        if keys:
            keyed = table.update().where(table.c.id == sa.bindparam("of")).values(number_key=sa.bindparam("key"))
            op.get_bind().execute(keyed, keys)
        op.create_index(f"ix_{name}_number_key", name, list(columns))
    op.add_column("memberships", sa.Column("name", sa.String(255)))


def downgrade() -> None:
    op.drop_column("memberships", "name")
    for name in _INDEXES:
        op.drop_index(f"ix_{name}_number_key", name)
        op.drop_column(name, "number_key")
