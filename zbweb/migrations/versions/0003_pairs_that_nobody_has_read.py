"""pairs that nobody has read

Revision 0003, after 0002.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_NEVER_READ = sa.text("crm_modified_at IS NULL")


def upgrade() -> None:
    op.create_index(
        "ix_links_never_read", "links", ["connection_id"], sqlite_where=_NEVER_READ, postgresql_where=_NEVER_READ
    )


def downgrade() -> None:
    op.drop_index("ix_links_never_read", "links")
