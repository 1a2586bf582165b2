"""SQLite finds what a sync asks for by what tells records apart, from the very first batch on."""

import pytest
from sqlalchemy import Engine, event

from tests.factories.sync import connected
from zbweb import planner
from zbweb.db import db

BY_WHAT_ALL_SHARE = ("(organisation_id=?)", "(connection_id=?)", "(connection_id=? AND crm_module=?)")
GROWING = ("customers", "links", "sync_entries", "contact_persons", "journal")


@pytest.mark.parametrize(
    ("columns", "line"),
    [
        (["organisation_id"], "100000 100000"),
        (["organisation_id", "name_key", "search_key"], "100000 100000 2 2"),
        (["connection_id", "crm_module", "crm_id"], "100000 100000 33333 2"),
        (["customer_id"], "100000 2"),
    ],
)
def test_an_index_nobody_has_counted_is_guessed_by_what_its_columns_tell_apart(columns, line):
    assert planner.guess(columns) == line


@pytest.fixture
def asked(app):
    """What the database was asked, with the values."""
    statements = []

    def note(_connection, _cursor, statement, parameters, _context, many):
        if not many and statement.lstrip().startswith(("SELECT", "UPDATE", "DELETE")):
            statements.append((statement, parameters))

    event.listen(Engine, "before_cursor_execute", note)
    yield statements
    event.remove(Engine, "before_cursor_execute", note)


def test_a_first_sync_reads_no_table_by_what_all_its_rows_share(app, asha, sandbox, asked):
    planner.inform(db.engine)
    sandbox.seed(accounts=30, contacts_per_account=1)
    pair = connected(app, sandbox, scope="accounts_and_contacts", extent="fetch", policy="skip")
    asked.clear()
    assert pair.sync().added == 60
    connection = db.session.connection()
    slow = {
        (plan.detail, statement)
        for statement, parameters in list(asked)
        for plan in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
        if plan.detail.split()[1] in GROWING and plan.detail.endswith(BY_WHAT_ALL_SHARE)
        if "LIMIT" not in statement and "ix_links_never_read" not in plan.detail
    }
    assert slow == set()
