"""The forms of a payment: recording it with what it settles, changing it, and giving a part of it back."""

import uuid
from collections.abc import Container, Sequence
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
from wtforms.validators import InputRequired, Length
from wtforms.widgets import HiddenInput

from zbweb.billing.models import Transaction
from zbweb.billing.payment_drafts import PaymentDraft, RefundDraft
from zbweb.billing.payments import MODES
from zbweb.web.forms.amounts import AmountField
from zbweb.web.forms.choices import options

ZERO = Decimal(0)
_SHORT = Length(max=255, message="Use at most 255 characters.")


class AllocationForm(Form):
    """How much goes to one invoice."""

    invoice_id = IntegerField(widget=HiddenInput())
    amount = AmountField("Apply")


class AllocationsForm(FlaskForm):  # type: ignore[misc]  # flask-wtf is untyped
    """What a payment settles. The services name a row by its invoice: `allocations-17`."""

    allocations = FieldList(FormField(AllocationForm), label="Invoices")

    def __contains__(self, name: str) -> bool:
        return self._row(name) is not None or super().__contains__(name)

    def __getitem__(self, name: str) -> Field:
        return self._row(name) or super().__getitem__(name)

    def _row(self, name: str) -> Field | None:
        wanted = name.removeprefix("allocations-")
        rows = (entry.form for entry in self.allocations.entries)
        return next((row.amount for row in rows if name != wanted and str(row.invoice_id.data) == wanted), None)

    def amounts(self) -> dict[int, Decimal]:
        """Invoice id → what goes to it, for those that get anything."""
        rows = [entry.form for entry in self.allocations.entries]
        return {row.invoice_id.data: row.amount.data for row in rows if row.invoice_id.data and row.amount.data}

    def tell_of_rows_gone(self, shown: Container[int]) -> None:
        """Say of the form what was refused of invoices that are not `shown` any more: their rows cannot say it."""
        for row in (entry.form for entry in self.allocations.entries):
            if row.invoice_id.data not in shown:
                self.form_errors.extend(row.amount.errors)

    def apply_oldest_first(self, invoices: Sequence[Transaction]) -> None:
        """Divide the amount over the invoices in their order."""
        amount = self.amount.data or ZERO
        balances = {invoice.id: invoice.balance for invoice in invoices}
        for entry in self.allocations.entries:
            part = min(amount, balances.get(entry.form.invoice_id.data or 0, ZERO))
            entry.form.amount.raw_data, entry.form.amount.data = None, part or None
            amount -= part


class PaymentForm(AllocationsForm):
    """Money received. `request_key` is made with the page, so that sending it twice records it once."""

    request_key = HiddenField(default=lambda: uuid.uuid4().hex)
    version = HiddenField()
    amount = AmountField("Amount Received", [InputRequired("Enter the amount.")])
    date = DateField("Payment Date", [InputRequired("Choose the date.")])
    mode = SelectField("Payment Mode", choices=options(MODES.items()), default="bank_transfer")
    exchange_rate = AmountField("Exchange Rate")
    reference = StringField("Reference", [_SHORT])
    notes = TextAreaField("Notes")

    def draft(self, customer_id: int) -> PaymentDraft:
        """What was typed. A single invoice takes the whole of a payment that is less than was put to it."""
        assert self.date.data, "validate() comes first"
        amount, parts = self.amount.data or ZERO, self.amounts()
        if len(parts) == 1:
            parts = {invoice_id: min(part, amount) for invoice_id, part in parts.items()}
        return PaymentDraft(
            customer_id=customer_id,
            date=self.date.data,
            amount=amount,
            allocations=parts,
            mode=self.mode.data,
            reference=self.reference.data or "",
            notes=self.notes.data or "",
            exchange_rate=self.exchange_rate.data or ZERO,
            request_key=self.request_key.data or None,
        )


class RefundForm(FlaskForm):  # type: ignore[misc]  # flask-wtf is untyped
    """A part of a payment given back."""

    amount = AmountField("Refund Amount", [InputRequired("Enter the amount.")])
    date = DateField("Refund Date", [InputRequired("Choose the date.")])
    reference = StringField("Reference", [_SHORT])

    def draft(self) -> RefundDraft:
        """What was typed."""
        assert self.date.data, "validate() comes first"
        return RefundDraft(self.amount.data or ZERO, self.date.data, self.reference.data or "")


def rows_for(invoices: Sequence[Transaction], chosen_id: int | None = None) -> list[dict[str, Any]]:
    """The rows that a form starts with: every open invoice, the chosen one with its whole balance."""
    return [{"invoice_id": each.id, "amount": each.balance if each.id == chosen_id else None} for each in invoices]
