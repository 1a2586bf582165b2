"""What people made in the CRM arrives as they made it, and is left there as they made it."""

import threading
from contextlib import suppress
from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from tests.factories.documents import LINES, add_customer, configure, deliver, documents_in, waiting
from tests.factories.sync import connected, hasty_client
from zbweb.billing import items, transactions
from zbweb.billing.drafts import from_transaction
from zbweb.billing.items import ItemDraft
from zbweb.billing.journal import SYSTEM
from zbweb.billing.models import Item, Transaction
from zbweb.billing.words import Kind
from zbweb.db import db, unit_of_work, work_for
from zbweb.sync.core.document_words import CRM_MODULES
from zbweb.sync.core.words import Extent
from zbweb.sync.documents import incoming, merging
from zbweb.sync.models import Connection, Link, SyncEntry

OF_OUR_OWN = {"Billing_Document_Id", "Modified_Time", "Modified_By", "Change_Log_Time__s"}
ADDRESSES = {
    "Billing_Street": "1 Main St", "Billing_City": "Berlin", "Billing_Code": "10115",
    "Shipping_Street": "2 Side St",
}  # fmt: skip
FULL = {
    Kind.QUOTE: {"Quote_Stage": "On Hold", "Valid_Till": "2020-03-01"},
    Kind.SALES_ORDER: {"Status": "Approved", "Due_Date": "2020-03-01", "Purchase_Order": "PO 1"},
    Kind.INVOICE: {"Status": "Approved", "Invoice_Date": "2020-01-05", "Due_Date": "2020-03-01"},
}
BARE = {
    Kind.QUOTE: {"Quote_Stage": None},
    Kind.SALES_ORDER: {"Status": "Something of their own"},
    Kind.INVOICE: {"Status": "Created"},
}


@pytest.fixture
def acme(both_ways):
    """Acme Ltd with an address and a contact, linked; all documents sync both ways."""
    customer_id = add_customer(display_name="Acme Ltd", billing_street="9 Head Office Rd")
    both_ways.sync()
    account_id = both_ways.records("Accounts")[0]["id"]
    both_ways.add("Contacts", Last_Name="Lee", Account_Name={"id": account_id})
    both_ways.sync()
    for kind in Kind:
        configure(both_ways, kind, extent=Extent.BOTH)
    return customer_id


def account(partners):
    return {"id": partners.records("Accounts")[0]["id"]}


def row(partners, name, *, quantity=2, price=20, code=None, **values):
    product_id = partners.add("Products", Product_Name=name, Product_Code=code, Unit_Price=7)
    return {"Product_Name": {"id": product_id}, "Quantity": quantity, "List_Price": price} | values


def add(partners, kind, rows, **values):
    """Somebody makes a document in the CRM; its id."""
    module = CRM_MODULES[kind]
    same = {"Subject": "Office", "Account_Name": account(partners), LINES[module]: rows}
    return partners.add(module, **same | values)


def told(partners, kind, *crm_ids):
    incoming.take(partners.connection, CRM_MODULES[kind], crm_ids, partners.client)


def whole(partners, kind, crm_id):
    """All that the CRM says of a document, but for what we write on purpose."""
    record = partners.crm.get(CRM_MODULES[kind], crm_id)
    return {key: value for key, value in record.items() if key not in OF_OUR_OWN}


def documents(kind=Kind.INVOICE):
    db.session.rollback()
    statement = select(Transaction).where(Transaction.kind == kind).order_by(Transaction.id)
    return list(db.session.scalars(statement.execution_options(populate_existing=True)))


def all_items():
    db.session.rollback()
    return list(db.session.scalars(select(Item).order_by(Item.id)))


def add_item(name, **values):
    with unit_of_work() as session:
        return items.create(session, ItemDraft(name=name, **values), actor=SYSTEM).id


def assert_untouched(partners, kind, crm_id, before):
    """After everything was delivered, twice over, the CRM's record is what it was, and all is quiet."""
    deliver(partners)
    assert whole(partners, kind, crm_id) == before
    told(partners, kind, crm_id)
    partners.sync()
    deliver(partners)
    assert whole(partners, kind, crm_id) == before
    assert waiting() == []


