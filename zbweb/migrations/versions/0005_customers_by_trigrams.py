"""customers by trigrams

Revision 0005, after 0004.

PostgreSQL read every customer for a search by words. Its extension pg_trgm, which the owner of a database may add,
finds them by an index; a server that does not have it goes on as before, and `flask doctor` says so.
"""

from alembic import op
from sqlalchemy.exc import DBAPIError

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_NAME = "ix_customers_trigrams"


def upgrade() -> None:
    connection = op.get_bind()
    if connection.dialect.name != "postgresql":
        return
    try:
        with connection.begin_nested():
            op.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
    except DBAPIError:
        return
    op.create_index(
        _NAME, "customers", ["search_key"], postgresql_using="gin", postgresql_ops={"search_key": "gin_trgm_ops"}
    )


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.drop_index(_NAME, "customers", if_exists=True)
