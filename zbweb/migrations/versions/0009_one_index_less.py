"""one index less

Revision 0009, after 0008.

The tables that a first sync fills have other indexes that begin with the organisation.
"""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_TABLES = ("journal", "links", "sync_entries")


def upgrade() -> None:
    for table in _TABLES:
        op.drop_index(f"ix_{table}_organisation_id", table)


def downgrade() -> None:
    for table in _TABLES:
        op.create_index(f"ix_{table}_organisation_id", table, ["organisation_id"])
