"""The form of a customer: the record with its persons and custom fields."""

from collections.abc import Mapping, Sequence
from typing import Any

from flask_wtf import FlaskForm
from wtforms import (
    BooleanField,
    EmailField,
    Field,
    FieldList,
    Form,
    FormField,
    IntegerField,
    RadioField,
    SelectField,
    StringField,
    TelField,
    TextAreaField,
)
from wtforms.validators import Email, Length, Optional
from wtforms.widgets import DateInput, HiddenInput

from zbweb.billing.contact_persons import FIELDS as PERSON_FIELDS
from zbweb.billing.contact_persons import PersonDraft
from zbweb.billing.customers import FIELDS, CustomerDraft
from zbweb.billing.models import CustomField, PaymentTerm
from zbweb.billing.words import CustomerType, CustomFieldType
from zbweb.web.forms.choices import currencies, options, salutations

ADDRESS_PARTS = {"street": "Street", "city": "City", "state": "State", "code": "ZIP Code", "country": "Country"}
_EMAIL = Email("Enter an e-mail address, such as ann@example.com.")


def _text(label: str, limit: int = 255, **kwargs: Any) -> StringField:
    return StringField(label, [Length(max=limit, message=f"Use at most {limit} characters.")], **kwargs)


def _phone(label: str) -> TelField:
    return TelField(label, [Length(max=64, message="Use at most 64 characters.")])


def _email() -> EmailField:
    return EmailField("Email", [Optional(), _EMAIL, Length(max=255)])


class PersonForm(Form):
    """One contact person, a row of the customer's form."""

    id = IntegerField(validators=[Optional()], widget=HiddenInput())
    salutation = SelectField("Salutation", choices=salutations, validate_choice=False)
    first_name = _text("First Name")
    last_name = _text("Last Name")
    email = _email()
    phone = _phone("Phone")
    mobile = _phone("Mobile")
    designation = _text("Designation")
    department = _text("Department")
    primary = BooleanField("Primary contact")
    custom: "FormField[Form]"

    @property
    def is_blank(self) -> bool:
        """A row nobody has filled in is left out."""
        return not any(getattr(self, name).data for name in PERSON_FIELDS if name != "primary") and not self.id.data


class CustomerForm(FlaskForm):  # type: ignore[misc]  # flask-wtf is untyped
    """A customer. Made by `customer_form`, which adds the organisation's custom fields."""

    version = IntegerField(validators=[Optional()], widget=HiddenInput())
    type = RadioField(
        "Customer Type",
        choices=options([(CustomerType.BUSINESS, "Business"), (CustomerType.INDIVIDUAL, "Individual")]),
        default=CustomerType.BUSINESS,
    )
    salutation = SelectField("Salutation", choices=salutations, validate_choice=False)
    first_name = _text("First Name")
    last_name = _text("Last Name")
    company_name = _text("Company Name")
    display_name = _text("Customer Display Name")
    email = _email()
    phone = _phone("Phone")
    mobile = _phone("Mobile")
    fax = _phone("Fax")
    website = _text("Website")
    currency = SelectField("Currency", choices=currencies)
    payment_term_id = SelectField("Payment Terms", coerce=lambda value: int(value) if value else None)
    notes = TextAreaField("Notes")
    custom: "FormField[Form]"
    contact_persons: "FieldList[FormField[PersonForm]]"

    def draft(self, held: Mapping[str, Any]) -> CustomerDraft:
        """What was typed. `held` are the customer's custom values so far: an unticked box is no news to none."""
        values = {name: self[name].data or "" for name in FIELDS if name != "payment_term_id"}
        return CustomerDraft(
            **values,
            payment_term_id=self.payment_term_id.data,
            custom=custom_values(self.custom.form, held),
            persons=tuple(_person(entry.form) for entry in self.contact_persons if not entry.form.is_blank),
        )

    def add_person(self) -> None:
        """One more blank row."""
        self.contact_persons.append_entry()

    def remove_person(self, name: str) -> None:
        """Take out the row of that name."""
        self.contact_persons.entries = [entry for entry in self.contact_persons.entries if entry.name != name]

    def copy_billing_address(self) -> None:
        """Ship to where the bill goes."""
        for part in ADDRESS_PARTS:
            self[f"shipping_{part}"].data = self[f"billing_{part}"].data


for _kind in ("billing", "shipping"):
    for _part, _label in ADDRESS_PARTS.items():
        setattr(
            CustomerForm, f"{_kind}_{_part}", _text(f"{_kind.capitalize()} {_label}", 64 if _part == "code" else 255)
        )


def customer_form(
    fields: Sequence[CustomField], person_fields: Sequence[CustomField], terms: Sequence[PaymentTerm], **given: Any
) -> CustomerForm:
    """The form with the organisation's custom fields; `given` is what FlaskForm takes (obj, data)."""

    class Person(PersonForm):
        custom = FormField(_custom_form(person_fields))

    class WithCustomFields(CustomerForm):
        custom = FormField(_custom_form(fields))
        contact_persons = FieldList(FormField(Person), label="Contact Persons")

    form = WithCustomFields(**given)
    offer_terms(form.payment_term_id, terms)
    return form


def offer_terms(field: SelectField, terms: Sequence[PaymentTerm]) -> None:
    """Fill a drop-down with payment terms."""
    field.choices = options([("", "Default of the organisation"), *((term.id, term.name) for term in terms)])


def custom_values(form: Form, held: Mapping[str, Any]) -> dict[str, Any]:
    """Custom field key → what was typed; an unticked box only where there was a tick, or a no, before."""
    typed = {field.short_name: field.data for field in form}
    return {name: None if value is False and held.get(name) is None else value for name, value in typed.items()}


def custom_field(field: CustomField) -> Field:
    """The form's field for a custom field. What it may hold is for custom_values to say, so all but boxes are text."""
    kind = CustomFieldType(field.type)
    if kind is CustomFieldType.CHOICE:
        choices = options((each, each) for each in ("", *field.choices))
        return SelectField(field.label, choices=choices, validate_choice=False)
    return _MADE_OF.get(kind, StringField)(field.label, **_LOOKS.get(kind, {}))


_MADE_OF: dict[CustomFieldType, type[Field]] = {
    CustomFieldType.LONG_TEXT: TextAreaField,
    CustomFieldType.BOOLEAN: BooleanField,
    CustomFieldType.EMAIL: EmailField,
    CustomFieldType.PHONE: TelField,
}
_LOOKS: dict[CustomFieldType, dict[str, Any]] = {
    CustomFieldType.NUMBER: {"render_kw": {"inputmode": "numeric"}},
    CustomFieldType.DECIMAL: {"render_kw": {"inputmode": "decimal"}},
    CustomFieldType.DATE: {"widget": DateInput()},
    CustomFieldType.URL: {"render_kw": {"inputmode": "url"}},
}


def _custom_form(fields: Sequence[CustomField]) -> type[Form]:
    return type("CustomFields", (Form,), {field.key: custom_field(field) for field in fields})


def _person(form: PersonForm) -> PersonDraft:
    values = {name: getattr(form, name).data or "" for name in PERSON_FIELDS if name != "primary"}
    custom = custom_values(form.custom.form, {})
    return PersonDraft(id=form.id.data, primary=form.primary.data, custom=custom, **values)
