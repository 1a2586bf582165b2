"""Due dates by their terms."""

from datetime import date

import pytest

from zbweb.billing.terms import Term, add_months, due_date, due_date_after_edit
from zbweb.billing.words import TermKind

NET_30, ON_RECEIPT = Term(TermKind.NET, 30), Term(TermKind.ON_RECEIPT)
MAY_1, MAY_5, MAY_31, JUNE_4 = date(2026, 5, 1), date(2026, 5, 5), date(2026, 5, 31), date(2026, 6, 4)


@pytest.mark.parametrize(
    ("term", "day", "due"),
    [
        (NET_30, date(2026, 1, 31), date(2026, 3, 2)),
        (Term(TermKind.NET, 0), date(2026, 1, 31), date(2026, 1, 31)),
        (ON_RECEIPT, date(2026, 1, 31), date(2026, 1, 31)),
        (Term(TermKind.END_OF_MONTH), date(2026, 2, 1), date(2026, 2, 28)),
        (Term(TermKind.END_OF_MONTH), date(2028, 2, 29), date(2028, 2, 29)),
        (Term(TermKind.END_OF_NEXT_MONTH), date(2026, 1, 31), date(2026, 2, 28)),
        (Term(TermKind.END_OF_NEXT_MONTH), date(2026, 12, 5), date(2027, 1, 31)),
    ],
)
def test_a_due_date_follows_from_its_terms(term, day, due):
    assert due_date(term, day) == due


@pytest.mark.parametrize(
    ("months", "expected"),
    [(1, date(2026, 2, 28)), (11, date(2026, 12, 31)), (-2, date(2025, 11, 30)), (25, date(2028, 2, 29))],
)
def test_a_month_without_the_day_gives_its_last(months, expected):
    assert add_months(date(2026, 1, 31), months) == expected


@pytest.mark.parametrize(
    ("old", "new", "due"),
    [
        # the terms gave it: it follows the date and the terms
        ((NET_30, MAY_1, MAY_31), (NET_30, MAY_5, MAY_31), JUNE_4),
        ((NET_30, MAY_1, MAY_31), (ON_RECEIPT, MAY_1, MAY_31), MAY_1),
        ((NET_30, MAY_1, MAY_31), (NET_30, MAY_1, None), MAY_31),
        # a person typed it, now or earlier: it stays
        ((NET_30, MAY_1, MAY_31), (NET_30, MAY_5, MAY_5), MAY_5),
        ((NET_30, MAY_1, JUNE_4), (NET_30, MAY_5, JUNE_4), JUNE_4),
        # nothing moved
        ((NET_30, MAY_1, MAY_31), (NET_30, MAY_1, MAY_31), MAY_31),
        ((None, MAY_1, MAY_1), (None, MAY_5, MAY_1), MAY_5),
    ],
)
def test_a_due_date_follows_an_edit_unless_a_person_typed_it(old, new, due):
    assert due_date_after_edit(old, new) == due
