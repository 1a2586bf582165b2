"""The table of moves, and what follows from the calendar and from payments."""

from datetime import date
from decimal import Decimal

import pytest

from zbweb.billing import status
from zbweb.billing.status import Facts, PaymentStatus, Shown, Status
from zbweb.billing.words import Kind

TODAY, YESTERDAY = date(2026, 5, 2), date(2026, 5, 1)


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        # an invoice: money first, then the calendar
        (Facts(Kind.INVOICE, Status.DRAFT, YESTERDAY, Decimal(10)), Shown.DRAFT),
        (Facts(Kind.INVOICE, Status.SENT, TODAY, Decimal(10)), Shown.SENT),
        (Facts(Kind.INVOICE, Status.SENT, YESTERDAY, Decimal(10)), Shown.OVERDUE),
        (Facts(Kind.INVOICE, Status.SENT, TODAY, Decimal(10), Decimal(3)), Shown.PARTIALLY_PAID),
        (Facts(Kind.INVOICE, Status.SENT, YESTERDAY, Decimal(10), Decimal(3)), Shown.OVERDUE),
        (Facts(Kind.INVOICE, Status.SENT, YESTERDAY, Decimal(10), Decimal(10)), Shown.PAID),
        (Facts(Kind.INVOICE, Status.SENT, YESTERDAY, Decimal(0)), Shown.PAID),
        (Facts(Kind.INVOICE, Status.VOID, YESTERDAY, Decimal(10)), Shown.VOID),
        # a quote expires the day after its last
        (Facts(Kind.QUOTE, Status.SENT, TODAY), Shown.SENT),
        (Facts(Kind.QUOTE, Status.SENT, YESTERDAY), Shown.EXPIRED),
        (Facts(Kind.QUOTE, Status.SENT), Shown.SENT),
        (Facts(Kind.QUOTE, Status.ACCEPTED, YESTERDAY), Shown.ACCEPTED),
        # an order
        (Facts(Kind.SALES_ORDER, Status.CONFIRMED, YESTERDAY), Shown.CONFIRMED),
        (Facts(Kind.SALES_ORDER, Status.CONFIRMED, is_partly_invoiced=True), Shown.PARTIALLY_INVOICED),
        (Facts(Kind.SALES_ORDER, Status.CLOSED, is_partly_invoiced=True), Shown.CLOSED),
    ],
)
def test_the_shown_status_follows_from_status_money_and_day(facts, expected):
    assert status.shown(facts, TODAY) is expected


@pytest.mark.parametrize(
    ("paid", "expected"),
    [("0", PaymentStatus.UNPAID), ("0.01", PaymentStatus.PARTIALLY_PAID), ("10", PaymentStatus.PAID)],
)
def test_the_payment_status_is_an_axis_of_its_own(paid, expected):
    assert status.payment_status(Decimal(10), Decimal(paid)) is expected


@pytest.mark.parametrize("kind", Kind)
def test_every_move_leads_to_a_status_of_the_kind(kind):
    for start, ends in status.MOVES[kind].items():
        for end in ends:
            assert end in status.MOVES[kind]
            assert not status.refusal(kind, start, end)


@pytest.mark.parametrize("kind", Kind)
def test_every_other_move_is_refused_with_a_sentence(kind):
    for start, ends in status.MOVES[kind].items():
        for end in set(status.MOVES[kind]) - set(ends):
            assert status.refusal(kind, start, end).endswith(".")


@pytest.mark.parametrize(
    ("facts", "is_editable"),
    [
        (Facts(Kind.INVOICE, Status.DRAFT), True),
        (Facts(Kind.INVOICE, Status.SENT, total=Decimal(10), paid=Decimal(4)), True),
        (Facts(Kind.INVOICE, Status.SENT, total=Decimal(10), paid=Decimal(10)), False),
        (Facts(Kind.INVOICE, Status.VOID), False),
        (Facts(Kind.QUOTE, Status.DECLINED), True),
        (Facts(Kind.QUOTE, Status.INVOICED), False),
        (Facts(Kind.SALES_ORDER, Status.CLOSED), False),
    ],
)
def test_what_is_settled_is_not_edited(facts, is_editable):
    assert (status.why_not_editable(facts) == "") is is_editable
