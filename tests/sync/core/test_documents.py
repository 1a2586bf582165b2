"""A document in the CRM's words and back, without a CRM."""

import json
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zbweb.billing import money
from zbweb.billing.status import Status
from zbweb.billing.words import DiscountKind, Kind, TaxMode, TaxRounding
from zbweb.sync.core.document_words import FIELDS, STATUS_IN, STATUS_OUT
from zbweb.sync.core.documents import (
    Column,
    Paper,
    PaperLine,
    Ties,
    compose,
    crm_total,
    from_record,
    news,
    status_word,
    theirs,
    to_record,
    with_row_ids,
)

SHAPE = {each.key: Column(each.key, each.name_in(Kind.INVOICE)) for each in FIELDS if each.name_in(Kind.INVOICE)}
TIES = Ties(account="1", products={None: "9", 7: "8"})
LINE = PaperLine(7, "Desk", "", Decimal(2), Decimal(10), Decimal(20), Decimal(0))


def paper(**values):
    described = {
        "id": 5, "kind": Kind.INVOICE, "customer_id": 1, "number": "INV-1", "status": Status.SENT,
        "date": date(2026, 1, 2), "total": Decimal(20), "currency": "USD", "lines": (LINE,),
    }  # fmt: skip
    return Paper(**(described | values))


amounts = st.decimals(min_value=0, max_value=10_000, places=6, allow_nan=False)
percents = st.decimals(min_value=0, max_value=100, places=3, allow_nan=False)
discounts = st.builds(money.Discount, st.just(DiscountKind.PERCENT), percents)
lines = st.builds(money.LineInput, amounts.filter(bool), amounts, discounts, st.just("VAT"), percents)
documents = st.builds(
    money.DocumentInput,
    currency=st.just("USD"),
    lines=st.lists(lines, min_size=1, max_size=6).map(tuple),
    tax_mode=st.sampled_from(TaxMode),
    tax_rounding=st.sampled_from(TaxRounding),
    discount=discounts,
    shipping=amounts,
    adjustment=st.decimals(min_value=-500, max_value=500, places=2, allow_nan=False),
)


def as_paper(document):
    """The document as our books would keep it."""
    totals = money.compute(document)
    rows = []
    for line, worked in zip(document.lines, totals.lines, strict=True):
        gross = money.round_money(line.quantity * line.rate, "USD")
        rows.append(PaperLine(None, "X", "", line.quantity, line.rate, gross, gross - worked.amount))
    is_added = document.tax_mode is TaxMode.EXCLUSIVE
    return paper(
        lines=tuple(rows), total=totals.total, discount=totals.discount, tax=totals.tax if is_added else Decimal(0)
    )


def computed_by_the_crm(record):
    """Grand_Total, computed as the CRM does: from what it was sent, rounded row by row."""

    def cents(value):
        return value.quantize(Decimal("0.01"), ROUND_HALF_UP)

    rows = [cents(row["Quantity"] * row["List_Price"]) - cents(row["Discount"]) for row in record["Invoiced_Items"]]
    more = record.get("Tax", Decimal(0)) + record["Adjustment"] - cents(record.get("Discount", Decimal(0)))
    return cents(sum(rows, Decimal(0)) + more)


@given(documents, st.sets(st.sampled_from(["tax", "discount"])))
def test_the_crm_comes_to_our_total_whatever_the_document(document, lacking):
    ours = as_paper(document)
    shape = {key: column for key, column in SHAPE.items() if key not in lacking}
    values = compose(ours, TIES, shape)
    assert crm_total(values) == ours.total
    assert computed_by_the_crm(to_record(values, shape)) == ours.total


@given(documents)
def test_what_was_sent_reads_back_as_it_was(document):
    values = compose(as_paper(document), TIES, SHAPE)
    there = to_record(values, SHAPE)
    for number, row in enumerate(there["Invoiced_Items"]):
        row |= {"id": str(number), "Product_Name": {"id": row["Product_Name"]["id"], "name": "Desk"}}
    assert from_record(there, SHAPE) == values | {key: None for key in SHAPE if key not in values}
    assert news(values, json.loads(json.dumps(values))) == {}


def test_a_quantity_finer_than_the_crm_counts_goes_as_one_of_the_whole_and_says_so():
    fine = PaperLine(7, "Sand", "dry", Decimal("0.333"), Decimal("3"), Decimal("1.00"), Decimal(0))
    (row,) = compose(paper(lines=(fine,), total=Decimal(1)), TIES, SHAPE)["lines"]
    assert (row["quantity"], row["price"], row["description"]) == ("1", "1", "0.333 × 3\ndry")


def test_a_line_without_an_item_says_its_name():
    (row,) = compose(paper(lines=(PaperLine(None, "Advice", "", *[Decimal(1)] * 3, Decimal(0)),)), TIES, SHAPE)["lines"]
    assert (row["product"], row["description"]) == ("9", "Advice")


def test_only_what_the_module_has_is_said_and_only_values_it_takes():
    shape = {"status": Column("status", "Status", choices=("Open",)), "notes": Column("notes", "Description", length=3)}
    assert compose(paper(notes="12345"), TIES, shape) == {"notes": "123"}


@pytest.mark.parametrize("kind", list(Kind))
def test_every_status_has_a_word_that_means_no_other_one(kind):
    words = STATUS_OUT[kind]
    assert len(set(words.values())) == len(words)
    for status, word in words.items():
        meant = STATUS_IN[kind][word]
        assert meant is status or (status, meant) == (Status.INVOICED, Status.ACCEPTED)


@pytest.mark.parametrize(
    ("status", "present", "word"),
    [
        (Status.SENT, "Negotiation", "Negotiation"),
        (Status.ACCEPTED, "Closed Won", "Closed Won"),
        (Status.INVOICED, "Confirmed", "Closed Won"),
        (Status.DECLINED, "Negotiation", "Closed Lost"),
        (Status.SENT, "A word of their own", "Delivered"),
        (Status.SENT, "", "Delivered"),
    ],
)
def test_the_crms_own_word_stays_while_it_means_the_same(status, present, word):
    assert status_word(Kind.QUOTE, status, present) == word


@pytest.mark.parametrize(
    ("ours", "there", "theirs_win", "taken"),
    [
        ({"notes": "a"}, {"notes": "b"}, False, {"notes": "b"}),
        ({"notes": "c"}, {"notes": "b"}, True, {"notes": "b"}),
        ({"notes": "c"}, {"notes": "b"}, False, {}),
        ({"notes": "b"}, {"notes": "b"}, True, {}),
        ({"notes": "a"}, {"notes": "a"}, True, {}),
        ({"notes": "a", "tax": "0"}, {"notes": "a", "tax": "5"}, True, {}),
        ({"notes": "a", "subject": "INV"}, {"notes": "a", "subject": "mine"}, True, {}),
    ],
)
def test_what_is_taken_over(ours, there, theirs_win, taken):
    assert theirs(there, {"notes": "a"}, ours, theirs_win=theirs_win) == taken


def test_rows_are_changed_in_place_added_and_removed():
    present = [{"id": "a"}, {"id": "b"}]
    assert with_row_ids([{"n": 1}], present) == [{"n": 1, "id": "a"}, {"id": "b", "_delete": None}]
    assert with_row_ids([{"n": 1}, {"n": 2}, {"n": 3}], present) == [
        {"n": 1, "id": "a"},
        {"n": 2, "id": "b"},
        {"n": 3},
    ]
