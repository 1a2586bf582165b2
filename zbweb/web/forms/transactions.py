"""The form of a quote, sales order or invoice: its fields, and the draft that they say.

The form is made from a draft and makes one, so new, edit, duplicate and preview are the same road. Rows that
nobody filled in are dropped before anything else, so the service's `lines-3-rate` is this form's fourth row.
"""

import datetime
import uuid
from collections.abc import Sequence
from dataclasses import asdict, replace
from decimal import Decimal
from typing import Any

from flask_wtf import FlaskForm
from wtforms import (
    DateField,
    Field,
    FieldList,
    Form,
    FormField,
    HiddenField,
    IntegerField,
    SelectField,
    StringField,
    TextAreaField,
)
from wtforms.validators import InputRequired, Length, Optional, ValidationError
from wtforms.widgets import HiddenInput

from zbweb.billing.drafts import Draft, LineDraft, Potential
from zbweb.billing.models import PaymentTerm, Tax
from zbweb.billing.words import DiscountKind, TaxMode
from zbweb.web.forms.amounts import AmountField, plain
from zbweb.web.forms.choices import options

ZERO, ONE = Decimal(0), Decimal(1)
_SHORT = Length(max=255, message="Use at most 255 characters.")
_DOCUMENT_FIELDS = ("date", "due_date", "payment_term_id", "number", "reference", "notes", "terms")


def optional_id(value: str | int | None) -> int | None:
    """A select's value as an id; the blank choice is none."""
    return int(value) if value else None


def _hidden_id() -> IntegerField:
    return IntegerField(validators=[Optional()], widget=HiddenInput())


def _discount_kind(label: str) -> SelectField:
    choices = options([(DiscountKind.PERCENT, "%"), (DiscountKind.AMOUNT, "amount")])
    return SelectField(label, choices=choices, coerce=DiscountKind, default=DiscountKind.PERCENT)


class LineForm(Form):
    """One row."""

    id = _hidden_id()
    item_id = _hidden_id()
    unit = HiddenField()
    name = StringField("Item", [_SHORT])
    description = TextAreaField("Description")
    quantity = AmountField("Quantity", default=ONE)
    rate = AmountField("Rate")
    discount_value = AmountField("Discount")
    discount_kind = _discount_kind("Percent or amount")
    tax_id = SelectField("Tax", coerce=optional_id, choices=options([("", "No tax")]))

    @property
    def is_blank(self) -> bool:
        """A row that nobody filled in; its quantity comes by itself."""
        return not any((self.name.data, self.description.data, self.rate.raw_data and self.rate.raw_data[0].strip()))

    def validate_name(self, field: Field) -> None:
        """A row is called something."""
        if not (field.data or "").strip():
            raise ValidationError("Name what is sold.")

    def validate_rate(self, field: Field) -> None:
        """Nothing is not zero: a free item has the rate 0."""
        if field.data is None and not field.errors:
            raise ValidationError("Enter a rate.")

    def draft(self) -> LineDraft:
        """What the row says, with nothing for what cannot be read (validate() has said so)."""
        return LineDraft(
            name=self.name.data or "",
            quantity=ONE if self.quantity.data is None else self.quantity.data,
            rate=self.rate.data or ZERO,
            description=self.description.data or "",
            unit=self.unit.data or "",
            item_id=self.item_id.data,
            discount_kind=DiscountKind(self.discount_kind.data or DiscountKind.PERCENT),
            discount_value=self.discount_value.data or ZERO,
            tax_id=self.tax_id.data,
            id=self.id.data,
        )


