"""The bulk update's form: for each field a tick that says whether to change it, and the new value."""

from collections.abc import Sequence
from typing import Any

from flask_wtf import FlaskForm
from wtforms import BooleanField, SelectField, StringField, TextAreaField
from wtforms.fields import Field
from wtforms.validators import Length

from zbweb.billing.changes import CUSTOM
from zbweb.billing.models import CustomField, PaymentTerm
from zbweb.web.forms.choices import currencies
from zbweb.web.forms.customers import custom_field, offer_terms

_TEXT_FIELDS = {
    "billing_city": "Billing City",
    "billing_state": "Billing State",
    "billing_country": "Billing Country",
    "shipping_city": "Shipping City",
    "shipping_state": "Shipping State",
    "shipping_country": "Shipping Country",
    "website": "Website",
}
_CHANGE = "change_"


class BulkForm(FlaskForm):  # type: ignore[misc]  # flask-wtf is untyped
    """Made by `bulk_form`; `change_<field>` says whether `<field>` is to change."""

    payment_term_id = SelectField("Payment Terms", coerce=lambda value: int(value) if value else None)
    currency = SelectField("Currency", choices=currencies)
    notes = TextAreaField("Notes")
    offered: Sequence[str] = ()

    def pairs(self) -> list[tuple[BooleanField, Field]]:
        """(tick, field) in the order of the page."""
        return [(self[_CHANGE + name], self[name]) for name in self.offered]

    def values(self) -> dict[str, Any]:
        """Column or `custom.<key>` → new value, of the fields that are ticked."""
        ticked = [(tick.short_name.removeprefix(_CHANGE), field) for tick, field in self.pairs() if tick.data]
        return {CUSTOM + name if name.startswith("cf_") else name: field.data for name, field in ticked}


def bulk_form(fields: Sequence[CustomField], terms: Sequence[PaymentTerm]) -> BulkForm:
    """The form with the organisation's custom fields."""
    texts = {name: StringField(label, [Length(max=255)]) for name, label in _TEXT_FIELDS.items()}
    customs = {field.key: custom_field(field) for field in fields}
    offered = ("payment_term_id", "currency", *texts, *customs, "notes")
    labels = {"payment_term_id": "Payment Terms", "currency": "Currency", "notes": "Notes"} | _TEXT_FIELDS
    labels |= {field.key: field.label for field in fields}
    ticks = {_CHANGE + name: BooleanField(f"Change {labels[name]}") for name in offered}
    made = type("WithCustomFields", (BulkForm,), {"offered": offered, **texts, **customs, **ticks})
    form: BulkForm = made()
    offer_terms(form.payment_term_id, terms)
    return form
