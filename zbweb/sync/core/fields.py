"""The fields that can be mapped: what billing calls them, what they hold, and the CRM field they start with.

Three tables, named after what is fetched: `account` (an Account becomes a Business customer), `contact`
(a Contact becomes an Individual customer) and `person` (a Contact becomes a contact person).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from zbweb.sync.core.words import Scope


class FieldType(StrEnum):
    """What a billing field holds. The values equal those of custom fields."""

    TEXT = "text"
    LONG_TEXT = "long_text"
    NUMBER = "number"
    DECIMAL = "decimal"
    DATE = "date"
    BOOLEAN = "boolean"
    CHOICE = "choice"
    EMAIL = "email"
    PHONE = "phone"
    URL = "url"


class Table(StrEnum):
    """Which kind of CRM record a mapping table is for, and what it becomes here."""

    ACCOUNT = "account"
    CONTACT = "contact"
    PERSON = "person"

    @property
    def crm_module(self) -> str:
        """The CRM module whose fields stand on the right of the mapping."""
        return "Accounts" if self is Table.ACCOUNT else "Contacts"


@dataclass(frozen=True, slots=True)
class BillingField:
    """One mappable field. `fixed` fields identify the record: their CRM field cannot be chosen."""

    key: str
    label: str
    type: FieldType = FieldType.TEXT
    max_length: int | None = 255
    required: bool = False
    fixed: bool = False
    custom: bool = False


CUSTOM_PREFIX = "custom."
"""A custom field's key in a mapping is this prefix and the field's own key."""

_NAME = BillingField("display_name", "Customer Display Name", required=True, fixed=True)
_FIRST = BillingField("first_name", "First Name")
_LAST = BillingField("last_name", "Last Name")
_SALUTATION = BillingField("salutation", "Salutation", max_length=64)
_EMAIL = BillingField("email", "Email", FieldType.EMAIL)
_PHONE = BillingField("phone", "Phone", FieldType.PHONE, 64)
_MOBILE = BillingField("mobile", "Mobile", FieldType.PHONE, 64)

_ADDRESSES = tuple(
    BillingField(f"{kind}_{part}", f"{kind.capitalize()} {label}", max_length=length)
    for kind in ("billing", "shipping")
    for part, label, length in (
        ("street", "Street", 255),
        ("city", "City", 255),
        ("state", "State", 255),
        ("code", "ZIP Code", 64),
        ("country", "Country", 255),
    )
)

_CUSTOMER = (
    _NAME,
    BillingField("company_name", "Company Name"),
    _SALUTATION,
    _FIRST,
    _LAST,
    _EMAIL,
    _PHONE,
    _MOBILE,
    BillingField("fax", "Fax", FieldType.PHONE, 64),
    BillingField("website", "Website", FieldType.URL),
    BillingField("notes", "Remarks", FieldType.LONG_TEXT, None),
    *_ADDRESSES,
)

_PERSON = (
    _SALUTATION,
    _FIRST,
    BillingField("last_name", "Last Name", required=True),
    _EMAIL,
    _PHONE,
    _MOBILE,
    BillingField("designation", "Designation"),
    BillingField("department", "Department"),
)

_FIELDS: dict[Table, tuple[BillingField, ...]] = {
    Table.ACCOUNT: _CUSTOMER,
    Table.CONTACT: _CUSTOMER,
    Table.PERSON: _PERSON,
}

_PERSON_DEFAULTS = {
    "salutation": "Salutation",
    "first_name": "First_Name",
    "last_name": "Last_Name",
    "email": "Email",
    "phone": "Phone",
    "mobile": "Mobile",
}

DEFAULTS: dict[Table, dict[str, str]] = {
    Table.ACCOUNT: {
        "display_name": "Account_Name",
        "company_name": "Account_Name",
        "phone": "Phone",
        "fax": "Fax",
        "website": "Website",
        "notes": "Description",
        **{
            f"billing_{part}": f"Billing_{part.capitalize()}" for part in ("street", "city", "state", "code", "country")
        },
        **{
            f"shipping_{part}": f"Shipping_{part.capitalize()}"
            for part in ("street", "city", "state", "code", "country")
        },
    },
    Table.CONTACT: {
        "display_name": "Full_Name",
        **_PERSON_DEFAULTS,
        "fax": "Fax",
        "notes": "Description",
        **{
            f"billing_{part}": f"Mailing_{crm}"
            for part, crm in (
                ("street", "Street"),
                ("city", "City"),
                ("state", "State"),
                ("code", "Zip"),
                ("country", "Country"),
            )
        },
        **{
            f"shipping_{part}": f"Other_{crm}"
            for part, crm in (
                ("street", "Street"),
                ("city", "City"),
                ("state", "State"),
                ("code", "Zip"),
                ("country", "Country"),
            )
        },
    },
    Table.PERSON: {**_PERSON_DEFAULTS, "designation": "Title", "department": "Department"},
}
"""The mapping a new setup starts with, as far as the CRM has the field."""

ALWAYS_READ: dict[Table, tuple[str, ...]] = {
    Table.ACCOUNT: ("Account_Name", "Modified_Time"),
    Table.CONTACT: ("Full_Name", "Last_Name", "Account_Name", "Modified_Time"),
    Table.PERSON: ("Full_Name", "Last_Name", "Account_Name", "Modified_Time"),
}
"""CRM fields that the sync itself needs, mapped or not."""


def tables_for(scope: Scope, *, include_loose: bool) -> tuple[Table, ...]:
    """The mapping tables a choice of module needs, in the order in which they are fetched."""
    if scope is Scope.ACCOUNTS:
        return (Table.ACCOUNT,)
    if scope is Scope.CONTACTS:
        return (Table.CONTACT,)
    loose = (Table.CONTACT,) if include_loose else ()
    return (Table.ACCOUNT, Table.PERSON, *loose)


def fields_for(table: Table, custom_fields: Iterable[BillingField] = ()) -> tuple[BillingField, ...]:
    """Every billing field of a table, the organisation's own last (customers have them, persons do not)."""
    own = () if table is Table.PERSON else tuple(custom_fields)
    return _FIELDS[table] + own
