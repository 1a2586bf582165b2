"""Golden cases of rounding, and the sums that hold for every document."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zbweb.billing.money import Discount, DocumentInput, LineInput, compute, exponent, round_money, spread, to_base
from zbweb.billing.words import DiscountKind, TaxMode, TaxRounding
from zbweb.errors import Invalid

D = Decimal
LINE, DOCUMENT = TaxRounding.LINE, TaxRounding.DOCUMENT


def line(quantity, rate, tax="0", *, percent="0", off="0"):
    discount = Discount(DiscountKind.AMOUNT, D(off)) if off != "0" else Discount(DiscountKind.PERCENT, D(percent))
    return LineInput(D(quantity), D(rate), discount, f"Tax {tax}" if tax != "0" else "", D(tax))


def totals(*lines, rounding=LINE, mode=TaxMode.EXCLUSIVE, currency="USD", **rest):
    return compute(DocumentInput(currency, lines, mode, rounding, **rest))


@pytest.mark.parametrize(
    ("amount", "currency", "expected"),
    [
        ("0.005", "USD", "0.01"),  # half-up, not to even
        ("0.015", "USD", "0.02"),
        ("0.025", "USD", "0.03"),
        ("-0.005", "USD", "-0.01"),
        ("-0.004", "USD", "0.00"),  # no minus zero
        ("10.5", "JPY", "11"),
        ("1.0005", "KWD", "1.001"),
    ],
)
def test_money_is_rounded_half_up_to_its_currency(amount, currency, expected):
    assert str(round_money(D(amount), currency)) == expected


def test_currencies_know_their_places():
    assert [exponent(code) for code in ("JPY", "USD", "KWD", "INR")] == [0, 2, 3, 2]


@pytest.mark.parametrize(
    ("lines", "rounding", "tax", "total"),
    [
        # two lines whose taxes both round up
        ([line(1, "55.55", "23"), line(1, "11.11", "23")], LINE, "15.34", "82.00"),
        ([line(1, "55.55", "23"), line(1, "11.11", "23")], DOCUMENT, "15.33", "81.99"),
        # a discounted line whose net has a third decimal
        ([line(16, "348.35", "22", percent="4")], LINE, "1177.15", "6527.81"),
        ([line(16, "348.35", "22", percent="4")], DOCUMENT, "1177.14", "6527.80"),
        # one line of ten against ten lines of one
        ([line(1, "3.60", "5.5")], LINE, "0.20", "3.80"),
        ([line(10, "3.60", "5.5")], LINE, "1.98", "37.98"),
        ([line(1, "3.60", "5.5")] * 10, LINE, "2.00", "38.00"),
        ([line(10, "3.60", "5.5")], DOCUMENT, "1.98", "37.98"),
        ([line(1, "3.60", "5.5")] * 10, DOCUMENT, "1.98", "37.98"),
        # a line given away is worth nothing, not less
        ([line("2.25", "64.22", percent="100")], LINE, "0.00", "0.00"),
        ([line("2.25", "64.22", "23", percent="100")], DOCUMENT, "0.00", "0.00"),
    ],
)
def test_golden_cases_of_rounding(lines, rounding, tax, total):
    found = totals(*lines, rounding=rounding)
    assert (str(found.tax), str(found.total)) == (tax, total)


@pytest.mark.parametrize("rounding", TaxRounding)
@pytest.mark.parametrize("prices", [["8500"], ["3333.33", "3333.33", "1833.34"], ["0.01", "8499.99"]])
def test_a_document_discount_leaves_a_round_total(rounding, prices):
    found = totals(
        *[line(1, price, "19") for price in prices],
        rounding=rounding,
        discount=Discount(DiscountKind.AMOUNT, D(7500)),
    )
    assert sum(each.discount_share for each in found.lines) == 7500
    if rounding is DOCUMENT or len(prices) == 1:
        assert str(found.total) == "1190.00"


def test_a_document_given_away_carries_no_tax():
    found = totals(
        *[line("2.25", "64.22", "23")] * 10, rounding=DOCUMENT, discount=Discount(DiscountKind.PERCENT, D(100))
    )
    assert (found.tax, found.total) == (0, 0)


@pytest.mark.parametrize("rounding", TaxRounding)
def test_an_inclusive_price_stays_what_was_typed(rounding):
    found = totals(line(1, "145", "18"), rounding=rounding, mode=TaxMode.INCLUSIVE)
    assert (found.total, found.tax, found.lines[0].taxable) == (D("145.00"), D("22.12"), D("122.88"))


def test_shipping_and_adjustment_carry_no_tax():
    found = totals(line(1, "100", "10"), shipping=D("20"), adjustment=D("-0.50"))
    assert (found.tax, found.total) == (D("10.00"), D("129.50"))


@pytest.mark.parametrize(
    ("currency", "total"),
    [("JPY", "1100"), ("USD", "1099.99"), ("KWD", "1099.989")],
)
def test_totals_have_the_places_of_their_currency(currency, total):
    assert str(totals(line(1, "999.99", "10"), currency=currency).total) == total


@pytest.mark.parametrize(
    ("lines", "discount", "field"),
    [
        ([line(1, "10", off="10.01")], Discount(), "lines-0-discount_value"),
        ([line(1, "10"), line(1, "10", percent="101")], Discount(), "lines-1-discount_value"),
        ([line(1, "10")], Discount(DiscountKind.AMOUNT, D("10.01")), "discount_value"),
        ([line(1, "10")], Discount(DiscountKind.AMOUNT, D("-1")), "discount_value"),
    ],
)
def test_a_discount_above_its_amount_is_refused_at_its_field(lines, discount, field):
    with pytest.raises(Invalid) as refused:
        totals(*lines, discount=discount)
    assert list(refused.value.fields) == [field]


def test_the_base_amount_is_rounded_once():
    assert to_base(D("100.00"), D("0.8333333"), "EUR") == D("83.33")
    assert to_base(D("10.50"), D("151.237"), "JPY") == D("1588")


def test_taxes_of_one_name_and_rate_share_a_row_and_an_untaxed_line_has_none():
    found = totals(line(1, "10", "20"), line(2, "5", "20"), line(1, "7"), line(1, "100", "5"))
    assert [(row.name, row.taxable, row.tax) for row in found.tax_table] == [
        ("Tax 20", D("20.00"), D("4.00")),
        ("Tax 5", D("100.00"), D("5.00")),
    ]


amounts = st.decimals(0, 100000, places=4)
rates = st.sampled_from([D(0), D(5), D("5.5"), D(19), D("22.125")])
discounts = st.builds(Discount, st.just(DiscountKind.PERCENT), st.decimals(0, 100, places=3))
documents = st.builds(
    DocumentInput,
    currency=st.sampled_from(["USD", "JPY", "KWD"]),
    lines=st.lists(
        st.builds(
            LineInput, st.decimals(0, 500, places=3), amounts, discounts, st.sampled_from(["", "VAT", "GST"]), rates
        ),
        max_size=8,
    ).map(tuple),
    tax_mode=st.sampled_from(TaxMode),
    tax_rounding=st.sampled_from(TaxRounding),
    discount=discounts,
    shipping=amounts,
    adjustment=st.decimals(-50, 50, places=4),
)


@given(documents)
def test_every_document_adds_up(document):
    found = compute(document)
    exclusive = document.tax_mode is TaxMode.EXCLUSIVE
    assert found.subtotal == sum(each.amount for each in found.lines)
    assert found.discount == sum(each.discount_share for each in found.lines)
    assert found.tax == sum(each.tax for each in found.lines) == sum(row.tax for row in found.tax_table)
    ends = found.shipping + found.adjustment
    assert found.total == found.subtotal - found.discount + (found.tax if exclusive else 0) + ends
    assert found.total == sum(each.taxable for each in found.lines) + found.tax + ends
    assert found.total == round_money(found.total, document.currency)
    assert all(each.tax >= 0 and each.taxable >= 0 for each in found.lines)


@given(st.decimals(0, 10**6, places=2), st.lists(st.decimals(0, 1000, places=2), min_size=1, max_size=9))
def test_shares_sum_to_the_whole_and_none_is_a_unit_off(amount, weights):
    parts = spread(amount, weights, "USD")
    whole = sum(weights)
    assert sum(parts) == (amount if whole else 0)
    assert all(
        abs(part - amount * weight / whole) < D("0.01") for part, weight in zip(parts, weights, strict=True) if whole
    )