# --- the CRM's record -------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", list(Kind))
def test_a_full_document_made_in_the_crm_is_left_there_as_it_was(both_ways, acme, kind):
    rows = [
        row(both_ways, "Desk", code="D-1", Discount=3, Description="oak"),
        row(both_ways, "Lamp", Line_Tax=[{"name": "Vat", "percentage": 20}]),
        row(both_ways, "Hour", quantity=Decimal("1.5"), price=Decimal("33.33")),
    ]
    values = ADDRESSES | {"Adjustment": Decimal("1.5"), "Discount": 2, "Description": " Hello ", "Tax": 4}
    crm_id = add(both_ways, kind, rows, **values, **FULL[kind])
    before = whole(both_ways, kind, crm_id)
    told(both_ways, kind, crm_id)
    (made,) = documents(kind)
    assert made.total == Decimal(str(before["Grand_Total"]))
    assert_untouched(both_ways, kind, crm_id, before)


@pytest.mark.parametrize("kind", list(Kind))
def test_a_bare_document_made_in_the_crm_is_left_there_as_it_was(both_ways, acme, kind):
    crm_id = add(both_ways, kind, [row(both_ways, "Desk")], **BARE[kind])
    before = whole(both_ways, kind, crm_id)
    told(both_ways, kind, crm_id)
    assert len(documents(kind)) == 1
    assert_untouched(both_ways, kind, crm_id, before)


def test_what_an_order_was_made_from_in_the_crm_stays_named_there(both_ways, acme):
    quote_id = add(both_ways, Kind.QUOTE, [row(both_ways, "Desk")])
    crm_id = add(both_ways, Kind.SALES_ORDER, [row(both_ways, "Lamp")], Quote_Name={"id": quote_id})
    before = whole(both_ways, Kind.SALES_ORDER, crm_id)
    told(both_ways, Kind.SALES_ORDER, crm_id)
    assert_untouched(both_ways, Kind.SALES_ORDER, crm_id, before)


def test_an_edit_of_a_row_in_the_crm_leaves_its_taxes_there(both_ways, acme):
    taxed = row(both_ways, "Lamp", Line_Tax=[{"name": "Vat", "percentage": 20}])
    crm_id = add(both_ways, Kind.INVOICE, [taxed])
    told(both_ways, Kind.INVOICE, crm_id)
    deliver(both_ways)
    (present,) = both_ways.crm.get("Invoices", crm_id)["Invoiced_Items"]
    both_ways.edit("Invoices", crm_id, Invoiced_Items=[{"id": present["id"], "Quantity": 3}])
    before = whole(both_ways, Kind.INVOICE, crm_id)
    told(both_ways, Kind.INVOICE, crm_id)
    assert [each.total for each in documents()] == [Decimal(72)]
    assert_untouched(both_ways, Kind.INVOICE, crm_id, before)


def test_what_is_changed_here_afterwards_is_told_and_the_sums_agree(both_ways, acme):
    taxed = row(both_ways, "Lamp", Line_Tax=[{"name": "Vat", "percentage": 20}])
    crm_id = add(both_ways, Kind.INVOICE, [taxed], Invoice_Date=None)
    told(both_ways, Kind.INVOICE, crm_id)
    deliver(both_ways)
    with unit_of_work() as session:
        held = session.scalars(select(Transaction)).one()
        draft = from_transaction(held)
        lines = [transactions.replace(line, quantity=Decimal(3), rate=Decimal(10)) for line in draft.lines]
        draft = transactions.replace(draft, lines=tuple(lines), date=date(2026, 2, 1), due_date=date(2027, 2, 1))
        transactions.edit(session, held, draft, version=None, actor=SYSTEM)
    deliver(both_ways)
    there = both_ways.crm.get("Invoices", crm_id)
    assert (Decimal(there["Grand_Total"]), there["Invoice_Date"]) == (Decimal(36), "2026-02-01")


# --- what arrives -----------------------------------------------------------------------------------


def test_addresses_arrive_in_full(both_ways, acme):
    told(both_ways, Kind.INVOICE, add(both_ways, Kind.INVOICE, [row(both_ways, "Desk")], **ADDRESSES))
    (invoice,) = documents()
    assert (invoice.billing_address, invoice.shipping_address) == ("1 Main St\nBerlin\n10115", "2 Side St")


