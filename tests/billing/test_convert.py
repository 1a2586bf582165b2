"""One document from another: copied, partial, and once only."""

import threading
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from tests.factories.customers import make_customer
from tests.factories.transactions import FIRST_STEP, bill, make_invoice, make_line, make_order, make_quote
from tests.people import Person
from zbweb.billing import convert, customers, fulfilment, moves, transactions
from zbweb.billing.drafts import Potential, from_transaction
from zbweb.billing.journal import SYSTEM
from zbweb.billing.models import Customer, Tax, Transaction
from zbweb.billing.money import round_money
from zbweb.billing.status import Status
from zbweb.billing.words import DiscountKind, Kind
from zbweb.db import db, unit_of_work, work_for
from zbweb.errors import Conflict, Invalid


@pytest.fixture
def acme(asha):
    with unit_of_work() as session:
        return make_customer(session, display_name="Acme Ltd")


def test_a_conversion_copies_the_content_and_links_back(asha, acme):
    with unit_of_work() as session:
        vat = Tax(organisation_id=asha.organisation_id, name="VAT", rate=Decimal(20))
        session.add(vat)
        session.flush()
        lines = [make_line("Widget", "3", "9.99", tax_id=vat.id, discount_value=Decimal(5))]
        quote = make_quote(
            session, acme, lines=lines, potential=Potential("7", "Big deal"), reference="PO 1", shipping=Decimal(4)
        )
        vat.rate = Decimal(25)
        order = convert.to_order(session, quote, actor=asha.actor)
    assert (order.kind, order.status, order.number, order.source_id) == ("sales-orders", "draft", None, quote.id)
    assert (order.total, order.tax_table, order.potential_id) == (quote.total, quote.tax_table, "7")
    assert (order.reference, quote.status) == ("PO 1", "accepted")
    assert order.lines[0].id != quote.lines[0].id


def test_changing_the_source_later_leaves_the_copy_alone(asha, acme):
    with unit_of_work() as session:
        order = make_order(session, acme, lines=[make_line(quantity="2")])
        invoice = bill(session, order, {0: "1"})
        line = replace(from_transaction(order).lines[0], rate=Decimal(7))
        draft = replace(from_transaction(order), lines=(line,))
        transactions.edit(session, order, draft, version=None, actor=asha.actor)
    assert (order.total, invoice.total) == (14, 100)


def test_a_quote_converts_once_and_the_second_click_finds_the_first_result(session, asha, acme):
    with unit_of_work() as session:
        quote = make_quote(session, acme)
        first = convert.to_invoice(session, quote, actor=asha.actor)
    with unit_of_work() as session:
        assert convert.to_invoice(session, quote, actor=asha.actor).id == first.id
        with pytest.raises(Conflict, match="an invoice already"):
            convert.to_order(session, quote, actor=asha.actor)
    assert (quote.status, convert.convertible(session, quote)) == ("invoiced", ())


def test_a_declined_quote_is_not_converted(session, asha, acme):
    with unit_of_work() as session:
        quote = make_quote(session, acme)
        moves.move(session, quote, Status.DECLINED, asha.actor)
        with pytest.raises(Conflict, match="declined"):
            convert.to_invoice(session, quote, actor=asha.actor)
    assert convert.convertible(session, quote) == ()


@pytest.mark.parametrize("make", [make_quote, make_order])
def test_nothing_is_made_of_the_documents_of_an_inactive_customer(asha, acme, make):
    with unit_of_work() as session:
        source = make(session, acme)
        before = source.status
        customers.set_active(session, session.get_one(Customer, acme.id), active=False, actor=asha.actor)
    with pytest.raises(Invalid, match="Acme Ltd is inactive"), unit_of_work() as session:
        convert.to_invoice(session, session.get_one(Transaction, source.id), actor=asha.actor)
    assert db.session.get_one(Transaction, source.id, populate_existing=True).status == before
    assert db.session.scalar(select(Transaction.id).where(Transaction.source_id == source.id)) is None


