"""Making, editing, copying and deleting documents."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select

from tests.factories.customers import make_customer
from tests.factories.transactions import bill, make_draft, make_invoice, make_line, make_order, make_quote, pay
from zbweb.billing import books, customers, journal, moves, transactions
from zbweb.billing.drafts import Potential, from_transaction
from zbweb.billing.models import Customer, Line, OutboxRow, PaymentTerm, Tax, Transaction
from zbweb.billing.status import Status
from zbweb.billing.words import DiscountKind, Kind, TaxRounding
from zbweb.db import unit_of_work, work_for
from zbweb.errors import Conflict, Invalid, NotFound, Stale

TOO_FINE = make_line(discount_kind=DiscountKind.AMOUNT, discount_value=Decimal("0.005"))


@pytest.fixture
def acme(asha):
    with unit_of_work() as session:
        return make_customer(session, display_name="Acme Ltd", billing_street="1 Main Street", billing_city="Leeds")


def edit(session, document, *, actor, version=None, **changes):
    draft = replace(from_transaction(document), **changes)
    return transactions.edit(session, document, draft, version=version, actor=actor)


def test_a_new_document_is_a_draft_without_a_number_and_with_computed_totals(session, asha, acme):
    with unit_of_work() as session:
        vat = Tax(organisation_id=asha.organisation_id, name="VAT", rate=Decimal(20))
        session.add(vat)
        session.flush()
        lines = [make_line("Widget", "2", "9.99", tax_id=vat.id), make_line("Setup", "1", "50")]
        made = transactions.create(
            session, make_draft(session, acme, lines=lines, shipping=Decimal(5)), actor=asha.actor
        )
    session.expire_all()
    found = transactions.get(session, Kind.INVOICE, made.id)
    assert (found.status, found.number, found.currency) == ("draft", None, "USD")
    assert (found.subtotal, found.tax_total, found.total) == (Decimal("69.98"), Decimal("4.00"), Decimal("78.98"))
    assert found.base_total == found.base_balance == found.balance == found.total
    assert found.tax_table == [{"name": "VAT", "rate": "20.000000", "taxable": "19.98", "tax": "4.00"}]
    assert found.billing_address == "1 Main Street\nLeeds"
    assert [(line.name, line.amount, line.tax_name) for line in found.lines] == [
        ("Widget", Decimal("19.98"), "VAT"),
        ("Setup", Decimal("50.00"), ""),
    ]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"lines": ()}, "lines"),
        ({"lines": (make_line(""),)}, "lines-0-name"),
        ({"lines": (make_line(), make_line(quantity="0"))}, "lines-1-quantity"),
        ({"lines": (make_line(quantity="NaN"),)}, "lines-0-quantity"),
        ({"lines": (make_line(rate="-1"),)}, "lines-0-rate"),
        ({"lines": (make_line(rate="1e30"),)}, "lines-0-rate"),
        ({"lines": (make_line("x" * 256),)}, "lines-0-name"),
        ({"due_date": date(2000, 1, 1)}, "due_date"),
        ({"date": date(26, 11, 23)}, "date"),
        ({"date": date(9999, 12, 31)}, "date"),
        ({"due_date": date(9999, 12, 31)}, "due_date"),
        ({"adjustment": Decimal(-101)}, "adjustment"),
        ({"adjustment": Decimal("-0.005")}, "adjustment"),
        ({"shipping": Decimal("0.005")}, "shipping"),
        ({"discount_kind": DiscountKind.AMOUNT, "discount_value": Decimal("0.005")}, "discount_value"),
        ({"lines": (make_line(), TOO_FINE)}, "lines-1-discount_value"),
        ({"discount_value": Decimal(101)}, "discount_value"),
        ({"reference": "x" * 256}, "reference"),
        ({"currency": "EUR"}, "currency"),
        ({"customer_id": 999}, "customer_id"),
    ],
)
def test_what_cannot_be_billed_is_refused_at_its_field(session, asha, acme, changes, field):
    draft = replace(make_draft(session, acme), **changes)
    with pytest.raises(Invalid) as refused, unit_of_work() as session:
        transactions.create(session, draft, actor=asha.actor)
    assert list(refused.value.fields) == [field]
    assert session.scalar(select(Transaction.id)) is None


def test_amounts_are_those_that_the_currency_of_the_document_counts(asha):
    with unit_of_work() as session:
        kyoto = make_customer(session, display_name="Kyoto KK", currency="JPY")
        with pytest.raises(Invalid, match=r"0\.5 is no amount of JPY, which is counted in steps of 1\."):
            make_invoice(session, kyoto, exchange_rate=Decimal("0.0067"), adjustment=Decimal("0.5"))


def test_a_rate_at_which_the_total_is_worth_nothing_is_refused_at_its_field(asha):
    with unit_of_work() as session:
        kyoto = make_customer(session, display_name="Kyoto KK", currency="JPY")
        with pytest.raises(Invalid, match=r"At this rate 100 JPY would be 0\.00 USD") as refused:
            make_invoice(session, kyoto, exchange_rate=Decimal("0.00004"))
        assert list(refused.value.fields) == ["exchange_rate"]
        given_away = make_invoice(session, kyoto, lines=[make_line(rate="0")], exchange_rate=Decimal("0.00004"))
    assert (given_away.total, given_away.base_total) == (0, 0)


def test_a_discount_that_was_kept_too_finely_keeps_no_document_from_being_copied_converted_or_edited(asha, acme):
    with unit_of_work() as session:
        order = make_order(session, acme, lines=[make_line(quantity="2")])
        order.lines[0].discount_kind, order.lines[0].discount_value = DiscountKind.AMOUNT, Decimal("0.005")
        copy = transactions.duplicate(session, order, actor=asha.actor)
        parts = [bill(session, order, {0: "1"}), bill(session, order)]
        edit(session, copy, actor=asha.actor, notes="Thank you")
    assert [each.lines[0].discount_value for each in (copy, *parts)] == [Decimal("0.01"), 0, Decimal("0.01")]
    assert (copy.total, sum(each.total for each in parts)) == (Decimal("199.99"), Decimal("199.99"))


def test_nothing_new_is_made_for_an_inactive_customer_and_what_there_is_goes_on(asha, acme):
    with unit_of_work() as session:
        draft, other = make_invoice(session, acme, is_draft=True), make_customer(session, display_name="Zeta Inc")
        theirs = make_invoice(session, other, is_draft=True)
        customers.set_active(session, session.get_one(Customer, acme.id), active=False, actor=asha.actor)
        for attempt in (
            lambda: make_invoice(session, acme),
            lambda: transactions.duplicate(session, draft, actor=asha.actor),
            lambda: edit(session, theirs, actor=asha.actor, customer_id=acme.id),
        ):
            with pytest.raises(Invalid, match=r"Acme Ltd is inactive.* Mark it as active first\.") as refused:
                attempt()
            assert list(refused.value.fields) == ["customer_id"]
        edit(session, draft, actor=asha.actor, reference="PO 7")
        moves.move(session, draft, Status.SENT, asha.actor)
        pay(session, acme, "100", invoices={draft: "100"})
    assert (draft.reference, draft.balance) == ("PO 7", 0)


def test_a_strangers_customer_cannot_be_billed(asha, acme, dora):
    with unit_of_work() as session:
        work_for(session, dora.organisation_id)
        with pytest.raises(Invalid):
            transactions.create(session, make_draft(session, acme), actor=dora.actor)


def test_a_foreign_currency_keeps_its_rate_and_its_base_total(asha):
    with unit_of_work() as session:
        customer = make_customer(session, display_name="Kyoto KK", currency="JPY")
        made = make_invoice(session, customer, lines=[make_line(rate="1234.5")], exchange_rate=Decimal("0.0067"))
        home = make_invoice(session, make_customer(session, display_name="Home"), exchange_rate=Decimal(7))
    assert (made.currency, made.total, made.base_total) == ("JPY", Decimal(1235), Decimal("8.27"))
    assert home.exchange_rate == 1


@pytest.mark.parametrize("rate", ["0.0000631", "0.0000630914"])
def test_the_rate_of_a_small_currency_is_kept_to_its_last_place(session, asha, rate):
    with unit_of_work() as session:
        customer = make_customer(session, display_name="Jakarta", currency="IDR")
        line = make_line(rate="1000000000")
        made = make_invoice(session, customer, lines=[line], exchange_rate=Decimal(rate))
    session.expire_all()
    assert (made.exchange_rate, made.base_total) == (Decimal(rate), Decimal(rate) * 10**9)


def test_an_invoice_is_due_by_its_customers_terms_and_follows_its_date(asha):
    with unit_of_work() as session:
        term = PaymentTerm(organisation_id=asha.organisation_id, name="Net 15", days=15)
        session.add(term)
        session.flush()
        customer = make_customer(session, payment_term_id=term.id)
        made = make_invoice(session, customer, date=date(2026, 1, 20))
        assert made.due_date == date(2026, 2, 4)
        edit(session, made, actor=asha.actor, date=date(2026, 1, 31))
        assert made.due_date == date(2026, 2, 15)
        edit(session, made, actor=asha.actor, due_date=date(2026, 3, 1))
        edit(session, made, actor=asha.actor, date=date(2026, 2, 1))
        assert made.due_date == date(2026, 3, 1)


def test_an_edit_journals_old_and_new_and_waits_for_the_crm(session, asha, acme):
    with unit_of_work() as session:
        made = make_invoice(session, acme)
    with unit_of_work() as session:
        session.query(OutboxRow).delete()
        edit(session, made, actor=asha.actor, version=made.version, reference="PO 7", lines=(make_line(quantity="3"),))
    latest = journal.history(session, "transaction", made.id)[0]
    assert (latest.action, latest.actor_name) == ("updated", "Asha Rao")
    assert latest.changes["reference"] == ["", "PO 7"]
    assert latest.changes["total"] == ["100", "300"]
    assert latest.changes["lines"] == [["1 × Widget @ 100 = 100.00 USD"], ["3 × Widget @ 100 = 300.00 USD"]]
    assert session.scalar(select(OutboxRow.entity_id)) == made.id


def test_saving_without_a_change_writes_nothing(session, asha, acme):
    with unit_of_work() as session:
        made = make_invoice(session, acme)
    version, entries = made.version, len(journal.history(session, "transaction", made.id))
    with unit_of_work() as session:
        edit(session, made, actor=asha.actor, version=version)
    assert made.version == version
    assert len(journal.history(session, "transaction", made.id)) == entries


def test_the_second_of_two_editors_is_told(asha, acme):
    with unit_of_work() as session:
        made = make_invoice(session, acme)
    version = made.version
    with unit_of_work() as session:
        edit(session, made, actor=asha.actor, version=version, notes="first")
    with pytest.raises(Stale), unit_of_work() as session:
        edit(session, made, actor=asha.actor, version=version, notes="second")
    assert made.notes == "first"


def test_an_edited_line_keeps_its_row_and_the_tax_rate_it_was_made_with(session, asha, acme):
    with unit_of_work() as session:
        vat = Tax(organisation_id=asha.organisation_id, name="VAT", rate=Decimal(20))
        session.add(vat)
        session.flush()
        made = make_invoice(session, acme, lines=[make_line(tax_id=vat.id), make_line("Gone")])
        kept_id, gone_id = [line.id for line in made.lines]
        vat.rate = Decimal(25)
    line = replace(from_transaction(made).lines[0], quantity=Decimal(2))
    with unit_of_work() as session:
        edit(session, made, actor=asha.actor, lines=(make_line("New", tax_id=vat.id), line))
    session.expire_all()
    assert [(each.name, each.tax_amount) for each in made.lines] == [("New", Decimal(25)), ("Widget", Decimal(40))]
    assert made.lines[1].id == kept_id
    assert session.scalar(select(Line.id).where(Line.id == gone_id)) is None


def test_a_line_of_another_document_cannot_be_taken_over(session, asha, acme):
    with unit_of_work() as session:
        theirs, mine = make_invoice(session, acme), make_invoice(session, acme)
        edit(session, mine, actor=asha.actor, lines=from_transaction(theirs).lines)
    session.expire_all()
    assert len(theirs.lines) == len(mine.lines) == 1


def test_a_paid_invoice_is_not_edited_and_no_total_falls_below_what_was_paid(asha, acme):
    with unit_of_work() as session:
        made = make_invoice(session, acme)
        pay(session, acme, "60", invoices={made: "60"})
        with pytest.raises(Invalid, match="60"):
            edit(session, made, actor=asha.actor, lines=(make_line(rate="59.99"),))
    with unit_of_work() as session:
        edit(session, made, actor=asha.actor, lines=(make_line(rate="60"),))
        assert made.base_balance == 0
        with pytest.raises(Conflict, match="paid"):
            edit(session, made, actor=asha.actor, notes="late")
        assert transactions.why_not_editable(session, made)


def test_the_customer_changes_while_a_draft_only(asha, acme):
    with unit_of_work() as session:
        other = make_customer(session, display_name="Other Ltd")
        draft, sent = make_quote(session, acme, is_draft=True), make_quote(session, acme)
        edit(session, draft, actor=asha.actor, customer_id=other.id)
        assert draft.customer_id == other.id
        with pytest.raises(Invalid):
            edit(session, sent, actor=asha.actor, customer_id=other.id)


def test_a_typed_number_is_kept_refused_when_taken_and_stepped_over(asha, acme):
    with unit_of_work() as session:
        typed = make_invoice(session, acme, is_draft=True, number="INV-000002")
        with pytest.raises(Invalid) as refused:
            make_invoice(session, acme, number="INV-000002")
        assert list(refused.value.fields) == ["number"]
        assert [make_invoice(session, acme).number for _ in range(2)] == ["INV-000001", "INV-000003"]
        moves.move(session, typed, Status.SENT, asha.actor)
        ahead = make_invoice(session, acme, number="INV-000010")
        odd = make_invoice(session, acme, number="2026/A")
        assert (typed.number, ahead.number, odd.number) == ("INV-000002", "INV-000010", "2026/A")
        assert make_invoice(session, acme).number == "INV-000011"


@pytest.mark.parametrize("number", ["INV-20261127001", f"INV-{'9' * 40}"])
def test_a_typed_number_beyond_what_a_series_counts_leaves_the_series_alone(asha, acme, number):
    with unit_of_work() as session:
        assert make_invoice(session, acme, number=number).number == number
        assert make_invoice(session, acme).number == "INV-000001"


def test_only_drafts_are_deleted(session, asha, acme):
    with unit_of_work() as session:
        draft, sent = make_invoice(session, acme, is_draft=True), make_invoice(session, acme)
        transactions.delete(session, draft, actor=asha.actor)
        with pytest.raises(Conflict):
            transactions.delete(session, sent, actor=asha.actor)
    with pytest.raises(NotFound):
        transactions.get(session, Kind.INVOICE, draft.id)
    assert journal.history(session, "transaction", draft.id)[0].action == "deleted"


def test_a_copy_is_a_new_draft_of_today_without_number_or_deal(asha, acme):
    with unit_of_work() as session:
        last_month = books.today(session) - timedelta(days=30)
        quote = make_quote(session, acme, date=last_month, potential=Potential("7", "Big deal"), notes="Thanks")
        copy = transactions.duplicate(session, quote, actor=asha.actor)
        assert (copy.number, copy.status, copy.date) == (None, "draft", books.today(session))
        assert (copy.notes, copy.potential_id, copy.total) == ("Thanks", None, quote.total)
        assert {line.id for line in copy.lines}.isdisjoint(line.id for line in quote.lines)


def test_a_potential_is_linked_and_dissociated_with_a_journal_entry_each(session, asha, acme):
    with unit_of_work() as session:
        order = make_order(session, acme)
        transactions.link_potential(session, order, Potential("7", "Big deal", "Negotiation"), actor=asha.actor)
        assert (order.potential_id, order.potential_name, order.potential_stage) == ("7", "Big deal", "Negotiation")
        transactions.dissociate_potential(session, order, actor=asha.actor)
        assert (order.potential_id, order.potential_name) == (None, "")
    actions = [entry.action for entry in journal.history(session, "transaction", order.id)]
    assert actions[:2] == ["potential_dissociated", "potential_linked"]


def test_a_document_keeps_the_tax_rounding_it_was_made_with(session, asha, acme):
    with unit_of_work() as session:
        made = make_invoice(session, acme)
        books.own(session).tax_rounding = TaxRounding.DOCUMENT
    with unit_of_work() as session:
        edit(session, made, actor=asha.actor, notes="later", tax_rounding=None)
    assert made.tax_rounding == TaxRounding.LINE