@pytest.mark.parametrize(("kind", "reference"), [(Kind.QUOTE, "Office"), (Kind.SALES_ORDER, ""), (Kind.INVOICE, "")])
def test_the_subject_is_the_reference_where_the_crm_has_no_other(both_ways, acme, kind, reference):
    told(both_ways, kind, add(both_ways, kind, [row(both_ways, "Desk")]))
    assert [each.reference for each in documents(kind)] == [reference]


@pytest.mark.parametrize("kind", list(Kind))
def test_without_a_date_it_is_of_the_day_it_was_made_on_where_the_books_are_kept(both_ways, acme, kind):
    crm_id = add(both_ways, kind, [row(both_ways, "Desk")])
    made = datetime.fromisoformat(both_ways.crm.get(CRM_MODULES[kind], crm_id)["Created_Time"]).astimezone(UTC)
    with unit_of_work() as session:
        organisation = incoming.runs.setup_of(session, both_ways.connection_id, "invoices").organisation_id
        zone = "Pacific/Kiritimati" if made.hour >= 10 else "Pacific/Pago_Pago"  # where it is another day
        session.get_one(transactions.books.Organisation, organisation).time_zone = zone
    told(both_ways, kind, crm_id)
    assert [each.date for each in documents(kind)] == [made.astimezone(ZoneInfo(zone)).date()]


@pytest.mark.parametrize(("kind", "field"), [
    (Kind.QUOTE, "Valid_Till"), (Kind.SALES_ORDER, "Due_Date"), (Kind.INVOICE, "Due_Date"),
])  # fmt: skip
def test_a_day_that_is_past_is_kept(both_ways, acme, kind, field):
    told(both_ways, kind, add(both_ways, kind, [row(both_ways, "Desk")], **{field: "2020-03-01"}))
    (made,) = documents(kind)
    assert made.due_date.isoformat() == "2020-03-01"


def test_an_invoice_that_is_due_before_its_date_is_refused_with_a_sentence(both_ways, acme):
    values = {"Invoice_Date": "2020-03-02", "Due_Date": "2020-03-01"}
    told(both_ways, Kind.INVOICE, add(both_ways, Kind.INVOICE, [row(both_ways, "Desk")], **values))
    assert (documents(), all_items()) == ([], [])
    (entry,) = db.session.scalars(select(SyncEntry).where(SyncEntry.outcome == "failed"))
    assert "cannot be before the document's date" in entry.crm_words


# --- items ------------------------------------------------------------------------------------------


def test_a_product_that_is_no_item_yet_becomes_one(both_ways, acme):
    told(both_ways, Kind.INVOICE, add(both_ways, Kind.INVOICE, [row(both_ways, "Desk", code="D-1")]))
    (item,) = all_items()
    assert (item.name, item.sku, item.rate) == ("Desk", "D-1", 7)
    assert [line.item_id for each in documents() for line in each.lines] == [item.id]
    link = db.session.scalars(select(Link).where(Link.entity == "item")).one()
    assert (link.entity_id, link.made_by, link.crm_module) == (item.id, "crm", "Products")
    entries = db.session.scalars(select(SyncEntry).where(SyncEntry.entity == "item")).all()
    assert [(each.outcome, each.direction, each.entity_id) for each in entries] == [("added", "in", item.id)]


def test_an_item_stays_its_products_though_both_get_other_names(both_ways, acme):
    first = row(both_ways, "Desk")
    told(both_ways, Kind.INVOICE, add(both_ways, Kind.INVOICE, [first]))
    both_ways.edit("Products", first["Product_Name"]["id"], Product_Name="Table")
    told(both_ways, Kind.INVOICE, add(both_ways, Kind.INVOICE, [first]))
    assert len({line.item_id for each in documents() for line in each.lines}) == len(all_items()) == 1


def test_products_of_one_name_are_one_item(both_ways, acme):
    crm_id = add(both_ways, Kind.INVOICE, [row(both_ways, "Desk"), row(both_ways, "desk")])
    before = whole(both_ways, Kind.INVOICE, crm_id)
    told(both_ways, Kind.INVOICE, crm_id)
    assert [each.name for each in all_items()] == ["Desk"]
    assert_untouched(both_ways, Kind.INVOICE, crm_id, before)