def test_an_order_is_invoiced_in_parts_and_closes_with_the_last(asha, acme):
    with unit_of_work() as session:
        order = make_order(session, acme, lines=[make_line("A", "10", "5"), make_line("B", "2", "30")])
        first = bill(session, order, {0: "4"})
        assert (order.status, first.total) == ("confirmed", 20)
        assert list(fulfilment.remaining(session, order).values()) == [6, 2]
        second = bill(session, order)
        assert (order.status, second.total) == ("closed", 90)
        with pytest.raises(Conflict):
            bill(session, order)


@pytest.mark.parametrize("quantities", [{0: "10.000001"}, {0: "-1"}])
def test_more_than_what_remains_cannot_be_invoiced(asha, acme, quantities):
    with unit_of_work() as session:
        order = make_order(session, acme, lines=[make_line("A", "10", "5")])
        with pytest.raises(Invalid) as refused:
            bill(session, order, quantities)
    assert list(refused.value.fields) == ["lines-0-quantity"]


def test_an_invoice_cannot_be_edited_beyond_its_order_nor_the_order_below_its_invoices(asha, acme):
    with unit_of_work() as session:
        order = make_order(session, acme, lines=[make_line("A", "10", "5")])
        invoice = bill(session, order, {0: "4"})
        bill(session, order, {0: "3"})
    for document, quantity in ((invoice, "7.5"), (order, "6")):
        line = replace(from_transaction(document).lines[0], quantity=Decimal(quantity))
        draft = replace(from_transaction(document), lines=(line,))
        with pytest.raises(Invalid), unit_of_work() as session:
            transactions.edit(session, document, draft, version=None, actor=asha.actor)
    draft = replace(from_transaction(order), lines=(make_line("C"),))
    with pytest.raises(Conflict), unit_of_work() as session:
        transactions.edit(session, order, draft, version=None, actor=asha.actor)


def test_editing_an_invoice_down_reopens_its_order(asha, acme):
    with unit_of_work() as session:
        order = make_order(session, acme, lines=[make_line("A", "10", "5")])
        invoice = bill(session, order)
        line = replace(from_transaction(invoice).lines[0], quantity=Decimal(9))
        draft = replace(from_transaction(invoice), lines=(line,))
        transactions.edit(session, invoice, draft, version=None, actor=asha.actor)
    assert order.status == "confirmed"


def test_an_order_closed_by_hand_stays_closed_when_the_words_of_its_invoice_change(asha, acme):
    with unit_of_work() as session:
        order = make_order(session, acme, lines=[make_line("A", "10", "5")])
        invoice = bill(session, order, {0: "4"})
        moves.move(session, order, Status.CLOSED, asha.actor)
        draft = replace(from_transaction(invoice), notes="Thank you")
        transactions.edit(session, invoice, draft, version=None, actor=asha.actor)
    assert (invoice.notes, order.status) == ("Thank you", "closed")


def test_deleting_a_draft_invoice_gives_its_quantity_back(asha, acme):
    with unit_of_work() as session:
        order = make_order(session, acme)
        invoice = bill(session, order)
        transactions.delete(session, invoice, actor=asha.actor)
        assert order.status == "confirmed"
        assert any(fulfilment.remaining(session, order).values())


def test_charges_of_an_order_are_billed_once_in_all(asha, acme):
    with unit_of_work() as session:
        order = make_order(
            session,
            acme,
            lines=[make_line("A", "3", "33.33"), make_line("B", "1", "10")],
            shipping=Decimal(7),
            discount_kind=DiscountKind.AMOUNT,
            discount_value=Decimal("20"),
        )
        parts = [bill(session, order, {0: "1"}), bill(session, order, {0: "1", 1: "1"}), bill(session, order)]
    assert sum(part.total for part in parts) == order.total
    assert [part.shipping for part in parts] == [7, 0, 0]
    assert all(part.discount_total > 0 for part in parts)


def test_the_same_click_twice_makes_one_invoice(asha, acme):
    with unit_of_work() as session:
        order = make_order(session, acme, lines=[make_line("A", "10", "5")])
    version = order.version
    with unit_of_work() as session:
        first = bill(session, order, {0: "2"}, version=version)
    with unit_of_work() as session:
        again = bill(session, order, {0: "2"}, version=version)
        other = bill(session, order, {0: "2"}, version=order.version)
    assert (again.id, other.id != first.id) == (first.id, True)


