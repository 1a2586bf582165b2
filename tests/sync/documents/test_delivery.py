"""Documents on their way into a real stand-in CRM."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select

from tests.factories.both_sides import link_of as pair_of
from tests.factories.documents import (
    LINES,
    add_customer,
    configure,
    deliver,
    documents_in,
    due_now,
    invoice_for,
    link_of,
    move,
    the_document,
    total_of,
    waiting,
)  # fmt: skip
from tests.factories.recycle_bin import recover
from tests.factories.sync import connected
from tests.factories.transactions import make_line, make_quote, make_transaction
from zbweb.billing import books, convert, items, moves, transactions
from zbweb.billing.drafts import Potential, from_transaction
from zbweb.billing.items import ItemDraft
from zbweb.billing.journal import SYSTEM
from zbweb.billing.models import Customer, Transaction
from zbweb.billing.status import Status
from zbweb.billing.words import DiscountKind, Kind, TaxMode, TaxRounding
from zbweb.db import db, unit_of_work
from zbweb.sync import connection as connections
from zbweb.sync import runs
from zbweb.sync.core.words import Trigger
from zbweb.sync.models import SyncEntry, SyncRun


def change(transaction_id, *, lines=None, **values):
    """An edit by a person; `lines` turns the present lines into new ones."""
    with unit_of_work() as session:
        held = session.get_one(Transaction, transaction_id)
        draft = replace(from_transaction(held), **values)
        draft = replace(draft, lines=lines(draft.lines)) if lines else draft
        transactions.edit(session, held, draft, version=None, actor=SYSTEM)


@pytest.fixture
def acme(both_ways):
    customer_id = add_customer(display_name="Acme Ltd")
    both_ways.sync()
    return customer_id


def runs_told():
    db.session.rollback()
    statement = select(SyncRun).where(SyncRun.module != "customers").order_by(SyncRun.id)
    return list(db.session.scalars(statement.execution_options(populate_existing=True)))


def entries_told():
    db.session.rollback()
    statement = select(SyncEntry).where(SyncEntry.entity == "transaction").order_by(SyncEntry.id)
    return [(each.outcome, each.reason) for each in db.session.scalars(statement)]


# --- what arrives -----------------------------------------------------------------------------------


def test_a_sent_invoice_appears_in_the_crm_with_its_account_dates_and_lines(both_ways, acme):
    configure(both_ways)
    with unit_of_work() as session:
        due = books.today(session) + timedelta(days=10)
    line = make_line("Widget", "3", "19.99", description="blue", discount_value=Decimal(10))
    invoice_id = invoice_for(acme, lines=[line], due_date=due, reference="PO 7", notes="Thank you")
    deliver(both_ways)
    found = the_document(both_ways)
    (account,) = both_ways.records("Accounts")
    assert found["Account_Name"]["id"] == account["id"]
    assert (found["Subject"], found["Status"], found["Purchase_Order"]) == ("INV-000001", "Delivered", "PO 7")
    assert (found["Due_Date"], found["Description"]) == (due.isoformat(), "Thank you")
    (row,) = found["Invoiced_Items"]
    assert (row["Quantity"], row["List_Price"], row["Discount"]) == (3, Decimal("19.99"), 6)
    assert row["Description"] == "Widget\nblue"
    assert found["Billing_Document_Id"] == str(invoice_id)
    assert Decimal(found["Grand_Total"]) == total_of(invoice_id)
    assert waiting() == []
    (run,) = runs_told()
    assert (run.module, run.trigger, run.status, run.added) == ("invoices", "transaction", "succeeded", 2)


@pytest.mark.parametrize("kind", list(Kind))
def test_every_kind_goes_to_its_module(both_ways, acme, kind):
    configure(both_ways, kind)
    with unit_of_work() as session:
        made = make_transaction(session, session.get_one(Customer, acme), kind=kind).id
    deliver(both_ways)
    found = the_document(both_ways, kind)
    assert len(found[LINES[link_of(made).crm_module]]) == 1
    assert Decimal(found["Grand_Total"]) == 100


def test_an_invoice_of_an_order_of_a_quote_points_back_at_them_and_at_the_potential(both_ways, acme):
    for kind in Kind:
        configure(both_ways, kind)
    deal = both_ways.add("Deals", Deal_Name="Big", Stage="Qualification", Closing_Date="2030-01-01")
    with unit_of_work() as session:
        customer = session.get_one(Customer, acme)
        quote = make_quote(session, customer, potential=Potential(deal, "Big"))
        order = convert.to_order(session, quote, actor=SYSTEM)
        invoice = convert.to_invoice(session, order, actor=SYSTEM)
        moves.move(session, invoice, Status.SENT, SYSTEM)
    deliver(both_ways)
    assert the_document(both_ways, Kind.QUOTE)["Deal_Name"]["id"] == deal
    order_there = the_document(both_ways, Kind.SALES_ORDER)
    assert order_there["Quote_Name"]["id"] == the_document(both_ways, Kind.QUOTE)["id"]
    assert the_document(both_ways, Kind.INVOICE)["Sales_Order"]["id"] == order_there["id"]


TAXED = {"tax_name": "VAT", "tax_rate": Decimal("8.875")}
GOLDEN = {
    "plain": {"lines": [make_line(quantity="3", rate="33.33")]},
    "exclusive tax": {"lines": [make_line(quantity="3", rate="33.33", **TAXED), make_line(rate="0.05", **TAXED)]},
    "tax rounded once": {
        "lines": [make_line(rate="0.14", **TAXED) for _ in range(7)],
        "tax_rounding": TaxRounding.DOCUMENT,
    },
    "inclusive tax": {"lines": [make_line(quantity="2", rate="59.99", **TAXED)], "tax_mode": TaxMode.INCLUSIVE},
    "document discount": {
        "lines": [make_line(quantity="3", rate="33.33", **TAXED), make_line(rate="10.01")],
        "discount_value": Decimal("12.5"),
    },
    "inclusive with discounts": {
        "lines": [make_line(quantity="7", rate="9.99", discount_value=Decimal("33.3"), **TAXED)],
        "tax_mode": TaxMode.INCLUSIVE,
        "discount_kind": DiscountKind.AMOUNT,
        "discount_value": Decimal("1.11"),
    },
    "shipping and adjustment": {
        "lines": [make_line(rate="10", discount_kind=DiscountKind.AMOUNT, discount_value=Decimal("0.99"), **TAXED)],
        "shipping": Decimal("4.5"),
        "adjustment": Decimal("-0.03"),
    },
    "finer than cents": {
        "lines": [make_line(quantity="1000.5", rate="0.001234", **TAXED), make_line(quantity="0.333", rate="3")]
    },
    "free": {"lines": [make_line(rate="0")]},
}


@pytest.mark.parametrize("case", GOLDEN)
def test_the_crm_comes_to_the_same_total(both_ways, acme, case):
    configure(both_ways)
    invoice_id = invoice_for(acme, **GOLDEN[case])
    deliver(both_ways)
    assert Decimal(the_document(both_ways)["Grand_Total"]) == total_of(invoice_id)


def test_an_edit_changes_the_rows_that_are_there_and_the_total_with_them(both_ways, acme):
    configure(both_ways)
    invoice_id = invoice_for(acme, lines=[make_line("A"), make_line("B", rate="7"), make_line("C")])
    deliver(both_ways)
    before = the_document(both_ways)
    change(invoice_id, lines=lambda lines: (replace(lines[0], quantity=Decimal(5), **TAXED), lines[2]))
    deliver(both_ways)
    after = the_document(both_ways)
    assert [row["id"] for row in after["Invoiced_Items"]] == [row["id"] for row in before["Invoiced_Items"]][:2]
    assert [row["Description"] for row in after["Invoiced_Items"]] == ["A", "C"]
    assert Decimal(after["Grand_Total"]) == total_of(invoice_id)
    assert entries_told() == [("added", "pushed_new"), ("updated", "changed_here")]


# --- products ---------------------------------------------------------------------------------------


def test_items_become_products_by_sku_then_by_name_and_only_once(both_ways, acme):
    configure(both_ways)
    by_code = both_ways.add("Products", Product_Name="Chair, old name", Product_Code="CHR")
    by_name = both_ways.add("Products", Product_Name="desk")
    other = both_ways.add("Products", Product_Name="Lamp", Product_Code="X1")
    before = {each["id"] for each in both_ways.records("Products")}
    with unit_of_work() as session:
        made = [
            items.create(session, ItemDraft(name=name, sku=sku, rate=Decimal(5)), actor=SYSTEM).id
            for name, sku in (("Chair", "chr"), ("Desk", ""), ("Lamp", "LMP"))
        ]
    lines = [make_line("x", item_id=item_id) for item_id in made] + [make_line("Something"), make_line("Else")]
    for _ in range(2):
        invoice_for(acme, lines=lines)
        deliver(both_ways)
    found = documents_in(both_ways)
    used = [row["Product_Name"]["id"] for row in found[0]["Invoiced_Items"]]
    assert used[:2] == [by_code, by_name]
    assert other not in used
    assert used[3] == used[4]
    assert [row["Product_Name"]["id"] for row in found[1]["Invoiced_Items"]] == used
    made = {each["Product_Name"] for each in both_ways.records("Products", "Product_Name") if each["id"] not in before}
    assert made == {"Lamp", "Other goods and services"}
    assert len(both_ways.records("Products")) == len(before) + 2


# --- customers --------------------------------------------------------------------------------------


def test_a_customer_who_is_not_in_the_crm_goes_there_first(both_ways):
    configure(both_ways)
    invoice_for(add_customer(display_name="New Ltd"))
    deliver(both_ways)
    assert the_document(both_ways)["Account_Name"]["name"] == "New Ltd"


def test_a_document_waits_for_a_customer_that_the_crm_refuses(both_ways):
    configure(both_ways)
    invoice_for(add_customer(display_name="A" * 130))
    deliver(both_ways)
    assert documents_in(both_ways) == []
    (row,) = waiting()
    assert (row.error_code, row.attempts) == ("blocked_by_customer", 1)
    assert row.not_before is not None
    assert entries_told() == [("failed", "blocked_by_customer")]
    due_now()
    deliver(both_ways)
    assert entries_told() == [("failed", "blocked_by_customer")]
    assert waiting()[0].attempts == 2


def test_where_customers_are_only_fetched_a_document_waits_for_its_customer_without_a_failure(app, asha, sandbox):
    partners = connected(app, sandbox, extent="fetch", policy="overwrite")
    configure(partners)
    invoice_for(add_customer(display_name="Acme Ltd"))
    partners.forget_calls()
    deliver(partners)
    assert partners.sandbox.requests() == []
    assert entries_told() == [("skipped", "customer_only_fetched")]
    assert len(waiting()) == 1
    partners.add("Accounts", Account_Name="Acme Ltd")
    partners.sync()
    deliver(partners)
    assert len(documents_in(partners)) == 1
    assert waiting() == []


def test_a_document_looks_again_soon_while_customers_are_being_synced(both_ways):
    configure(both_ways)
    invoice_for(add_customer())
    with unit_of_work() as session:
        queued = runs.queue_run(session, both_ways.connection, trigger=Trigger.AUTO, actor_name="")
        assert runs.claim(session, queued.id, "somebody") is not None
    deliver(both_ways)
    (row,) = waiting()
    assert (row.error_code, row.attempts, row.claimed_until) == ("", 0, None)
    assert row.not_before is not None
    assert entries_told() == []


def test_an_individual_without_an_account_gets_one_that_does_not_come_back_as_a_customer(both_ways):
    configure(both_ways)
    customer_id = add_customer(type="individual", display_name="Ada Lovelace", first_name="Ada", last_name="Lovelace")
    for _ in range(2):
        invoice_for(customer_id)
        deliver(both_ways)
    (account,) = both_ways.records("Accounts", "Account_Name")
    assert account["Account_Name"] == "Ada Lovelace"
    for found in documents_in(both_ways):
        assert found["Account_Name"]["id"] == account["id"]
        assert found["Contact_Name"]["name"] == "Ada Lovelace"
    both_ways.sync()
    assert len(both_ways.customers()) == 1


# --- drafts, void, deletion -------------------------------------------------------------------------


def test_drafts_stay_here_until_they_are_sent(both_ways, acme):
    configure(both_ways)
    invoice_id = invoice_for(acme, is_draft=True)
    deliver(both_ways)
    assert documents_in(both_ways) == []
    assert waiting() == []
    move(invoice_id, Status.SENT)
    deliver(both_ways)
    assert len(documents_in(both_ways)) == 1


@pytest.mark.parametrize(
    ("kind", "to", "field", "word"),
    [
        (Kind.INVOICE, Status.VOID, "Status", "Cancelled"),
        (Kind.SALES_ORDER, Status.VOID, "Status", "Cancelled"),
        (Kind.QUOTE, Status.DECLINED, "Quote_Stage", "Closed Lost"),
        (Kind.QUOTE, Status.ACCEPTED, "Quote_Stage", "Confirmed"),
    ],
)
def test_a_status_follows(both_ways, acme, kind, to, field, word):
    configure(both_ways, kind)
    with unit_of_work() as session:
        made = make_transaction(session, session.get_one(Customer, acme), kind=kind).id
    deliver(both_ways)
    move(made, to)
    deliver(both_ways)
    assert the_document(both_ways, kind)[field] == word


def test_what_was_void_before_it_was_sent_stays_here(both_ways, acme):
    configure(both_ways)
    invoice_id = invoice_for(acme)
    move(invoice_id, Status.VOID)
    deliver(both_ways)
    assert documents_in(both_ways) == []
    assert waiting() == []


def test_a_document_deleted_in_the_crm_is_not_sent_again(both_ways, acme):
    configure(both_ways)
    invoice_id = invoice_for(acme)
    deliver(both_ways)
    both_ways.drop("Invoices", the_document(both_ways)["id"])
    for notes in ("once", "twice"):
        change(invoice_id, notes=notes)
        deliver(both_ways)
    assert documents_in(both_ways) == []
    assert entries_told()[-1] == ("skipped", "document_gone")
    assert waiting() == []


# --- what may not be sent now -----------------------------------------------------------------------


def test_modules_that_are_not_configured_are_not_sent(both_ways, acme):
    invoice_for(acme)
    deliver(both_ways)
    assert documents_in(both_ways) == []
    assert waiting() == []


def test_what_exists_already_is_sent_when_asked_for(both_ways, acme):
    invoice_for(acme)
    deliver(both_ways)
    configure(both_ways, with_existing=True)
    deliver(both_ways)
    assert len(documents_in(both_ways)) == 1


@pytest.mark.parametrize("how", ["pause", "disable"])
def test_while_paused_or_disabled_documents_wait_and_nothing_is_called(both_ways, acme, how):
    configure(both_ways)
    with unit_of_work() as session:
        getattr(connections, how)(session, both_ways.connection, actor=SYSTEM)
    invoice_for(acme)
    both_ways.forget_calls()
    deliver(both_ways)
    assert both_ways.sandbox.requests() == []
    assert len(waiting()) == 1
    back = {"pause": connections.resume, "disable": connections.enable}[how]
    with unit_of_work() as session:
        back(session, both_ways.connection, actor=SYSTEM)
    deliver(both_ways)
    assert len(documents_in(both_ways)) == 1


def test_nothing_new_costs_no_call(both_ways, acme):
    configure(both_ways)
    invoice_for(acme)
    deliver(both_ways)
    configure(both_ways, with_existing=True)
    both_ways.forget_calls()
    deliver(both_ways)
    assert both_ways.writes() == []
    assert waiting() == []


# --- refusals ---------------------------------------------------------------------------------------


def test_a_refused_document_is_saved_here_says_why_and_goes_when_it_is_mended(both_ways, acme):
    configure(both_ways)
    account = both_ways.records("Accounts")[0]["id"]
    both_ways.drop("Accounts", account)
    invoice_for(acme)
    deliver(both_ways)
    (row,) = waiting()
    assert row.error_code == "INVALID_DATA"
    assert "Account_Name" in row.error_message
    assert entries_told() == [("failed", "crm_refused")]
    recover(both_ways, account)
    due_now()
    deliver(both_ways)
    assert waiting() == []
    assert len(documents_in(both_ways)) == 1
    db.session.rollback()
    failed = db.session.scalars(select(SyncEntry).where(SyncEntry.outcome == "failed")).all()
    assert all(entry.resolved_at for entry in failed)


def test_one_refusal_does_not_keep_the_others(both_ways, acme):
    configure(both_ways, Kind.QUOTE)
    gone = add_customer(display_name="Zylker Export")
    both_ways.sync()
    both_ways.drop("Accounts", pair_of("customer", gone).crm_id)
    with unit_of_work() as session:
        for customer_id in (gone, acme):
            make_quote(session, session.get_one(Customer, customer_id))
    deliver(both_ways)
    assert len(documents_in(both_ways, Kind.QUOTE)) == 1
    (run,) = runs_told()
    assert (run.status, run.added, run.failed) == ("partly_failed", 2, 1)


def test_a_crm_that_is_away_is_tried_again(both_ways, acme):
    configure(both_ways)
    invoice_for(acme)
    both_ways.sandbox.faults(fail_next=[{"status": 503, "count": 50}])
    deliver(both_ways)
    assert entries_told() == [("failed", "crm_away")]
    both_ways.sandbox.faults(fail_next=[])
    deliver(both_ways)
    assert documents_in(both_ways) == []
    due_now()
    deliver(both_ways)
    assert len(documents_in(both_ways)) == 1


def test_retry_in_the_history_sends_the_document_at_once(both_ways, acme):
    configure(both_ways)
    invoice_for(acme)
    both_ways.sandbox.faults(fail_next=[{"status": 503, "count": 50}])
    deliver(both_ways)
    both_ways.sandbox.faults(fail_next=[])
    with unit_of_work() as session:
        failed = session.scalars(select(SyncEntry.id).where(SyncEntry.outcome == "failed")).all()
        assert runs.retry_entries(session, both_ways.connection, list(failed), actor_name="Asha Rao") is None
    deliver(both_ways)
    assert len(documents_in(both_ways)) == 1


def test_a_document_of_a_known_customer_and_known_items_costs_one_call(both_ways, acme):
    configure(both_ways, Kind.QUOTE)
    for _ in range(2):
        both_ways.forget_calls()
        with unit_of_work() as session:
            make_quote(session, session.get_one(Customer, acme))
        deliver(both_ways)
    assert [(call["method"], call["path"]) for call in both_ways.sandbox.requests()] == [("POST", "/crm/v8/Quotes")]
