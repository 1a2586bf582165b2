"""Nobody reaches another organisation's records: not by any address, and not by an id in a form or a query."""

import pytest
from sqlalchemy import MetaData, select

from tests.addresses import IDS, filled, kinds_of
from tests.factories.whole import MARK, furnish
from zbweb.billing.models import Customer, Item, Line, Payment, Tax, Transaction
from zbweb.db import db, unit_of_work, work_for
from zbweb.sync.models import Connection, SyncEntry

DETAILS = "/settings/integrations/zoho-crm"


@pytest.fixture
def ours(asha):
    """Asha, whose organisation has one of everything; it is the first, as `tests.addresses` wants it."""
    work_for(db.session(), asha.organisation_id)
    with unit_of_work() as session:
        furnish(session)
    assert asha.organisation_id == 1
    return asha


@pytest.fixture
def stranger(ours, dora):
    """Dora, an admin elsewhere, who is connected to a CRM as well: nothing is refused for want of a connection."""
    work_for(db.session(), dora.organisation_id)
    with unit_of_work() as session:
        furnish(session)
    return dora


LISTS = (f"{DETAILS}/conflicts", f"{DETAILS}/review")
"""Back to these lists, with a sentence, goes who decides what is not (or no more) open."""
PLAUSIBLE = {"to": "void", "active": "1", "side": "crm", "crm_id": "5725767000000000001", "invoice_id": "1"}
"""What must be chosen in some forms before their record is looked for."""


def rows_of(organisation_id):
    """Every row of an organisation, as text."""
    db.session.rollback()
    found = MetaData()
    found.reflect(db.engine)
    with db.engine.connect() as connection:
        return {
            table.name: [str(row) for row in connection.execute(select(table).order_by(table.c.id))
                         if row.organisation_id == organisation_id]
            for table in found.sorted_tables
            if "organisation_id" in table.c
        }  # fmt: skip


def addresses(app):
    """Each method and address that names a row, with ids of the first organisation."""
    rules = [rule for rule in app.url_map.iter_rules() if rule.arguments & set(IDS)]
    with db.engine.connect() as connection:
        return [
            (method, filled(rule, kind, connection))
            for rule in rules
            for kind in kinds_of(rule)
            for method in sorted(rule.methods & {"GET", "POST"})
        ]


def test_every_route_that_names_a_row_knows_only_ones_own(app, ours, stranger):
    before, asked = rows_of(ours.organisation_id), 0
    for method, path in addresses(app):
        assert path, "the furnished organisation lacks something that a route names"
        answer = stranger.get(path) if method == "GET" else stranger.post(path, PLAUSIBLE)
        expected = 303 if path.startswith(LISTS) else 404
        assert answer.status_code == expected, f"{method} {path}: {answer.status_code}"
        asked += 1
    assert asked > 70
    assert rows_of(ours.organisation_id) == before


def test_those_addresses_do_lead_somewhere_for_their_owner(app, ours):
    for method, path in addresses(app):
        if method == "GET":
            assert ours.get(path).status_code in (200, 303, 409), path


def test_every_route_that_names_a_row_is_an_id_of_a_known_kind(app):
    """A new kind of id must be added to the addresses, or the test above would not ask for it."""
    named = {name for rule in app.url_map.iter_rules() for name in rule.arguments}
    assert named - set(IDS) == {"kind", "job_id", "token", "filename", "module", "crm_id"}


def ids_of(organisation_id):
    """An id of each sort that forms and queries carry."""
    work_for(db.session(), None)

    def one(model, *which):
        return db.session.scalars(select(model.id).where(model.organisation_id == organisation_id, *which)).first()

    return {
        "customer": one(Customer), "item": one(Item), "tax": one(Tax), "payment": one(Payment),
        "connection": one(Connection), "entry": one(SyncEntry),
        "invoice": one(Transaction, Transaction.kind == "invoices", Transaction.status == "sent"),
        "draft": one(Transaction, Transaction.kind == "invoices", Transaction.status == "draft"),
        "order": one(Transaction, Transaction.kind == "sales-orders"),
    }  # fmt: skip


def line(**values):
    row = {"name": "Work", "quantity": "1", "rate": "9"} | values
    return {f"lines-0-{name}": str(value) for name, value in row.items()}