class TransactionForm(FlaskForm):  # type: ignore[misc]  # flask-wtf is untyped
    """The document. `customer_match` is the drop-down that a browser without JavaScript chooses a customer from.

    `request_key` is made with the page, so that sending it twice saves one document. `due_date_shown` is the due date
    that the editor itself wrote into the box: one that stands there still was not typed, and follows date and terms.
    """

    version = HiddenField()
    request_key = HiddenField(default=lambda: uuid.uuid4().hex, validators=[Length(max=32)])
    currency = HiddenField()
    customer_id = _hidden_id()
    customer_match = SelectField("Matching customers", coerce=optional_id, choices=[], validate_choice=False)
    customer_name = StringField("Customer Name", [InputRequired("Choose a customer.")])
    number = StringField("Number", [Length(max=64, message="Use at most 64 characters.")])
    reference = StringField("Reference", [_SHORT])
    date = DateField("Date", [InputRequired("Choose the date.")])
    due_date = DateField("Due Date", [Optional()])
    due_date_shown = DateField("Due Date", [Optional()], widget=HiddenInput())
    payment_term_id = SelectField("Payment Terms", coerce=optional_id)
    exchange_rate = AmountField("Exchange Rate")
    tax_mode = SelectField(
        "Amounts Are",
        choices=options([(TaxMode.EXCLUSIVE, "Without tax"), (TaxMode.INCLUSIVE, "With tax included")]),
        coerce=TaxMode,
        default=TaxMode.EXCLUSIVE,
    )
    discount_value = AmountField("Off the subtotal")
    discount_kind = _discount_kind("Percent or amount, off the subtotal")
    shipping = AmountField("Shipping")
    adjustment = AmountField("Adjustment")
    notes = TextAreaField("Notes")
    terms = TextAreaField("Terms and Conditions")
    potential_id = HiddenField()
    potential_name = HiddenField()
    potential_stage = HiddenField()
    lines = FieldList(FormField(LineForm), label="Lines")

    def unread(self) -> str:
        """A sentence about the first amount that is no number; empty when all can be read."""
        fields = [*self, *(field for entry in self.lines.entries for field in entry.form)]
        wrong = (field for field in fields if isinstance(field, AmountField) and field.process_errors)
        return next((f"{field.label.text}: {field.process_errors[0]}" for field in wrong), "")

    def __contains__(self, name: str) -> bool:
        return self._line_field(name) is not None or super().__contains__(name)

    def __getitem__(self, name: str) -> Field:
        """A field by the name the services know: `lines-2-rate` is the third row's, `customer_id` is seen as a name."""
        return self._line_field(name) or super().__getitem__("customer_name" if name == "customer_id" else name)

    def validate_customer_name(self, field: Field) -> None:
        """The name must be somebody's; `editing` has looked."""
        if self.customer_id.data is None:
            raise ValidationError(f"There is no customer {field.data}. Choose one of those offered, or add them first.")

    def _line_field(self, name: str) -> Field | None:
        parts = name.split("-")
        if len(parts) != 3 or parts[0] != "lines" or not parts[1].isdecimal():
            return None
        rows, index = self.lines.entries, int(parts[1])
        return rows[index].form[parts[2]] if index < len(rows) and parts[2] in rows[index].form else None

    def drop_blank_lines(self) -> None:
        """Leave out the rows that nobody filled in; `blank_lines` has their names."""
        self.blank_lines = [entry.name for entry in self.lines.entries if entry.form.is_blank]
        self.lines.entries = [entry for entry in self.lines.entries if entry.name not in self.blank_lines]

    def offer(self, taxes: Sequence[Tax], terms: Sequence[PaymentTerm], currency: str) -> None:
        """Fill the drop-downs; amounts are in `currency`."""
        self.payment_term_id.choices = options([("", "Customer's terms"), *((each.id, each.name) for each in terms)])
        named = ((tax.id, f"{tax.name} ({plain(tax.rate)}%)") for tax in taxes)
        self.tax_choices = options([("", "No tax"), *named])
        self.discount_choices = options([(DiscountKind.PERCENT, "%"), (DiscountKind.AMOUNT, currency)])
        self.discount_kind.choices = self.discount_choices
        for entry in self.lines.entries:
            self.offer_in(entry.form)

    def offer_in(self, line: LineForm) -> None:
        """Fill a row's drop-downs."""
        line.tax_id.choices, line.discount_kind.choices = self.tax_choices, self.discount_choices

    def faults(self) -> list[tuple[str, str, str]]:
        """What is wrong, in the order of the page: the field's id, its label, the sentences."""
        rows = [(field, f"Line {at}: {field.label.text}") for at, line in self._rows() for field in line]
        own = [(field, field.label.text) for field in self if field.type not in {"FieldList", "CSRFTokenField"}]
        whole = [("lines", "Lines", error) for error in self.lines.errors if isinstance(error, str)]
        return whole + [
            (field.id, label, " ".join(map(str, field.errors))) for field, label in own + rows if field.errors
        ]

    def _rows(self) -> list[tuple[int, LineForm]]:
        return [(at, entry.form) for at, entry in enumerate(self.lines.entries, start=1)]

    def show_due_date(self, day: datetime.date | None) -> None:
        """Write the due date that will be saved into its box, unless a person wrote something there."""
        is_typed = self.due_date.errors or self.due_date.data not in {None, self.due_date_shown.data}
        if day and not is_typed:
            for field in (self.due_date, self.due_date_shown):
                field.raw_data, field.data = None, day

    def change_lines(self, pressed: str) -> None:
        """What the buttons of the rows do without JavaScript: "add", "remove-2", "up-2", "down-2"."""
        act, _, at = pressed.partition("-")
        rows, index = self.lines.entries, int(at) if at.isdecimal() else -1
        if act == "add":
            self.add_line()
        elif act == "remove" and index in range(len(rows)):
            del rows[index]
        elif act in {"up", "down"} and index in range(len(rows)):
            row = rows.pop(index)
            rows.insert(max(0, index + (1 if act == "down" else -1)), row)

    def add_line(self) -> None:
        """One more blank row."""
        self.lines.append_entry()
        self.offer_in(self.lines.entries[-1].form)

    def template_line(self) -> LineForm:
        """A blank row under a name that the browser replaces by the next number."""
        line = LineForm(prefix="lines-__i__-")
        self.offer_in(line)
        return line

    def renumber(self) -> None:
        """Name the rows in the order they stand, as the next request will read them."""
        for index, entry in enumerate(self.lines.entries):
            for field in entry.form:
                field.name = field.id = field.label.field_id = f"lines-{index}-{field.short_name}"

    def draft(self, before: Draft) -> Draft:
        """What was typed, over what the document is (or, for a new one, over an empty draft)."""
        customer_id = self.customer_id.data or 0
        is_same = customer_id == before.customer_id
        values: dict[str, Any] = {name: self[name].data or None for name in _DOCUMENT_FIELDS if name != "date"}
        texts = {name: values[name] or "" for name in ("number", "reference", "notes", "terms")}
        amounts = {name: self[name].data or ZERO for name in ("discount_value", "shipping", "adjustment")}
        return replace(
            before,
            **values | texts | amounts | {"due_date": self._typed_due_date(before)},
            date=self.date.data or before.date,
            customer_id=customer_id,
            currency=before.currency if is_same else "",
            exchange_rate=self.exchange_rate.data or ZERO,
            tax_mode=TaxMode(self.tax_mode.data or TaxMode.EXCLUSIVE),
            discount_kind=DiscountKind(self.discount_kind.data or DiscountKind.PERCENT),
            billing_address=before.billing_address if is_same else None,
            shipping_address=before.shipping_address if is_same else None,
            potential=self._potential(),
            request_key=self.request_key.data or None,
            lines=tuple(_with_source(entry.form.draft(), before) for entry in self.lines.entries),
        )

    def _typed_due_date(self, before: Draft) -> datetime.date | None:
        typed: datetime.date | None = self.due_date.data
        return before.due_date if typed and typed == self.due_date_shown.data else typed

    def _potential(self) -> Potential | None:
        potential_id = self.potential_id.data
        stage = self.potential_stage.data or ""
        return Potential(potential_id, self.potential_name.data or "", stage) if potential_id else None


def _with_source(line: LineDraft, before: Draft) -> LineDraft:
    """The row keeps the order line it bills, which is not for the browser to say."""
    source = next((held.source_line_id for held in before.lines if held.id == line.id), None)
    return replace(line, source_line_id=source if line.id else None)


def typed_values(draft: Draft) -> dict[str, Any]:
    """What a form for this draft starts with; nothing where zero says nothing."""
    values = {name: getattr(draft, name) for name in (*_DOCUMENT_FIELDS, "customer_id", "currency")}
    potential = draft.potential
    return values | {
        "due_date_shown": draft.due_date,
        "exchange_rate": draft.exchange_rate,
        "tax_mode": draft.tax_mode,
        "discount_kind": draft.discount_kind,
        **{name: getattr(draft, name) or None for name in ("discount_value", "shipping", "adjustment")},
        "potential_id": potential.id if potential else "",
        "potential_name": potential.name if potential else "",
        "potential_stage": potential.stage if potential else "",
        "lines": [asdict(line) | {"discount_value": line.discount_value or None} for line in draft.lines],
    }
