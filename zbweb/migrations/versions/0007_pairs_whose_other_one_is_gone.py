"""pairs whose other one is gone

Revision 0007, after 0006.

A pair for review outlives the customer that the CRM made: ours, which waited for a word about the two, is told of.
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_OTHER = "fk_review_pairs_other_id"
_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    with op.batch_alter_table("review_pairs") as batch:
        batch.drop_constraint(_OTHER, type_="foreignkey")
        batch.alter_column("other_id", existing_type=_ID, nullable=True)
        batch.create_foreign_key(_OTHER, "customers", ["other_id"], ["id"], ondelete="SET NULL")


def downgrade() -> None:
    op.execute("DELETE FROM review_pairs WHERE other_id IS NULL")
    with op.batch_alter_table("review_pairs") as batch:
        batch.drop_constraint(_OTHER, type_="foreignkey")
        batch.alter_column("other_id", existing_type=_ID, nullable=False)
        batch.create_foreign_key(_OTHER, "customers", ["other_id"], ["id"], ondelete="CASCADE")
