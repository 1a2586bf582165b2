"""Lists, chips, search and the figures of the first page."""

import csv
import io
from datetime import date, timedelta
from decimal import Decimal

import pytest

from tests.factories.customers import make_customer
from tests.factories.transactions import bill, make_invoice, make_line, make_order, make_quote, pay
from tests.people import Person
from zbweb.billing import books, convert, moves, receivables
from zbweb.billing.drafts import Potential
from zbweb.billing.queries import dashboard, documents, payments, transactions
from zbweb.billing.queries.paging import Window
from zbweb.billing.queries.transactions import Filter
from zbweb.billing.status import PaymentStatus, Shown, Status
from zbweb.billing.words import Kind
from zbweb.db import db, unit_of_work
from zbweb.errors import NotFound


@pytest.fixture
def person(any_app):
    return Person.make(any_app, "asha@zylker.example", "Asha Rao", "admin")


@pytest.fixture
def today(person):
    return books.today(db.session())


@pytest.fixture
def ledger(person, today):
    """One invoice of each fate, by the name of its fate, and two customers."""
    yesterday = today - timedelta(days=1)
    with unit_of_work() as session:
        acme, zoe = make_customer(session, display_name="Acmé Ltd"), make_customer(session, display_name="Zoe")
        made = {
            "draft": make_invoice(session, acme, is_draft=True),
            "sent": make_invoice(session, acme, due_date=today, reference="PO-9"),
            "overdue": make_invoice(session, zoe, date=yesterday, due_date=yesterday),
            "partly": make_invoice(session, acme, due_date=today, potential=Potential("7", "Big deal")),
            "paid": make_invoice(session, zoe, date=yesterday, due_date=yesterday, lines=[make_line(rate="300")]),
            "void": make_invoice(session, zoe),
        }
        pay(session, acme, "40", invoices={made["partly"]: "40"})
        pay(session, zoe, "310", invoices={made["paid"]: "300"})
        moves.move(session, made["void"], Status.VOID, person.actor)
    return made


def listed(today, **wanted):
    wanted = {"kind": Kind.INVOICE} | wanted
    return transactions.page(db.session(), Filter(**wanted), Window(), today=today).rows


def ids(rows):
    return {row.id for row in rows}


def test_every_chip_finds_its_own_and_counts_them(ledger, today):
    expected = {
        "all": set(ledger),
        "draft": {"draft"},
        "unpaid": {"sent", "overdue", "partly"},
        "overdue": {"overdue"},
        "paid": {"paid"},
        "void": {"void"},
    }
    for key, names in expected.items():
        assert ids(listed(today, chip=key)) == {ledger[name].id for name in names}
    chips = transactions.chips(db.session(), Kind.INVOICE, today=today)
    assert {chip.key: chip.count for chip in chips} == {key: len(names) for key, names in expected.items()}


def test_a_row_says_what_people_need(ledger, today):
    rows = {row.id: row for row in listed(today)}
    partly = rows[ledger["partly"].id]
    assert (partly.shown, partly.total, partly.balance) == (Shown.PARTIALLY_PAID, 100, 60)
    assert (partly.customer_name, partly.potential_name) == ("Acmé Ltd", "Big deal")
    assert rows[ledger["overdue"].id].shown is Shown.OVERDUE


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("acme", {"draft", "sent", "partly"}),  # accents are folded, a part of the name will do
        ("inv-000001", {"sent"}),
        ("INV-00000", {"sent", "overdue", "partly", "paid", "void"}),
        ("PO-", {"sent"}),
        ("%", set()),
        ("nobody", set()),
    ],
)
def test_search_finds_by_number_reference_and_customer(ledger, today, typed, found):
    assert ids(listed(today, search=typed)) == {ledger[name].id for name in found}


def test_filters_narrow_a_list(ledger, today):
    assert ids(listed(today, potential_id="7")) == {ledger["partly"].id}
    zoe = ledger["paid"].customer_id
    assert ids(listed(today, customer_id=zoe, chip="paid")) == {ledger["paid"].id}
    assert ids(listed(today, date_to=today - timedelta(days=1))) == {ledger["overdue"].id, ledger["paid"].id}
    assert ids(listed(today, date_from=today, date_to=today, chip="void")) == {ledger["void"].id}


@pytest.mark.parametrize("sort", ["date", "-date", "total", "-total", "due_date", "-due_date"])
def test_pages_follow_each_other_in_every_order(ledger, today, sort):
    wanted = Filter(Kind.INVOICE, sort=sort)
    seen, window = [], Window(size=2)
    while window:
        page = transactions.page(db.session(), wanted, window, today=today)
        seen += page.rows
        window = Window(after=page.after, size=2) if page.after else None
    keys = [getattr(row, sort.removeprefix("-")) for row in seen]
    assert keys == sorted(keys, reverse=sort.startswith("-"))
    assert ids(seen) == {each.id for each in ledger.values()}
    assert len(seen) == len(ledger)


