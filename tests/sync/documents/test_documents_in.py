"""Documents that people make and edit in the CRM, where a module syncs both ways."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select

from tests.factories.documents import (
    add_customer,
    configure,
    deliver,
    documents_in,
    link_of,
    the_document,
    total_of,
    waiting,
)
from tests.factories.sync import connected
from tests.factories.transactions import make_invoice, make_line, make_order, make_quote, pay
from zbweb.billing import customers, items, transactions
from zbweb.billing.drafts import from_transaction
from zbweb.billing.items import ItemDraft
from zbweb.billing.journal import SYSTEM
from zbweb.billing.models import Customer, Transaction
from zbweb.billing.words import Kind
from zbweb.db import db, unit_of_work
from zbweb.sync.core.words import Extent, Winner
from zbweb.sync.documents import incoming as inward
from zbweb.sync.models import SyncEntry, SyncRun

OF_OUR_OWN = {"Billing_Document_Id", "Modified_Time", "Change_Log_Time__s"}


@pytest.fixture
def acme(both_ways):
    """Acme Ltd, linked; invoices, quotes and orders sync both ways."""
    customer_id = add_customer(display_name="Acme Ltd")
    both_ways.sync()
    for kind in Kind:
        configure(both_ways, kind, extent=Extent.BOTH)
    return customer_id


def account(partners):
    return partners.records("Accounts")[0]["id"]


def make(customer_id, maker=make_invoice, **values):
    with unit_of_work() as session:
        return maker(session, session.get_one(Customer, customer_id), **values).id


def document(transaction_id):
    db.session.rollback()
    return db.session.get_one(Transaction, transaction_id, populate_existing=True)


def documents(kind=Kind.INVOICE):
    db.session.rollback()
    statement = select(Transaction).where(Transaction.kind == kind).order_by(Transaction.id)
    return list(db.session.scalars(statement.execution_options(populate_existing=True)))


def change(transaction_id, **values):
    with unit_of_work() as session:
        held = session.get_one(Transaction, transaction_id)
        transactions.edit(session, held, replace(from_transaction(held), **values), version=None, actor=SYSTEM)


def told(partners, kind=Kind.INVOICE):
    """A notification names every document of a kind."""
    ids = [each["id"] for each in documents_in(partners, kind)]
    inward.take(partners.connection, inward.CRM_MODULES[kind], ids, partners.client)


def in_entries():
    db.session.rollback()
    statement = select(SyncEntry).where(SyncEntry.entity == "transaction", SyncEntry.direction == "in")
    return [(each.outcome, each.reason) for each in db.session.scalars(statement.order_by(SyncEntry.id))]


def row(partners, product="Desk", **values):
    product_id = partners.add("Products", Product_Name=product, Unit_Price=20)
    return {"Product_Name": {"id": product_id}, "Quantity": 2, "List_Price": 20, **values}


def assert_agreed(partners, kind=Kind.INVOICE):
    """Both books come to the same, and another round changes nothing on either side."""
    deliver(partners)
    for each in documents_in(partners, kind):
        (ours,) = [mine for mine in documents(kind) if link_of(mine.id).crm_id == each["id"]]
        assert Decimal(each["Grand_Total"]) == ours.total
    versions = [each.version for each in documents(kind)]
    partners.forget_calls()
    told(partners, kind)
    partners.sync()
    deliver(partners)
    assert [call for call in partners.writes() if not call["path"].endswith("/deleted")] == []
    assert [each.version for each in documents(kind)] == versions
    assert waiting() == []


@pytest.fixture(params=["told", "polled"])
def hear(request):
    """The two ways in which a change becomes known."""
    return {"told": told, "polled": lambda partners, kind=Kind.INVOICE: partners.sync()}[request.param]


# --- new ones ---------------------------------------------------------------------------------------


def test_an_invoice_made_in_the_crm_becomes_one_here(both_ways, acme, hear):
    lines = [
        row(both_ways, Discount=3, Description="oak"),
        row(both_ways, "Lamp", Quantity=1, List_Price=Decimal("12.5"), Line_Tax=[{"name": "Vat", "percentage": 20}]),
    ]
    both_ways.add(
        "Invoices", Subject="Office", Account_Name=account(both_ways), Status="Approved", Invoice_Date="2026-01-05",
        Due_Date="2026-02-05", Invoiced_Items=lines, Adjustment=Decimal("1.5"), Discount=2, Description="Hello",
        Terms_and_Conditions="30 days", Purchase_Order="PO 7", Billing_Street="1 Main St", Shipping_Street="2 Side St",
    )  # fmt: skip
    before = the_document(both_ways)
    hear(both_ways)
    (invoice,) = documents()
    assert (invoice.customer_id, invoice.currency, invoice.origin) == (acme, "USD", "crm")
    assert (invoice.status, invoice.number, invoice.reference) == ("sent", "INV-000001", "PO 7")
    assert (invoice.date.isoformat(), invoice.due_date.isoformat()) == ("2026-01-05", "2026-02-05")
    assert (invoice.notes, invoice.terms) == ("Hello", "30 days")
    assert (invoice.billing_address, invoice.shipping_address) == ("1 Main St", "2 Side St")
    assert [
        (line.name, line.description, line.quantity, line.rate, line.discount_kind, line.discount_value)
        for line in invoice.lines
    ] == [("Desk", "oak", 2, 20, "amount", 3), ("Lamp", "", 1, Decimal("12.5"), "amount", 0)]
    taxes = [(line.tax_name, line.tax_rate, line.tax_amount) for line in invoice.lines]
    assert taxes == [("", 0, 0), ("Vat", 20, Decimal("2.4"))]  # of the price after its part of the discount
    assert (invoice.discount_kind, invoice.discount_value, invoice.adjustment) == ("amount", 2, Decimal("1.6"))
    assert invoice.total == Decimal(before["Grand_Total"]) == Decimal("51.5")
    assert in_entries() == [("added", "new")]
    assert_agreed(both_ways)
    after = the_document(both_ways)
    assert {key for key in before if after[key] != before[key]} <= OF_OUR_OWN
    assert after["Billing_Document_Id"] == str(invoice.id)
    assert len(documents()) == 1


@pytest.mark.parametrize(
    ("kind", "field", "word", "status"),
    [
        (Kind.QUOTE, "Quote_Stage", "Draft", "draft"),
        (Kind.QUOTE, "Quote_Stage", "Closed Lost", "declined"),
        (Kind.SALES_ORDER, "Status", "Created", "draft"),
        (Kind.SALES_ORDER, "Status", "Delivered", "closed"),
        (Kind.INVOICE, "Status", "Cancelled", "void"),
        (Kind.INVOICE, "Status", "Something new", "draft"),
    ],
)
def test_the_status_follows_the_table(both_ways, acme, kind, field, word, status):
    lines = {Kind.QUOTE: "Quoted_Items", Kind.SALES_ORDER: "Ordered_Items", Kind.INVOICE: "Invoiced_Items"}[kind]
    values = {field: word, lines: [row(both_ways)]}
    both_ways.add(inward.CRM_MODULES[kind], Subject="X", Account_Name=account(both_ways), **values)
    told(both_ways, kind)
    assert [each.status for each in documents(kind)] == [status]


def test_products_are_recognised_as_items(both_ways, acme):
    with unit_of_work() as session:
        item_id = items.create(session, ItemDraft(name="desk", rate=Decimal(5)), actor=SYSTEM).id
    both_ways.add("Invoices", Subject="X", Account_Name=account(both_ways), Invoiced_Items=[row(both_ways)])
    told(both_ways)
    assert documents()[0].lines[0].item_id == item_id


def test_a_document_of_a_stranger_waits_until_its_account_is_a_customer(both_ways, acme):
    stranger = both_ways.add("Accounts", Account_Name="Stranger")
    both_ways.add("Invoices", Subject="X", Account_Name=stranger, Invoiced_Items=[row(both_ways)])
    told(both_ways)
    assert documents() == []
    assert in_entries() == [("failed", "document_no_customer")]
    both_ways.sync()
    assert len(documents()) == 1
    db.session.rollback()
    failed = db.session.scalars(select(SyncEntry).where(SyncEntry.outcome == "failed")).all()
    assert all(entry.resolved_at for entry in failed)


def test_documents_older_than_the_setup_are_left_alone(both_ways):
    add_customer(display_name="Acme Ltd")
    both_ways.sync()
    both_ways.add("Invoices", Subject="Old", Account_Name=account(both_ways), Invoiced_Items=[row(both_ways)])
    configure(both_ways, extent=Extent.BOTH)
    with unit_of_work() as session:
        setup = inward.runs.setup_of(session, both_ways.connection_id, "invoices")
        later = (inward.now() + timedelta(minutes=5)).isoformat()
        setup.watermarks = {**setup.watermarks, inward.SINCE: later}
    both_ways.sync()
    assert documents() == []


def test_a_module_that_is_only_pushed_fetches_nothing(both_ways):
    add_customer(display_name="Acme Ltd")
    both_ways.sync()
    configure(both_ways)
    both_ways.add("Invoices", Subject="X", Account_Name=account(both_ways), Invoiced_Items=[row(both_ways)])
    told(both_ways)
    both_ways.sync()
    assert documents() == []


# --- edits ------------------------------------------------------------------------------------------


def test_what_we_wrote_ourselves_is_recognised(both_ways, acme, hear):
    make(acme)
    deliver(both_ways)
    version = documents()[0].version
    hear(both_ways)
    assert documents()[0].version == version
    assert in_entries() == []
    assert waiting() == []


def test_a_notification_that_changes_nothing_leaves_no_run(both_ways, acme):
    make(acme)
    deliver(both_ways)
    told(both_ways)
    db.session.rollback()
    assert db.session.scalars(select(SyncRun).where(SyncRun.trigger == "notification")).all() == []


def test_an_edit_in_the_crm_arrives_with_its_lines_and_the_total_is_ours_again(both_ways, acme, hear):
    tax = {"tax_name": "VAT", "tax_rate": Decimal(10)}
    invoice_id = make(acme, lines=[make_line("A", rate="10", **tax), make_line("B", rate="5", unit="h")])
    deliver(both_ways)
    there = the_document(both_ways)
    first, second = there["Invoiced_Items"]
    both_ways.edit(
        "Invoices", there["id"], Due_Date="2031-01-01", Purchase_Order="PO 9",
        Invoiced_Items=[{"id": first["id"], "Quantity": 3}, {"id": second["id"], "_delete": None}, row(both_ways)],
    )  # fmt: skip
    hear(both_ways)
    invoice = document(invoice_id)
    assert (invoice.due_date.isoformat(), invoice.reference) == ("2031-01-01", "PO 9")
    assert [(line.name, line.quantity, line.rate) for line in invoice.lines] == [("A", 3, 10), ("Desk", 2, 20)]
    assert invoice.lines[0].tax_rate == 10
    assert invoice.total == 73
    assert in_entries() == [("updated", "changed_in_crm")]
    assert_agreed(both_ways)


def test_an_adjustment_and_a_discount_made_there_arrive(both_ways, acme):
    invoice_id = make(acme, shipping=Decimal(5))
    deliver(both_ways)
    both_ways.edit("Invoices", the_document(both_ways)["id"], Adjustment=Decimal("7.25"), Discount=4)
    told(both_ways)
    assert document(invoice_id).adjustment == Decimal("2.25")
    assert total_of(invoice_id) == Decimal("103.25")
    assert_agreed(both_ways)


def test_amounts_written_there_more_finely_than_their_currency_counts_arrive_rounded(both_ways, acme):
    lines = [row(both_ways, Discount=Decimal("0.125"))]
    both_ways.add("Invoices", Subject="Fine", Account_Name=account(both_ways), Invoiced_Items=lines,
                  Discount=Decimal("1.005"), Adjustment=Decimal("0.333"))  # fmt: skip
    told(both_ways)
    (invoice,) = documents()
    assert (invoice.discount_value, invoice.lines[0].discount_value) == (Decimal("1.01"), Decimal("0.13"))
    both_ways.edit("Invoices", the_document(both_ways)["id"], Adjustment=Decimal("7.255"), Discount=Decimal("4.005"))
    told(both_ways)
    assert (document(invoice.id).discount_value, total_of(invoice.id)) == (Decimal("4.01"), Decimal("43.11"))


def test_a_document_made_there_for_a_customer_who_is_inactive_here_arrives_when_they_are_active_again(both_ways, acme):
    both_ways.add("Invoices", Subject="Late", Account_Name=account(both_ways), Invoiced_Items=[row(both_ways)])
    for is_active, arrived in ((False, []), (True, [acme])):
        with unit_of_work() as session:
            customers.set_active(session, session.get_one(Customer, acme), active=is_active, actor=SYSTEM)
        told(both_ways)
        assert [each.customer_id for each in documents()] == arrived
    assert in_entries() == [("failed", "invalid_value"), ("added", "new")]
    words = db.session.scalars(select(SyncEntry.crm_words).where(SyncEntry.outcome == "failed")).one()
    assert "Acme Ltd is inactive, so nothing new is made for it. Mark it as active first." in words


def test_a_tax_written_by_hand_there_is_set_back(both_ways, acme):
    invoice_id = make(acme)
    deliver(both_ways)
    both_ways.edit("Invoices", the_document(both_ways)["id"], Tax=50)
    told(both_ways)
    deliver(both_ways)
    assert Decimal(the_document(both_ways)["Grand_Total"]) == total_of(invoice_id) == 100


@pytest.mark.parametrize(
    ("maker", "kind", "field", "word", "status"),
    [
        (make_quote, Kind.QUOTE, "Quote_Stage", "Closed Won", "accepted"),
        (make_quote, Kind.QUOTE, "Quote_Stage", "Closed Lost", "declined"),
        (make_order, Kind.SALES_ORDER, "Status", "Delivered", "closed"),
        (make_invoice, Kind.INVOICE, "Status", "Cancelled", "void"),
        (make_invoice, Kind.INVOICE, "Status", "Approved", "sent"),
    ],
)
def test_a_status_set_there_moves_the_document(both_ways, acme, maker, kind, field, word, status):
    made = make(acme, maker)
    deliver(both_ways)
    both_ways.edit(inward.CRM_MODULES[kind], the_document(both_ways, kind)["id"], **{field: word})
    told(both_ways, kind)
    assert document(made).status == status
    deliver(both_ways)
    assert the_document(both_ways, kind)[field] == word


def test_what_is_not_possible_here_is_told_and_set_back(both_ways, acme):
    invoice_id = make(acme)
    with unit_of_work() as session:
        pay(session, session.get_one(Customer, acme), "100", invoices={session.get_one(Transaction, invoice_id): "100"})
    deliver(both_ways)
    both_ways.edit("Invoices", the_document(both_ways)["id"], Description="changed", Status="Cancelled")
    told(both_ways)
    assert in_entries() == [("skipped", "document_refused")]
    assert document(invoice_id).status == "sent"
    deliver(both_ways)
    assert (the_document(both_ways)["Description"], the_document(both_ways)["Status"]) == (None, "Delivered")
    assert_agreed(both_ways)


@pytest.mark.parametrize(
    ("winner", "notes"), [(Winner.CRM, "theirs"), (Winner.BILLING, "ours"), (Winner.NEWEST, "theirs")]
)
def test_changed_on_both_sides_the_setup_says_who_wins(both_ways, acme, winner, notes):
    configure(both_ways, extent=Extent.BOTH, winner=winner)
    invoice_id = make(acme)
    deliver(both_ways)
    change(invoice_id, notes="ours", reference="ours too")
    with unit_of_work() as session:
        session.get_one(Transaction, invoice_id).updated_at = inward.now() - timedelta(seconds=5)
    both_ways.edit("Invoices", the_document(both_ways)["id"], Description="theirs", Terms_and_Conditions="new terms")
    told(both_ways)
    deliver(both_ways)
    ours, there = document(invoice_id), the_document(both_ways)
    assert (ours.notes, there["Description"]) == (notes, notes)
    assert (ours.reference, there["Purchase_Order"]) == ("ours too", "ours too")
    assert (ours.terms, there["Terms_and_Conditions"]) == ("new terms", "new terms")
    assert_agreed(both_ways)


def test_a_document_deleted_there_stays_here(both_ways, acme, hear):
    invoice_id = make(acme)
    deliver(both_ways)
    crm_id = the_document(both_ways)["id"]
    both_ways.drop("Invoices", crm_id)
    if hear is told:
        inward.take(both_ways.connection, "Invoices", [crm_id], both_ways.client)
    else:
        hear(both_ways)
    assert document(invoice_id).status == "sent"
    assert link_of(invoice_id) is None
    assert in_entries() == [("deleted", "document_gone_in_crm")]


def test_our_own_document_is_not_taken_for_a_new_one_before_its_link_is_written(both_ways, acme):
    make(acme)

    def open_client(connection):
        client = both_ways.client
        inner = client.insert

        def insert(module, *args, **kwargs):
            verdicts = inner(module, *args, **kwargs)
            if module == "Invoices":
                told(both_ways)
            return verdicts

        client.insert = insert
        return client

    deliver(both_ways, open_client=open_client)
    assert len(documents()) == 1
    assert len(documents_in(both_ways)) == 1
    assert_agreed(both_ways)


def test_a_copy_made_in_the_crm_is_a_document_of_its_own(both_ways, acme):
    make(acme)
    deliver(both_ways)
    there = the_document(both_ways)
    lines = [{key: each[key] for key in ("Product_Name", "Quantity", "List_Price")} for each in there["Invoiced_Items"]]
    copied = {key: there[key] for key in ("Subject", "Account_Name", "Status", "Billing_Document_Id")}
    both_ways.add("Invoices", **copied, Invoiced_Items=lines)
    told(both_ways)
    assert len(documents()) == 2
    assert_agreed(both_ways)
    assert len({each["Billing_Document_Id"] for each in documents_in(both_ways)}) == 2


def test_figures_follow_what_was_made_in_the_crm(both_ways, acme):
    both_ways.add(
        "Invoices", Subject="X", Account_Name=account(both_ways), Status="Approved", Invoiced_Items=[row(both_ways)]
    )
    told(both_ways)
    deliver(both_ways)
    assert both_ways.records("Accounts", "Outstanding_Receivables")[0]["Outstanding_Receivables"] == 40


def test_every_database_does_it(any_app, sandbox):
    partners = connected(any_app, sandbox, extent="both")
    customer_id = add_customer(display_name="Acme Ltd")
    partners.sync()
    configure(partners, extent=Extent.BOTH)
    invoice_id = make(customer_id)
    deliver(partners)
    partners.edit("Invoices", the_document(partners)["id"], Description="theirs", Status="Cancelled")
    partners.add("Invoices", Subject="X", Account_Name=account(partners), Invoiced_Items=[row(partners)])
    partners.sync()
    assert (document(invoice_id).notes, document(invoice_id).status) == ("theirs", "void")
    assert len(documents()) == 2
    assert_agreed(partners)