QUERIES = (
    "/editor/customer?customer_id={customer}&customer_name=",
    "/editor/items?transaction_id={draft}&lines-0-name=Quokka",
    "/editor/customers?customer_name=Quokka",
    "/invoices?customer_id={customer}",
    "/invoices/new?customer_id={customer}",
    "/invoices?q=Quokka",
    "/payments?customer_id={customer}",
    "/payments?q=Quokka",
    "/payments/new?customer_id={customer}",
    "/payments/new?invoice_id={invoice}",
    "/payments/new?customer_name=Quokka",
    "/customers?q=Quokka",
    "/customers/lookup?customer_id={customer}",
    "/customers/lookup/search?source=billing&q=Quokka",
    "/items?q=Quokka",
    "/search?q=Quokka",
    "/potentials?customer_id={customer}",
    "/potentials?customer_id={customer}&transaction_id={draft}&details=1",
    "/invoices/export.csv?customer_id={customer}",
    "/reports/receivables",
    "/reports/receivables.csv",
    "/outbox",
    f"{DETAILS}/history/failures?after=0",
    f"{DETAILS}/conflicts?after=0",
)
FORMS = (
    ("/customers/bulk", {"action": "inactive", "ids": "{customer}"}),
    ("/customers/bulk/update", {"ids": "{customer}", "change_notes": "y", "notes": "taken"}),
    ("/customers/lookup/pick", {"customer_id": "{customer}"}),
    ("/invoices/bulk", {"action": "delete", "ids": "{draft}"}),
    ("/invoices/new", {"customer_id": "{customer}", "customer_name": "Quokka Ltd", "date": "2026-11-02", **line()}),
    ("/invoices/preview", {"customer_id": "{customer}", "customer_name": "Quokka Ltd", "date": "2026-11-02", **line()}),
    ("/payments/new?customer_id={customer}", {"amount": "1", "date": "2026-11-02"}),
    ("/potentials/associate", {"customer_id": "{customer}", "transaction_id": "{draft}", "potential_id": "1"}),
    ("/potentials/dissociate", {"customer_id": "{customer}", "transaction_id": "{draft}"}),
    ("/organisations/switch", {"organisation_id": "1"}),
    (f"{DETAILS}/conflicts/all", {"side": "crm", "ids": "{entry}"}),
)


@pytest.fixture
def bare(ours, dora):
    """Dora, whose organisation has nothing that could be taken for what is Asha's."""
    return dora


def test_an_id_or_a_word_in_a_query_finds_nothing_of_anothers(ours, bare):
    ids = ids_of(ours.organisation_id)
    for path in QUERIES:
        assert MARK in ours.get(path.format(**ids)).text, f"{path} proves nothing"
        answer = bare.get(path.format(**ids))
        assert answer.status_code < 500, path
        assert f"{MARK} " not in answer.text, path


def test_an_id_in_a_form_touches_nothing_of_anothers(ours, bare):
    before, ids = rows_of(ours.organisation_id), ids_of(ours.organisation_id)
    for path, form in FORMS:
        answer = bare.post(path.format(**ids), {name: value.format(**ids) for name, value in form.items()})
        assert answer.status_code < 500, path
        assert rows_of(ours.organisation_id) == before, path


def test_a_document_of_ones_own_takes_nobody_elses_item_tax_or_payment(ours, stranger):
    theirs, own = ids_of(ours.organisation_id), ids_of(stranger.organisation_id)
    before = rows_of(ours.organisation_id)
    base = {"customer_id": own["customer"], "customer_name": f"{MARK} Ltd", "date": "2026-11-02"}
    assert stranger.post("/invoices/new", base | line(tax_id=theirs["tax"])).status_code == 422
    assert stranger.post("/invoices/new", base | line(item_id=theirs["item"])).status_code == 303
    assert [each.item_id for each in db.session.query(Line).order_by(Line.id)][-1] is None
    paid = {"allocations-0-invoice_id": str(theirs["invoice"]), "allocations-0-amount": "5"}
    assert stranger.post(f"/payments/{own['payment']}/allocate", paid).status_code in (404, 422)
    assert stranger.post(f"/payments/{own['payment']}/unallocate", {"invoice_id": theirs["invoice"]}).status_code == 404
    made = stranger.post("/items/new", {"name": "Mine", "rate": "1", "tax_id": theirs["tax"]})
    assert made.status_code in (404, 422)
    assert rows_of(ours.organisation_id) == before
