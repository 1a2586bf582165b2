"""Quotes, sales orders and invoices as PDF. Every figure is the stored one: nothing is computed for print."""

import io
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from babel.dates import format_date
from reportlab.lib.colors import HexColor
from reportlab.lib.enums import TA_RIGHT
from reportlab.lib.pagesizes import A4, LETTER
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Flowable, Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle
from sqlalchemy.orm import Session

from zbweb.billing import books, typeface
from zbweb.billing.models import Line, Organisation, Transaction
from zbweb.billing.money import round_money
from zbweb.billing.status import Status
from zbweb.billing.words import LOCALE, DiscountKind, Kind, TaxMode

_DUE_LABELS = {Kind.QUOTE: "Valid until", Kind.SALES_ORDER: "Expected shipment", Kind.INVOICE: "Due date"}
_LETTER_COUNTRIES = frozenset({"US", "CA", "MX"})
_INK, _MUTED, _RULE, _BAND = HexColor("#1c2430"), HexColor("#5b6675"), HexColor("#d5dae1"), HexColor("#f3f5f8")
_MARGIN = 18 * mm

_TEXT = ParagraphStyle("text", fontName=typeface.PLAIN, fontSize=8.5, leading=12, textColor=_INK)
_RIGHT = ParagraphStyle("right", parent=_TEXT, alignment=TA_RIGHT)
_SMALL = ParagraphStyle("small", parent=_TEXT, fontSize=7.5, leading=10.5, textColor=_MUTED)
_SMALL_RIGHT = ParagraphStyle("small right", parent=_SMALL, alignment=TA_RIGHT)
_LABEL = ParagraphStyle("label", parent=_SMALL, spaceAfter=1)
_STRONG = ParagraphStyle("strong", parent=_TEXT, fontName=typeface.BOLD)
_STRONG_RIGHT = ParagraphStyle("strong right", parent=_STRONG, alignment=TA_RIGHT)
_NAME = ParagraphStyle("name", parent=_STRONG, fontSize=12, leading=15)
_TITLE = ParagraphStyle("title", parent=_STRONG_RIGHT, fontSize=18, leading=22)


def filename(transaction: Transaction) -> str:
    """What the PDF is called: INV-000001.pdf, or "Invoice draft 7.pdf"."""
    name = transaction.number or f"{Kind(transaction.kind).singular} draft {transaction.id}"
    return "".join(each if each.isalnum() or each in " -_." else "-" for each in name) + ".pdf"


def pdf(session: Session, transaction: Transaction, *, is_issued: bool = False) -> bytes:
    """The document as the customer gets it, on the paper of the organisation's country.

    `is_issued`: it is about to be sent, so it is printed as one that is no draft any more.
    """
    typeface.register()
    own = books.own(session)
    target = io.BytesIO()
    title = f"{Kind(transaction.kind).singular} {transaction.number or '(draft)'}"
    paper = SimpleDocTemplate(
        target,
        pagesize=LETTER if own.country in _LETTER_COUNTRIES else A4,
        leftMargin=_MARGIN, rightMargin=_MARGIN, topMargin=_MARGIN, bottomMargin=_MARGIN,
        title=title, author=own.name,
    )  # fmt: skip
    width = paper.width
    story = [
        _head(own, transaction, width, is_issued=is_issued),
        Spacer(1, 8 * mm),
        _parties(transaction, width),
        Spacer(1, 7 * mm),
        _lines(transaction, width),
        Spacer(1, 4 * mm),
        _totals(transaction, width),
        *_foot(transaction),
    ]

    def number_pages(canvas: Canvas, _paper: SimpleDocTemplate) -> None:
        canvas.setFont(typeface.PLAIN, 7)
        canvas.setFillColor(_MUTED)
        canvas.drawRightString(_MARGIN + width, 10 * mm, f"Page {canvas.getPageNumber()}")

    paper.build(story, onFirstPage=number_pages, onLaterPages=number_pages)
    return target.getvalue()


def _head(own: Organisation, transaction: Transaction, width: float, *, is_issued: bool) -> Table:
    seller = [_say(own.name, _NAME), _say("\n".join(part for part in (own.address, own.email) if part), _SMALL)]
    stamp = {Status.DRAFT: "" if is_issued else "Draft", Status.VOID: "Void"}.get(Status(transaction.status), "")
    what = [_say(Kind(transaction.kind).singular, _TITLE), _say(transaction.number or "", _STRONG_RIGHT)]
    return _grid([[seller, [*what, _say(stamp, _RIGHT)]]], [width * 0.6, width * 0.4])


