"""The form of an item."""

from collections.abc import Sequence
from decimal import Decimal

from flask_wtf import FlaskForm
from wtforms import IntegerField, SelectField, StringField, TextAreaField
from wtforms.validators import InputRequired, Length, Optional
from wtforms.widgets import HiddenInput

from zbweb.billing.items import ItemDraft
from zbweb.billing.models import Item, Tax
from zbweb.web.forms.amounts import AmountField
from zbweb.web.forms.choices import options


class ItemForm(FlaskForm):  # type: ignore[misc]  # flask-wtf is untyped
    """An item; made by `item_form`, which offers the taxes."""

    version = IntegerField(validators=[Optional()], widget=HiddenInput())
    name = StringField("Name", [InputRequired("Enter a name."), Length(max=255)])
    sku = StringField("SKU", [Length(max=64)])
    rate = AmountField("Rate", [InputRequired("Enter a rate; 0 if it is free.")])
    unit = StringField("Unit", [Length(max=64)])
    tax_id = SelectField("Tax", coerce=lambda value: int(value) if value else None)
    description = TextAreaField("Description")

    def draft(self) -> ItemDraft:
        """What was typed."""
        return ItemDraft(
            name=self.name.data or "",
            sku=self.sku.data or "",
            description=self.description.data or "",
            rate=self.rate.data or Decimal(0),
            unit=self.unit.data or "",
            tax_id=self.tax_id.data,
        )


def item_form(item: Item | None, taxes: Sequence[Tax]) -> ItemForm:
    """The form with the taxes in use, and the item's own even if it no longer is."""
    form = ItemForm(obj=item)
    own = [item.tax] if item and item.tax and item.tax not in taxes else []
    form.tax_id.choices = options(
        [("", "No tax"), *((tax.id, f"{tax.name} ({tax.rate.normalize():f}%)") for tax in [*taxes, *own])]
    )
    return form