def test_a_count_stops_where_it_says(person, today, monkeypatch):
    monkeypatch.setattr(transactions, "COUNT_LIMIT", 2)  # a thousand documents would take a while to make
    with unit_of_work() as session:
        acme = make_customer(session)
        for _ in range(3):
            make_quote(session, acme)
    chips = {chip.key: chip for chip in transactions.chips(db.session(), Kind.QUOTE, today=today)}
    assert (chips["all"].count, chips["all"].is_capped, chips["all"].count_in_words) == (2, True, "2+")
    assert (chips["draft"].count, chips["draft"].is_capped, chips["draft"].count_in_words) == (0, False, "0")


def test_quotes_and_orders_show_what_became_of_them(person, today):
    with unit_of_work() as session:
        acme = make_customer(session)
        expired = make_quote(session, acme, date=date(2020, 1, 1), due_date=date(2020, 2, 1))
        fresh = make_quote(session, acme)
        order = make_order(session, acme, lines=[make_line(quantity="4")])
        bill(session, order, {0: "1"})
    assert ids(listed(today, kind=Kind.QUOTE, chip="expired")) == {expired.id}
    assert ids(listed(today, kind=Kind.QUOTE, chip="sent")) == {fresh.id}
    assert [row.shown for row in listed(today, kind=Kind.SALES_ORDER)] == [Shown.PARTIALLY_INVOICED]


def test_the_csv_holds_the_whole_list_under_a_header(ledger, today):
    rows = list(transactions.csv_rows(db.session(), Filter(Kind.INVOICE, chip="paid"), today=today))
    assert rows[0][:4] == ["Number", "Date", "Due date", "Customer"]
    assert [(row[0], row[3], row[5], row[7], row[8]) for row in rows[1:]] == [
        (ledger["paid"].number, "Zoe", "Paid", "300.00", "0.00")
    ]
    csv.writer(io.StringIO()).writerows(rows)


def test_strangers_documents_are_not_listed(ledger, any_app, today):
    Person.make(any_app, "dora@other.example", "Dora", "admin", organisation="Other GmbH")
    assert listed(today) == ()
    assert all(chip.count == 0 for chip in transactions.chips(db.session(), Kind.INVOICE, today=today))
    with pytest.raises(NotFound):
        documents.detail(db.session(), Kind.INVOICE, ledger["paid"].id, today=today)


def test_the_page_of_a_document_tells_its_family_and_what_can_be_done(person, today):
    with unit_of_work() as session:
        acme = make_customer(session)
        quote = make_quote(session, acme)
        order = convert.to_order(session, quote, actor=person.actor)
        invoice = bill(session, order)
        moves.move(session, invoice, Status.SENT, person.actor)
        payment = pay(session, acme, "70", invoices={invoice: "30"})
    db.session().expire_all()
    found = documents.detail(db.session(), Kind.SALES_ORDER, order.id, today=today)
    assert (found.made_from.id, [row.id for row in found.made_into]) == (quote.id, [invoice.id])
    assert (found.shown, found.convertible, found.moves) == (Shown.CLOSED, (), (Status.CONFIRMED,))
    found = documents.detail(db.session(), Kind.INVOICE, invoice.id, today=today)
    assert (found.payment_status, found.credit) == (PaymentStatus.PARTIALLY_PAID, 40)
    assert [(each.number, each.amount) for each in found.allocations] == [(payment.number, 30)]
    assert [entry.action for entry in found.history] == ["payment_applied", "sent", "created"]


def test_the_list_of_payments_finds_unused_ones(ledger):
    rows = payments.page(db.session(), payments.Filter(unused_only=True), Window()).rows
    assert [(row.customer.display_name, row.unused) for row in rows] == [("Zoe", 10)]
    assert len(payments.page(db.session(), payments.Filter(search="acme"), Window()).rows) == 1
    found = payments.detail(db.session(), rows[0].id)
    assert [each.transaction_id for each in found.allocations] == [ledger["paid"].id]
    assert [each.id for each in found.open_invoices] == [ledger["overdue"].id]


def test_the_dashboard_the_ageing_and_the_metrics_agree(ledger, today):
    session = db.session()
    found = dashboard.dashboard(session, today=today)
    rows = receivables.ageing(session, as_of=today)
    metrics = [receivables.metrics(session, row.customer_id) for row in rows]
    assert found.outstanding == sum(row.total for row in rows) == sum(each.outstanding for each in metrics) == 260
    assert found.overdue == sum(each.overdue for each in metrics) == 100
    assert found.credit == sum(row.credit for row in rows) == sum(each.credit for each in metrics) == 10
    assert sum(each.amount for each in found.sales_by_month) == sum(each.total_sales for each in metrics) == 600
    assert found.sales_by_month[-1].month == today.replace(day=1)
    assert len(found.sales_by_month) == 12


def test_the_pipeline_counts_quotes_that_may_still_become_money(person, today):
    with unit_of_work() as session:
        acme = make_customer(session)
        make_quote(session, acme, is_draft=True)
        make_quote(session, acme, lines=[make_line(rate="30")])
        moves.move(session, make_quote(session, acme), Status.DECLINED, person.actor)
    pipeline = dashboard.dashboard(db.session(), today=today).pipeline
    assert [(stage.shown, stage.count, stage.amount) for stage in pipeline] == [
        (Shown.DRAFT, 1, Decimal(100)),
        (Shown.SENT, 1, Decimal(30)),
        (Shown.ACCEPTED, 0, Decimal(0)),
    ]