def _parties(transaction: Transaction, width: float) -> Table:
    name = transaction.customer.display_name
    addresses = [
        [_say(label, _LABEL), _say(name, _STRONG), _say(address, _TEXT)]
        for label, address in (("Bill to", transaction.billing_address), ("Ship to", transaction.shipping_address))
        if address or label == "Bill to"
    ]
    facts = [("Date", format_date(transaction.date, "d MMM y", locale=LOCALE))]
    if transaction.due_date:
        due = format_date(transaction.due_date, "d MMM y", locale=LOCALE)
        facts.append((_DUE_LABELS[Kind(transaction.kind)], due))
    if transaction.reference:
        facts.append(("Reference", transaction.reference))
    table = _grid(
        [[_say(label, _SMALL), _say(value, _RIGHT)] for label, value in facts], [34 * mm, width * 0.34 - 34 * mm]
    )
    cells = [*addresses, table]
    columns = [width * 0.66 / len(addresses)] * len(addresses) + [width * 0.34]
    return _grid([cells], columns)


def _lines(transaction: Transaction, width: float) -> Table:
    numbers = ("Quantity", "Rate", "Discount", "Tax", "Amount")
    heads: list[Any] = [_say("Item", _SMALL), *(_say(text, _SMALL_RIGHT) for text in numbers)]
    rows: list[list[Any]] = [heads, *(_line(transaction, line) for line in transaction.lines)]
    widths = [width * part for part in (0.4, 0.11, 0.14, 0.1, 0.1, 0.15)]
    table = Table(rows, colWidths=widths, repeatRows=1, splitInRow=1)
    table.setStyle(
        TableStyle(
            [
                ("BACKGROUND", (0, 0), (-1, 0), _BAND),
                ("LINEBELOW", (0, 0), (-1, -1), 0.4, _RULE),
                ("VALIGN", (0, 0), (-1, -1), "TOP"),
                ("TOPPADDING", (0, 0), (-1, -1), 4),
                ("BOTTOMPADDING", (0, 0), (-1, -1), 4),
            ]
        )
    )
    return table


def _line(transaction: Transaction, line: Line) -> list[Any]:
    item: list[Flowable] = [_say(line.name, _TEXT)]
    if line.description:
        item.append(_say(line.description, _SMALL))
    discount = ""
    if line.discount_value:
        is_percent = line.discount_kind == DiscountKind.PERCENT
        discount = f"{_plain(line.discount_value)}%" if is_percent else _money(transaction, line.discount_value)
    tax = f"{_plain(line.tax_rate)}%" if line.tax_name or line.tax_rate else ""
    quantity = f"{_plain(line.quantity)} {line.unit}".strip()
    texts = (quantity, _plain(line.rate), discount, tax, _money(transaction, line.amount))
    return [item, *(_say(text, _RIGHT) for text in texts)]


def _totals(transaction: Transaction, width: float) -> Table:
    rows = [
        [_say(label, style), _say(_money(transaction, amount), style)] for label, amount, style in _sums(transaction)
    ]
    table = _grid(rows, [width * 0.34, width * 0.2])
    table.hAlign = "RIGHT"
    return table


def _sums(transaction: Transaction) -> list[tuple[str, Decimal, ParagraphStyle]]:
    is_inclusive = transaction.tax_mode == TaxMode.INCLUSIVE
    including = "including " if is_inclusive else ""
    sums = [("Subtotal", transaction.subtotal, _RIGHT)]
    if transaction.discount_total:
        sums.append(("Discount", -transaction.discount_total, _RIGHT))
    for row in transaction.tax_table:
        name = f"{including}{row['name'] or 'Tax'} ({_plain(Decimal(row['rate']))}%)"
        sums.append((name, Decimal(row["tax"]), _RIGHT))
    if transaction.shipping:
        sums.append(("Shipping", transaction.shipping, _RIGHT))
    if transaction.adjustment:
        sums.append(("Adjustment", transaction.adjustment, _RIGHT))
    sums.append(("Total", transaction.total, _STRONG_RIGHT))
    if transaction.paid:
        sums += [("Paid", -transaction.paid, _RIGHT), ("Balance due", transaction.balance, _STRONG_RIGHT)]
    return sums


def _foot(transaction: Transaction) -> list[Flowable]:
    parts: list[Flowable] = []
    for label, text in (("Notes", transaction.notes), ("Terms and conditions", transaction.terms)):
        if text:
            parts += [Spacer(1, 6 * mm), _say(label, _LABEL), _say(text, _TEXT)]
    return parts


def _grid(rows: Sequence[Sequence[Any]], widths: list[float]) -> Table:
    table = Table([list(row) for row in rows], colWidths=widths)
    table.setStyle(
        TableStyle([("VALIGN", (0, 0), (-1, -1), "TOP"), ("LEFTPADDING", (0, 0), (-1, -1), 0),
                    ("RIGHTPADDING", (0, 0), (-1, -1), 0), ("TOPPADDING", (0, 0), (-1, -1), 1.5),
                    ("BOTTOMPADDING", (0, 0), (-1, -1), 1.5)])
    )  # fmt: skip
    return table


def _say(text: str, style: ParagraphStyle) -> Paragraph:
    return Paragraph(typeface.markup(text), style)


def _money(transaction: Transaction, amount: Decimal) -> str:
    return typeface.money(f"{round_money(amount, transaction.currency):,}", transaction.currency)


def _plain(value: Decimal) -> str:
    return f"{value.normalize():,f}"