def test_a_product_of_the_same_name_and_another_code_is_another_item(both_ways, acme):
    item_id = add_item("Desk", sku="D-1")
    told(both_ways, Kind.INVOICE, add(both_ways, Kind.INVOICE, [row(both_ways, "Desk", code="D-2")]))
    assert [each.sku for each in all_items()] == ["D-1", "D-2"]
    assert documents()[0].lines[0].item_id != item_id


@pytest.mark.parametrize(("here", "there"), [
    ("SCHLÜSSEL äö", "Schlüssel ÄÖ"), ("STRASSE", "Straße"), ("Straße", "Strasse"), ("Desk  large ", "desk large"),
])  # fmt: skip
def test_names_are_recognised_in_every_alphabet_and_database(any_app, sandbox, here, there):
    partners = connected(any_app, sandbox, extent="both")
    add_customer(display_name="Acme Ltd")
    partners.sync()
    configure(partners, extent=Extent.BOTH)
    item_id = add_item(here)
    told(partners, Kind.INVOICE, add(partners, Kind.INVOICE, [row(partners, there)]))
    assert [line.item_id for each in documents() for line in each.lines] == [item_id]


def test_our_product_for_lines_without_an_item_makes_no_item(both_ways, acme):
    other = row(both_ways, "Other goods and services", code="BILLING-OTHER", Description="Taxi\nto the fair")
    crm_id = add(both_ways, Kind.INVOICE, [other])
    before = whole(both_ways, Kind.INVOICE, crm_id)
    told(both_ways, Kind.INVOICE, crm_id)
    (line,) = documents()[0].lines
    assert (line.item_id, line.name, line.description, all_items()) == (None, "Taxi", "to the fair", [])
    assert_untouched(both_ways, Kind.INVOICE, crm_id, before)
    assert len(documents_in(both_ways)) == 1


# --- our id -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("typed", ["9" * 25, "9" * 19, "٣" * 30, "0", "a note"])
def test_whatever_people_type_where_our_id_belongs_the_document_arrives(any_app, sandbox, typed):
    partners = connected(any_app, sandbox, extent="both")
    add_customer(display_name="Acme Ltd")
    partners.sync()
    configure(partners, extent=Extent.BOTH)
    add(partners, Kind.INVOICE, [row(partners, "Desk")], Billing_Document_Id=typed)
    run = partners.sync()
    assert (run.status, len(documents())) == ("succeeded", 1)
    deliver(partners)
    assert [each["Billing_Document_Id"] for each in documents_in(partners)] == [str(documents()[0].id)]


# --- two at once ------------------------------------------------------------------------------------


@pytest.fixture
def in_step(monkeypatch):
    """Two workers that bring the same document in reach the point where both know nothing of it."""
    barrier, find = threading.Barrier(2), merging._customer_of

    def wait_and_find(*asked):
        with suppress(threading.BrokenBarrierError):  # SQLite lets the other one begin only when this one has ended
            barrier.wait(timeout=2)
        return find(*asked)

    monkeypatch.setattr(merging, "_customer_of", wait_and_find)


def test_a_notification_and_a_run_that_meet_the_same_document_make_one(any_app, sandbox, in_step):
    partners = connected(any_app, sandbox, extent="both")
    add_customer(display_name="Acme Ltd")
    partners.sync()
    configure(partners, extent=Extent.BOTH)
    crm_id = add(partners, Kind.INVOICE, [row(partners, "Desk")])
    organisation_id, connection_id, met = partners.connection.organisation_id, partners.connection_id, []

    def notified():
        with any_app.app_context():
            work_for(db.session(), organisation_id)
            connection = db.session.get_one(Connection, connection_id)
            incoming.take(connection, "Invoices", [crm_id], hasty_client(connection))
            met.append(True)
            db.session.remove()

    other = threading.Thread(target=notified)
    other.start()
    run = partners.sync()
    other.join()
    assert (run.status, met) == ("succeeded", [True])
    assert [len(documents()), len(all_items()), partners.count(Link)] == [1, 1, 3]
