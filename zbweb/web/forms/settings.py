"""The small forms of the settings pages."""

from flask_wtf import FlaskForm
from wtforms import (
    BooleanField,
    EmailField,
    IntegerField,
    PasswordField,
    RadioField,
    SelectField,
    StringField,
    TextAreaField,
)
from wtforms.validators import Email, InputRequired, Length, Optional

from zbweb.billing.custom_fields import ENTITIES, TYPE_LABELS, FieldDraft
from zbweb.billing.members import ROLE_LABELS, MemberDraft
from zbweb.billing.number_series import SeriesDraft
from zbweb.billing.payment_terms import KIND_LABELS, TermDraft
from zbweb.billing.settings import ProfileDraft
from zbweb.billing.words import TaxRounding
from zbweb.web.forms.amounts import AmountField
from zbweb.web.forms.choices import countries, currencies, options, time_zones

_EMAIL = Email("Enter an e-mail address, such as ann@example.com.")


class ProfileForm(FlaskForm):  # type: ignore[misc]  # flask-wtf is untyped
    """The organisation's profile."""

    name = StringField("Organisation Name", [InputRequired("Enter the organisation's name."), Length(max=255)])
    email = EmailField("Email", [Optional(), _EMAIL])
    address = TextAreaField("Address")
    country = SelectField("Country", choices=countries)
    base_currency = SelectField("Base Currency", choices=currencies)
    time_zone = SelectField("Time Zone", choices=time_zones)
    tax_rounding = RadioField(
        "Tax Rounding",
        choices=options([(TaxRounding.LINE, "At each line"), (TaxRounding.DOCUMENT, "Once per tax on the document")]),
    )

    def draft(self) -> ProfileDraft:
        """What was typed."""
        return ProfileDraft(
            name=self.name.data or "",
            base_currency=self.base_currency.data,
            time_zone=self.time_zone.data,
            country=self.country.data or "",
            address=self.address.data or "",
            email=self.email.data or "",
            tax_rounding=self.tax_rounding.data,
        )


class CustomFieldForm(FlaskForm):  # type: ignore[misc]  # flask-wtf is untyped
    """A custom field. Where it belongs and its type are fixed once it is made."""

    label = StringField("Label", [InputRequired("Enter a label."), Length(max=255)])
    entity = SelectField("Module", choices=options(ENTITIES.items()), default="customer")
    type = SelectField("Type", choices=options(TYPE_LABELS.items()))
    choices = TextAreaField("Choices")

    def draft(self) -> FieldDraft:
        """What was typed; choices stand one a line."""
        lines = tuple((self.choices.data or "").splitlines())
        return FieldDraft(self.label.data or "", type=self.type.data, choices=lines, entity=self.entity.data)


class TaxForm(FlaskForm):  # type: ignore[misc]  # flask-wtf is untyped
    """A tax."""

    name = StringField("Name", [InputRequired("Enter a name."), Length(max=255)])
    rate = AmountField("Rate", [InputRequired("Enter a percentage.")])


class TermForm(FlaskForm):  # type: ignore[misc]  # flask-wtf is untyped
    """Payment terms."""

    name = StringField("Name", [InputRequired("Enter a name."), Length(max=255)])
    kind = RadioField("Due", choices=options(KIND_LABELS.items()), default="net")
    days = IntegerField("Number of days", [Optional()], default=30)
    is_default = BooleanField("Default for new customers and transactions")

    def draft(self) -> TermDraft:
        """What was typed."""
        return TermDraft(self.name.data or "", self.kind.data, self.days.data or 0, is_default=self.is_default.data)


class SeriesForm(FlaskForm):  # type: ignore[misc]  # flask-wtf is untyped
    """A number series."""

    prefix = StringField("Prefix", [Length(max=32)])
    next_number = IntegerField("Next number", [InputRequired("Enter a whole number.")])
    padding = IntegerField("Digits", [InputRequired("Choose from 1 to 12 digits.")])

    def draft(self) -> SeriesDraft:
        """What was typed."""
        return SeriesDraft(self.prefix.data or "", self.next_number.data or 0, self.padding.data or 0)


class MemberForm(FlaskForm):  # type: ignore[misc]  # flask-wtf is untyped
    """A new user."""

    name = StringField("Name", [Length(max=255)])
    email = EmailField("Email", [InputRequired("Enter an e-mail address."), _EMAIL])
    role = RadioField("Role", choices=options(ROLE_LABELS.items()), default="sales")
    password = PasswordField("Password", render_kw={"autocomplete": "new-password"})

    def draft(self) -> MemberDraft:
        """What was typed."""
        return MemberDraft(self.name.data or "", self.email.data or "", self.role.data, self.password.data or "")


class RoleForm(FlaskForm):  # type: ignore[misc]  # flask-wtf is untyped
    """A user's role."""

    role = RadioField("Role", choices=options(ROLE_LABELS.items()))
