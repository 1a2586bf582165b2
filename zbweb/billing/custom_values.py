"""What each type of custom field may hold, and how it is stored: one row of a table per type.

Values stand in a record's `custom` as JSON: text as it is, whole numbers as integers, decimals as text
(they stay exact), dates as ISO days, booleans as booleans. No value, no key.
"""

import re
from collections.abc import Callable
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from zbweb.billing.email_addresses import is_email_address
from zbweb.billing.models import CustomField
from zbweb.billing.naming import name_key
from zbweb.billing.words import CustomFieldType
from zbweb.errors import Invalid

_URL = re.compile(r"https?://\S+", re.IGNORECASE)
_YES = frozenset({"true", "yes", "y", "1", "on"})
_NO = frozenset({"false", "no", "n", "0", "off"})


def parse(field: CustomField, value: Any) -> Any:
    """`value` (text or a value of the type) as it is stored; None for no value; raises Invalid with a sentence."""
    text = str(value).strip() if value is not None else ""
    return _PARSERS[CustomFieldType(field.type)](field, text) if text else None


def is_web_address(value: object) -> bool:
    """Whether a value may be followed as a link; what the CRM says of a field need not be, and may be a script."""
    return isinstance(value, str) and _URL.fullmatch(value) is not None


def _text(field: CustomField, text: str) -> str:
    if len(text) > 255:
        raise Invalid(f"{field.label} holds at most 255 characters.")
    return text


def _long_text(_field: CustomField, text: str) -> str:
    return text


def _number(field: CustomField, text: str) -> int:
    number = Decimal(_decimal(field, text))
    if number != number.to_integral_value():
        raise Invalid(f"{field.label} holds whole numbers only.")
    return int(number)


def _decimal(field: CustomField, text: str) -> str:
    try:
        number = Decimal(text.replace(",", ""))
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite() or abs(number) >= Decimal(10) ** 14:
        raise Invalid(f"{field.label} needs a number, such as 1200.50.")
    return f"{number.normalize():f}"


def _date(field: CustomField, text: str) -> str:
    try:
        return date.fromisoformat(text[:10]).isoformat()
    except ValueError as error:
        raise Invalid(f"{field.label} needs a date, such as 2026-03-31.") from error


def _boolean(field: CustomField, text: str) -> bool:
    folded = text.casefold()
    if folded not in _YES | _NO:
        raise Invalid(f"{field.label} is either yes or no.")
    return folded in _YES


def _choice(field: CustomField, text: str) -> str:
    known = {name_key(choice): choice for choice in field.choices}
    if name_key(text) not in known:
        raise Invalid(f"{field.label} has no choice “{text}”. Add it to the field's choices first.")
    return known[name_key(text)]


def _email(field: CustomField, text: str) -> str:
    if not is_email_address(text):
        raise Invalid(f"{field.label} needs an e-mail address.")
    return _text(field, text)


def _url(field: CustomField, text: str) -> str:
    address = text if "://" in text else f"https://{text}"
    if not is_web_address(address):
        raise Invalid(f"{field.label} needs a web address, such as https://example.com.")
    return address


_PARSERS: dict[CustomFieldType, Callable[[CustomField, str], Any]] = {
    CustomFieldType.TEXT: _text,
    CustomFieldType.LONG_TEXT: _long_text,
    CustomFieldType.NUMBER: _number,
    CustomFieldType.DECIMAL: _decimal,
    CustomFieldType.DATE: _date,
    CustomFieldType.BOOLEAN: _boolean,
    CustomFieldType.CHOICE: _choice,
    CustomFieldType.EMAIL: _email,
    CustomFieldType.PHONE: _text,
    CustomFieldType.URL: _url,
}
