"""letters with strokes

Revision 0006, after 0005.

Names are compared, sorted and found with ł as l, ø as o and the like; keys made before are folded anew.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_FOLDED = {
    "æ": "ae", "đ": "d", "ð": "d", "ħ": "h", "ı": "i", "ł": "l", "ŋ": "n", "ø": "o", "œ": "oe", "þ": "th", "ŧ": "t",
}  # fmt: skip
_CUSTOMERS = sa.table("customers", sa.column("name_key", sa.String), sa.column("loose_key", sa.String))


def upgrade() -> None:
    for column in _CUSTOMERS.c:
        folded: sa.ColumnElement[str] = column
        for letter, plain in _FOLDED.items():
            folded = sa.func.replace(folded, letter, plain)
        is_concerned = sa.or_(*(column.contains(letter) for letter in _FOLDED))
        op.execute(_CUSTOMERS.update().where(is_concerned).values({column: sa.func.substr(folded, 1, 255)}))


def downgrade() -> None:
    """Keys that were folded more are of use to the rule before, too; the next edit of a name makes them anew."""
