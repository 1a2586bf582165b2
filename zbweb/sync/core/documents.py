"""A quote, sales order or invoice in the CRM's words, and back. Pure.

The CRM computes a document's total itself: quantity times list price per row, less discounts, plus tax and
adjustment. Discounts and tax therefore go there as amounts, and the adjustment carries whatever is left
(shipping, our own adjustment, finer rounding), so that its Grand Total is our total to the cent. Where rates
contain the tax, no tax is sent: the amounts have it.

Rows carry no tax of their own when we write them; a percentage that people put there is read as the line's tax.

`Values` are a document by field key, made of texts, None and rows alone: what a link's snapshot keeps, and what
both sides are compared by.
"""

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from zbweb.billing.status import Status
from zbweb.billing.words import Kind
from zbweb.sync.core.document_words import FORMS, STATUS_IN, STATUS_OUT, Form

Values = dict[str, Any]
ZERO = Decimal(0)
CENT = Decimal("0.01")
_LONGEST_TEXT = 2000


@dataclass(frozen=True, slots=True)
class Column:
    """A field that the CRM's module really has: its name there, the longest text and the only choices it takes."""

    key: str
    crm: str
    required: bool = False
    length: int | None = None
    choices: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As a module setup keeps it, among its mappings."""
        return {**asdict(self), "field": self.key, "choices": list(self.choices)}

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> "Column":
        """As a module setup kept it."""
        return cls(kept["key"], kept["crm"], kept["required"], kept["length"], tuple(kept["choices"]))


Shape = Mapping[str, Column]
"""The columns of a CRM module by field key."""


@dataclass(frozen=True, slots=True)
class PaperLine:
    """A line as its document has it; `gross` is before its discount, rounded, and `discount` an amount."""

    item_id: int | None
    name: str
    description: str
    quantity: Decimal
    rate: Decimal
    gross: Decimal
    discount: Decimal


@dataclass(frozen=True, slots=True)
class Paper:
    """A document as it stands here. `tax` is what is added to the lines: none where the rates contain it."""

    id: int
    kind: Kind
    customer_id: int
    number: str
    status: Status
    date: datetime.date
    total: Decimal
    currency: str
    lines: tuple[PaperLine, ...]
    due_date: datetime.date | None = None
    discount: Decimal = ZERO
    tax: Decimal = ZERO
    reference: str = ""
    notes: str = ""
    terms: str = ""
    billing_address: str = ""
    shipping_address: str = ""
    potential_id: str = ""
    source_id: int | None = None

    @property
    def name(self) -> str:
        """What people call it."""
        return self.number or f"{self.kind.value} draft {self.id}"


@dataclass(frozen=True, slots=True)
class Ties:
    """The CRM's ids of what a document points at; `products` by item id, None for lines without an item."""

    account: str = ""
    contact: str = ""
    source: str = ""
    products: Mapping[int | None, str] = field(default_factory=dict)


def has_currency(paper: Paper, shape: Shape, base_currency: str) -> bool:
    """Whether the CRM can say in which currency a document is; without its word an amount is in the base currency."""
    column = shape.get("currency")
    return paper.currency == base_currency or (column is not None and _fits(paper.currency, column))


def compose(paper: Paper, ties: Ties, shape: Shape, *, present_status: str = "") -> Values:
    """The document in the CRM's words, as far as its module has the fields.

    `present_status` is the CRM's word now; it stays while it means what our status means.
    """
    lines = [_line(line, ties.products[line.item_id]) for line in paper.lines]
    values: Values = {
        "subject": paper.name,
        "account": ties.account or None,
        "contact": ties.contact or None,
        "potential": paper.potential_id or None,
        "source": ties.source or None,
        "status": status_word(paper.kind, paper.status, present_status),
        "date": paper.date.isoformat(),
        "due_date": paper.due_date.isoformat() if paper.due_date else None,
        "currency": paper.currency,
        "lines": lines,
        "discount": number(paper.discount if "discount" in shape else ZERO),
        "tax": number(paper.tax if "tax" in shape else ZERO),
        "our_id": str(paper.id),
        **{key: getattr(paper, key).strip() or None for key in _TEXTS},
    }
    values["adjustment"] = number(paper.total - crm_total({**values, "adjustment": "0"}))
    offered = {key: value for key, value in values.items() if key in shape and _fits(value, shape[key])}
    return {key: _fitted(value, shape[key]) for key, value in offered.items()}


_TEXTS = ("reference", "notes", "terms", "billing_address", "shipping_address")


def _line(line: PaperLine, product: str) -> Values:
    """A row. The CRM counts in hundredths: a finer quantity or price goes as one of the rounded whole."""
    is_plain = all(value == value.quantize(CENT) for value in (line.quantity, line.rate))
    words = [line.name] if line.item_id is None else []
    if not is_plain:
        words.append(f"{number(line.quantity)} × {number(line.rate)}")
    if line.description.strip():
        words.append(line.description.strip())
    return {
        "product": product,
        "quantity": number(line.quantity if is_plain else Decimal(1)),
        "price": number(line.rate if is_plain else line.gross),
        "discount": number(line.discount),
        "tax": "0",
        "description": "\n".join(words)[:_LONGEST_TEXT] or None,
    }