def test_an_invoice_is_not_converted(asha, acme):
    with unit_of_work() as session:
        invoice = make_invoice(session, acme)
        with pytest.raises(Conflict):
            convert.to_invoice(session, invoice, actor=asha.actor)


@pytest.mark.parametrize("make", [make_quote, make_order])
def test_eight_tabs_convert_once(any_app, make):
    asha = Person.make(any_app, "asha@zylker.example", "Asha Rao", "admin")
    with unit_of_work() as session:
        source = make(session, make_customer(session))
    version, results, gate = source.version, [], threading.Barrier(8)

    def click():
        gate.wait(30)
        with any_app.app_context(), unit_of_work() as mine:
            work_for(mine, asha.organisation_id)
            held = mine.get_one(Transaction, source.id)
            results.append(convert.to_invoice(mine, held, actor=SYSTEM, version=version).id)

    run_together(click)
    assert len(results) == 8
    assert len(set(results)) == 1
    with unit_of_work() as session:
        work_for(session, asha.organisation_id)
        assert len(session.scalars(select(Transaction.id).where(Transaction.kind == Kind.INVOICE)).all()) == 1


def run_together(work):
    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)


# --- the parts come to the whole --------------------------------------------------------------------


def parts_of(order, *quantities):
    """Invoices of an order with one line, one after the other; the last one bills the rest."""
    made = []
    with unit_of_work() as session:
        held = session.get_one(Transaction, order.id)
        for quantity in quantities:
            made.append(bill(session, held, {0: quantity}))
        made.append(bill(session, held))
    return made


def total_of(invoices):
    return sum(invoice.total for invoice in invoices)


@pytest.mark.parametrize(
    ("quantity", "rate", "discount", "parts"),
    [
        ("7", "1", "1", "111111"),
        ("3", "100", "10", "11"),
        ("5", "19.99", "3.33", "22"),
        ("4", "1", "0.01", "111"),
        ("40", "1", "0.20", "1" * 39),
    ],
)
def test_a_line_s_discount_is_shared_so_that_the_parts_come_to_the_order(asha, quantity, rate, discount, parts):
    with unit_of_work() as session:
        line = make_line(
            quantity=quantity, rate=rate, discount_kind=DiscountKind.AMOUNT, discount_value=Decimal(discount)
        )
        order = make_order(session, make_customer(session), lines=[line])
    assert total_of(parts_of(order, *parts)) == order.total


@pytest.mark.parametrize("is_draft", [True, False])
def test_charges_that_a_voided_or_deleted_invoice_bore_are_borne_by_the_next(asha, is_draft):
    with unit_of_work() as session:
        order = make_order(
            session, make_customer(session), lines=[make_line(quantity="2")], shipping=Decimal(25),
            adjustment=Decimal("-5"),
        )  # fmt: skip
    first, _second = parts_of(order, "1")
    with unit_of_work() as session:
        held = session.get_one(Transaction, first.id)
        if is_draft:
            transactions.delete(session, held, actor=SYSTEM)
        else:
            moves.move(session, held, Status.SENT, SYSTEM)
            moves.move(session, held, Status.VOID, SYSTEM)
    with unit_of_work() as session:
        third = bill(session, session.get_one(Transaction, order.id))
    assert (third.shipping, third.adjustment, third.total) == (Decimal(25), Decimal(-5), Decimal(120))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(
    lines=st.lists(st.tuples(st.integers(2, 5), st.decimals(0, 50, places=2), st.sampled_from([0, 7, 20])), min_size=1,
                   max_size=3),
    shipping=st.decimals(0, 9, places=2),
    taken=st.decimals(0, 1, places=2),
    is_added=st.booleans(),
)  # fmt: skip
def test_the_parts_of_an_order_bear_its_adjustment_whatever_it_is(asha, lines, shipping, taken, is_added):
    rows = [make_line(quantity=str(n), rate=str(rate), tax_name="VAT", tax_rate=Decimal(tax)) for n, rate, tax in lines]
    with unit_of_work() as session:
        order = make_order(session, make_customer(session), lines=rows, shipping=shipping)
        amount = round_money(order.total * taken, "USD") * (1 if is_added else -1)
        draft = replace(from_transaction(order), adjustment=amount)
        transactions.edit(session, order, draft, version=None, actor=SYSTEM)
        parts = [bill(session, order, dict.fromkeys(range(len(rows)), "1")), bill(session, order, {0: "1"})]
        if any(fulfilment.remaining(session, order).values()):
            parts.append(bill(session, order))
    assert all(part.total >= 0 for part in parts)
    bare = sum(part.total - part.adjustment for part in parts)  # the taxes of parts may be some cents off
    assert sum(part.adjustment for part in parts) == max(amount, -bare)


