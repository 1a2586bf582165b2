"""Which CRM data types a billing field may meet, and how values cross over, both ways.

One row per billing field type. Values on our side are JSON-safe, so that snapshots can hold them:
text as str ("" when empty), numbers as int or decimal str, dates as ISO str, yes/no as bool; None when empty.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from zbweb.sync.core.fields import FieldType

Value = str | int | bool | None


class Unmappable(ValueError):
    """The value cannot stand in the field; the text says why."""


_TEXTUAL = frozenset({"text", "textarea", "email", "phone", "website", "picklist"})
_NUMBERS = frozenset({"integer", "bigint", "double", "currency", "percent"})
_READABLE = (
    _TEXTUAL
    | _NUMBERS
    | {
        "multiselectpicklist",
        "date",
        "datetime",
        "boolean",
        "autonumber",
        "lookup",
        "ownerlookup",
        "userlookup",
        "formula",
    }
)


def without_nul(text: str) -> str:
    """The text without the one character that a database cannot hold."""
    return text.replace("\x00", "") if "\x00" in text else text


def _text(value: Any) -> Value:
    if value is None:
        return ""
    if isinstance(value, str):
        return without_nul(value).strip()
    if isinstance(value, dict):  # a lookup: its name is what a person would read
        return without_nul(str(value.get("name") or "")).strip()
    if isinstance(value, list):
        return "; ".join(str(_text(part)) for part in value)
    if isinstance(value, bool):
        return "Yes" if value else "No"
    return str(value)


def _integer(value: Any) -> Value:
    if value in (None, ""):
        return None
    number = _decimal_of(value)
    if number != number.to_integral_value():
        raise Unmappable(f"“{value}” is not a whole number.")
    return int(number)


def _decimal(value: Any) -> Value:
    return None if value in (None, "") else _plain(_decimal_of(value))


def _decimal_of(value: Any) -> Decimal:
    try:
        number = Decimal(str(value).strip())
    except InvalidOperation as error:
        raise Unmappable(f"“{value}” is not a number.") from error
    if not number.is_finite():
        raise Unmappable(f"“{value}” is not a number.")
    return number


def _plain(number: Decimal) -> str:
    """The shortest plain notation, so that 10, 10.0 and 1E+1 are one value."""
    text = format(number.normalize(), "f")
    return "0" if text == "-0" else text


def _date(value: Any) -> Value:
    if value in (None, ""):
        return None
    try:
        return date.fromisoformat(str(value)[:10]).isoformat()
    except ValueError as error:
        raise Unmappable(f"“{value}” is not a date.") from error


def _boolean(value: Any) -> Value:
    if isinstance(value, bool):
        return value
    if value in (None, ""):
        return False
    raise Unmappable(f"“{value}” is neither yes nor no.")


@dataclass(frozen=True, slots=True)
class TypeRow:
    """How one billing field type meets the CRM: what it reads, what it may write, and the value's form here."""

    reads: frozenset[str]
    writes: frozenset[str]
    parse: Callable[[Any], Value]


TYPES: dict[FieldType, TypeRow] = {
    FieldType.TEXT: TypeRow(_READABLE, _TEXTUAL, _text),
    FieldType.LONG_TEXT: TypeRow(_READABLE, _TEXTUAL, _text),
    FieldType.EMAIL: TypeRow(frozenset({"email", "text"}), frozenset({"email", "text"}), _text),
    FieldType.PHONE: TypeRow(frozenset({"phone", "text"}), frozenset({"phone", "text"}), _text),
    FieldType.URL: TypeRow(frozenset({"website", "text"}), frozenset({"website", "text"}), _text),
    FieldType.CHOICE: TypeRow(frozenset({"picklist", "text"}), frozenset({"picklist", "text"}), _text),
    FieldType.NUMBER: TypeRow(frozenset({"integer", "bigint"}), frozenset({"integer", "bigint", "text"}), _integer),
    FieldType.DECIMAL: TypeRow(_NUMBERS, _NUMBERS - {"integer", "bigint"} | {"text"}, _decimal),
    FieldType.DATE: TypeRow(frozenset({"date", "datetime"}), frozenset({"date"}), _date),
    FieldType.BOOLEAN: TypeRow(frozenset({"boolean"}), frozenset({"boolean"}), _boolean),
}


def can_read(type_: FieldType, crm_type: str) -> bool:
    """Whether a CRM field of this data type can be fetched into a billing field of this type."""
    return crm_type in TYPES[type_].reads


def can_write(type_: FieldType, crm_type: str) -> bool:
    """Whether a billing field of this type can be pushed into a CRM field of this data type."""
    return crm_type in TYPES[type_].writes


def to_crm(value: Value, crm_type: str) -> Any:
    """The value as the CRM's JSON wants it; None clears the field."""
    if value is None or value == "":
        return None
    if crm_type in {"integer"}:
        return int(value)
    if crm_type in {"double", "currency", "percent"}:
        return Decimal(str(value))
    if crm_type == "boolean":
        return bool(value)
    return str(value)