def _fits(value: Any, column: Column) -> bool:
    return not (FORMS[column.key] is Form.CHOICE and column.choices and value not in column.choices)


def _fitted(value: Any, column: Column) -> Any:
    is_text = isinstance(value, str) and FORMS[column.key] is Form.TEXT
    return value[: column.length] if is_text and column.length else value


def crm_total(values: Mapping[str, Any]) -> Decimal:
    """What the CRM's Grand Total will be."""
    nets = (
        _cents(Decimal(line["quantity"]) * Decimal(line["price"])) - _cents(Decimal(line["discount"]))
        for line in values.get("lines") or ()
    )
    amounts = {key: Decimal(values.get(key) or 0) for key in ("discount", "tax", "adjustment")}
    return sum(nets, ZERO) - _cents(amounts["discount"]) + amounts["tax"] + amounts["adjustment"]


def _cents(amount: Decimal) -> Decimal:
    return amount.quantize(CENT, rounding=ROUND_HALF_UP)


def status_word(kind: Kind, status: Status, present: str = "") -> str:
    """The CRM's word for a status; the present one if it means the same."""
    return present if STATUS_IN[kind].get(present) is status else STATUS_OUT[kind][status]


def number(value: Decimal) -> str:
    """A number in the one form it is compared in."""
    return f"{value.normalize():f}" if value else "0"


def news(values: Mapping[str, Any], snapshot: Mapping[str, Any]) -> Values:
    """What the other side has yet to be told: the values that differ from those both agreed on."""
    return {key: value for key, value in values.items() if value != snapshot.get(key)}


def to_record(values: Mapping[str, Any], shape: Shape) -> dict[str, Any]:
    """Values as the CRM's JSON."""
    return {shape[key].crm: _to_crm(FORMS[key], value) for key, value in values.items()}


def _to_crm(form: Form, value: Any) -> Any:
    if value is None:
        return None
    if form is Form.AMOUNT:
        return Decimal(value)
    if form is Form.LOOKUP:
        return {"id": value}
    if form is Form.LINES:
        return [_to_crm_line(line) for line in value]
    return value


def _to_crm_line(line: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "Product_Name": {"id": line["product"]},
        "Quantity": Decimal(line["quantity"]),
        "List_Price": Decimal(line["price"]),
        "Discount": Decimal(line["discount"]),
        "Line_Tax": [],
        "Description": line["description"],
    }


def with_row_ids(lines: Sequence[dict[str, Any]], present: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The rows of an update: those that are there are changed in their order, further ones added, others removed."""
    kept = [{**line, "id": row["id"]} for line, row in zip(lines, present, strict=False)]
    removed = [{"id": row["id"], "_delete": None} for row in present[len(lines) :]]
    return [*kept, *lines[len(present) :], *removed]


def from_record(record: Mapping[str, Any], shape: Shape) -> Values:
    """The CRM's JSON of a document (with its rows) as values."""
    return {key: _from_crm(FORMS[key], record.get(column.crm)) for key, column in shape.items()}


def _from_crm(form: Form, value: Any) -> Any:
    if form is Form.AMOUNT:
        return number(Decimal(value or 0))
    if form is Form.LINES:
        return [_from_crm_line(row) for row in value or ()]
    if value in (None, ""):
        return None
    if form is Form.LOOKUP:
        return str(value["id"] if isinstance(value, Mapping) else value)
    return str(value)


def _from_crm_line(row: Mapping[str, Any]) -> Values:
    return {
        "product": str((row.get("Product_Name") or {}).get("id", "")),
        "quantity": number(Decimal(row.get("Quantity") or 0)),
        "price": number(Decimal(row.get("List_Price") or 0)),
        "discount": number(Decimal(row.get("Discount") or 0)),
        "tax": number(sum((Decimal(tax.get("percentage") or 0) for tax in row.get("Line_Tax") or ()), ZERO)),
        "description": row.get("Description") or None,
    }


TAKEN = (
    "potential", "status", "date", "due_date", "reference", "billing_address", "shipping_address", "terms", "notes",
    "lines", "discount", "adjustment",
)  # fmt: skip
"""What people may change in the CRM; anything else there is set back to what it is here."""


def theirs(
    there: Mapping[str, Any], snapshot: Mapping[str, Any], ours: Mapping[str, Any], *, theirs_win: bool
) -> Values:
    """What is to be taken over: changed there since both agreed, and not here too (unless theirs win)."""
    changed = {key: there[key] for key in TAKEN if key in there and there[key] != snapshot.get(key)}
    return {
        key: value
        for key, value in changed.items()
        if value != ours.get(key) and (theirs_win or ours.get(key) == snapshot.get(key))
    }