def test_an_adjustment_that_takes_off_more_than_a_part_comes_to_goes_on_to_the_next(asha):
    with unit_of_work() as session:
        order = make_order(
            session, make_customer(session), lines=[make_line(quantity="4")], adjustment=Decimal(-250)
        )  # fmt: skip
    first, second, third = parts_of(order, "1", "1")
    assert [(part.adjustment, part.total) for part in (first, second, third)] == [(-100, 0), (-100, 0), (-50, 150)]


def test_a_person_s_own_adjustment_of_an_invoice_is_not_charged_back_by_the_next(asha):
    with unit_of_work() as session:
        order = make_order(session, make_customer(session), lines=[make_line(quantity="2")])
    with unit_of_work() as session:
        first = bill(session, session.get_one(Transaction, order.id), {0: "1"})
        kinder = replace(from_transaction(first), adjustment=Decimal(-20))
        transactions.edit(session, first, kinder, version=None, actor=SYSTEM)
        second = bill(session, session.get_one(Transaction, order.id))
    assert (second.adjustment, second.total) == (0, 100)


def test_another_part_asked_for_from_a_stale_page_is_another_invoice(asha):
    with unit_of_work() as session:
        order = make_order(session, make_customer(session), lines=[make_line(quantity="10")])
    version = order.version
    with unit_of_work() as session:
        held = session.get_one(Transaction, order.id)
        made = [bill(session, held, {0: quantity}, version=version).id for quantity in ("1", "6", "1", "6")]
    assert made[:2] == made[2:]
    assert len(set(made)) == 2
    with pytest.raises(Invalid, match="From 0 to 3"), unit_of_work() as session:
        bill(session, session.get_one(Transaction, order.id), {0: "4"}, version=version)


@pytest.mark.parametrize(
    ("become", "draft", "sent"),
    [
        (convert.to_order, "a draft sales order", "sales order SO-000001"),
        (convert.to_invoice, "a draft invoice", "invoice INV-000001"),
    ],
)
def test_a_quote_that_became_something_is_not_edited_until_that_is_void_or_deleted(asha, acme, become, draft, sent):
    def edit(session, quote, rate):
        changed = replace(from_transaction(quote), lines=(make_line(rate=rate),))
        transactions.edit(session, quote, changed, version=None, actor=asha.actor)

    with unit_of_work() as session:
        quote = make_quote(session, acme)
        made = become(session, quote, actor=asha.actor)
        with pytest.raises(Conflict, match=f"This quote has become {draft}. Void or delete that first"):
            edit(session, quote, "7")
        transactions.delete(session, made, actor=asha.actor)
        edit(session, quote, "8")
        made = become(session, quote, actor=asha.actor)
        moves.move(session, made, FIRST_STEP[Kind(made.kind)], asha.actor)
        with pytest.raises(Conflict, match=f"has become {sent}"):
            edit(session, quote, "9")
        moves.move(session, made, Status.VOID, asha.actor)
        edit(session, quote, "10")
    assert (quote.total, made.total) == (10, 8)


def test_a_quote_that_became_something_is_not_declined_until_that_is_void(asha):
    with unit_of_work() as session:
        quote = make_quote(session, make_customer(session))
        order = convert.to_order(session, quote, actor=SYSTEM)
        moves.move(session, order, Status.CONFIRMED, SYSTEM)
    with pytest.raises(Conflict, match="has become sales order SO-000001"), unit_of_work() as session:
        moves.move(session, session.get_one(Transaction, quote.id), Status.DECLINED, SYSTEM)
    with unit_of_work() as session:
        moves.move(session, session.get_one(Transaction, order.id), Status.VOID, SYSTEM)
        moves.move(session, session.get_one(Transaction, quote.id), Status.DECLINED, SYSTEM)
    assert db.session.get_one(Transaction, quote.id, populate_existing=True).status == Status.DECLINED
