"""unread pairs by module

Revision 0004, after 0003.

SQLite takes an index of fewer columns for the dearer one, whatever its statistics say, so it read every link of a
connection. With the module in it, the index of unread pairs is compared by what it holds.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_NAME = "ix_links_never_read"
_NEVER_READ = sa.text("crm_modified_at IS NULL")


def upgrade() -> None:
    _index("connection_id", "crm_module")


def downgrade() -> None:
    _index("connection_id")


def _index(*columns: str) -> None:
    op.drop_index(_NAME, "links")
    op.create_index(_NAME, "links", columns, sqlite_where=_NEVER_READ, postgresql_where=_NEVER_READ)
