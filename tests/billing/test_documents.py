"""The PDF says what the screen says, in characters that can be printed."""

import io
from decimal import Decimal

import pypdf
import pytest

from tests.factories.customers import make_customer
from tests.factories.transactions import make_invoice, make_line, make_order, make_quote, pay
from zbweb.billing import books, documents, typeface
from zbweb.billing.words import TaxMode
from zbweb.db import unit_of_work


def words(content):
    return "\n".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(content)).pages)


def printed(transaction):
    with unit_of_work() as session:
        return words(documents.pdf(session, session.merge(transaction)))


def test_an_invoice_prints_every_stored_figure(asha):
    with unit_of_work() as session:
        acme = make_customer(session, display_name="Acmé & Søns <Ltd>", billing_street="1 Main Street")
        lines = [
            make_line("Widget", "3", "1234.5", tax_name="VAT", tax_rate=Decimal(20), description="blue\nand round"),
            make_line("Setup", "1", "80", discount_value=Decimal("12.5")),
        ]
        invoice = make_invoice(session, acme, lines=lines, shipping=Decimal(7), reference="PO-9", notes="Thank you!")
        pay(session, acme, "1000", invoices={invoice: "1000"})
    text = printed(invoice)
    for expected in (
        "Invoice", "INV-000001", "Acmé & Søns <Ltd>", "1 Main Street", "Zylker Ltd", "PO-9", "Thank you!", "and round",
        "3,703.50", "12.5%", "70.00", "VAT (20%)", "$740.70", "$7.00", "$4,521.20", "-$1,000.00", "$3,521.20",
    ):  # fmt: skip
        assert expected in text, expected


@pytest.mark.parametrize(
    ("make", "title", "label"), [(make_quote, "Quote", "Valid until"), (make_order, "Sales Order", "Expected shipment")]
)
def test_each_kind_has_its_title_and_its_date(asha, make, title, label):
    with unit_of_work() as session:
        made = make(session, make_customer(session), due_date=books.today(session))
    text = printed(made)
    assert title in text
    assert label in text


def test_a_draft_says_so_and_an_inclusive_tax_too(asha):
    with unit_of_work() as session:
        lines = [make_line(rate="145", tax_name="GST", tax_rate=Decimal(18))]
        made = make_invoice(session, make_customer(session), lines=lines, tax_mode=TaxMode.INCLUSIVE, is_draft=True)
    text = printed(made)
    assert "Draft" in text
    assert "including GST (18%)" in text
    assert "$145.00" in text
    assert documents.filename(made) == f"Invoice draft {made.id}.pdf"


def test_a_long_document_goes_on_with_its_heading_on_every_page(asha):
    with unit_of_work() as session:
        lines = [make_line(f"Part {n}") for n in range(120)]
        made = make_invoice(session, make_customer(session), lines=lines)
    with unit_of_work() as session:
        pages = pypdf.PdfReader(io.BytesIO(documents.pdf(session, made))).pages
        assert len(pages) > 2
        assert all("Quantity" in page.extract_text() for page in pages[:3])
        assert "Page 2" in pages[1].extract_text()


@pytest.mark.parametrize("description", ["word " * 1_500, "short\n" * 300], ids=["long text", "many lines"])
def test_a_description_longer_than_a_page_goes_on_over_the_next_ones(asha, description):
    with unit_of_work() as session:
        lines = [make_line("Widget", description=description.strip()), make_line("Last")]
        made = make_invoice(session, make_customer(session), lines=lines)
    text = printed(made)
    assert text.count(description.split()[0]) == len(description.split())
    assert "Last" in text


def test_a_number_makes_a_harmless_file_name(asha):
    with unit_of_work() as session:
        made = make_invoice(session, make_customer(session), number="2026/../A:7")
    assert documents.filename(made) == "2026-..-A-7.pdf"


@pytest.mark.parametrize(
    ("amount", "currency", "expected"),
    [
        ("1,204.50", "USD", "$1,204.50"),
        ("-5.00", "EUR", "-€5.00"),
        ("300", "JPY", "¥300"),
        ("10.00", "INR", "₹10.00"),
        ("1.250", "KWD", "KWD\N{NO-BREAK SPACE}1.250"),
        ("-1.250", "KWD", "-KWD\N{NO-BREAK SPACE}1.250"),
    ],
)
def test_an_amount_has_its_sign_where_the_font_has_one(amount, currency, expected):
    assert typeface.money(amount, currency) == expected


@pytest.mark.parametrize(
    ("text", "markup"),
    [
        ("Søns & <b>", "Søns &amp; &lt;b&gt;"),
        ("Đặng gęślą Őrült Příliš Ķēniņš Ștefan", "Đặng gęślą Őrült Příliš Ķēniņš Ștefan"),
        ("株式会社 A", '<font name="STSong-Light">株式会社</font> A'),
        ("Иван Γιάννης", "Иван Γιάννης"),
        ("שלום", "????"),
        ("한국", '<font name="HYGothic-Medium">한국</font>'),
        ("हि", "??"),
        ("a\u200bb\nc", "a b<br/>c"),
    ],
)
def test_no_character_is_printed_as_an_empty_box(text, markup):
    assert typeface.markup(text) == markup
