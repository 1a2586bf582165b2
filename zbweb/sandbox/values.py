"""What each kind of field accepts on the wire and how it is stored: a table from kind to cleaner.

A cleaner returns the stored form (None for empty) or raises Invalid with what the CRM would say.
"""

import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from typing import Any

from zbweb.sandbox.clock import parse_iso
from zbweb.sandbox.schema import Field, Kind

_EMAIL = re.compile(r"[^@\s,;<>]+@[^@\s,;<>]+\.[^@\s,;<>.]{2,}")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_ID = re.compile(r"\d{1,19}")


class Invalid(ValueError):
    """The value does not suit the field: `details` without api_name and json_path, which the caller adds."""

    def __init__(self, details: dict[str, Any], message: str = "invalid data") -> None:
        super().__init__(message)
        self.details = details
        self.message = message


def clean(field: Field, value: Any) -> Any:
    """The stored form of a plain value. Lookups, owners and subforms need the store: see validation.py."""
    if value is None or value == "":
        return None
    return _CLEANERS[field.kind](field, value)


def reference_id(value: Any) -> int | None:
    """The id in `{"id": "..."}` or in a bare id; None when empty. Raises Invalid."""
    if isinstance(value, Mapping):
        value = value.get("id")
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not _ID.fullmatch(str(value)):
        raise Invalid({"expected_data_type": "bigint"}, "the id given seems to be invalid")
    return int(value)


def _text(field: Field, value: Any) -> str:
    if not isinstance(value, str):
        raise Invalid({"expected_data_type": field.kind.value if field.kind is Kind.EMAIL else "string"})
    if len(value) > field.max_length:
        raise Invalid({"maximum_length": field.max_length})
    return value


def _email(field: Field, value: Any) -> str:
    text = _text(field, value)
    if not _EMAIL.fullmatch(text):
        raise Invalid({"expected_data_type": "email"})
    return text


def _choice(field: Field, value: Any) -> str | None:
    text = _text(field, value)
    return None if text == "-None-" else text


def _choices(_field: Field, value: Any) -> list[str] | None:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise Invalid({"expected_data_type": "jsonarray"})
    return value or None


def _integer(field: Field, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise Invalid({"expected_data_type": "integer"})
    if len(str(abs(value))) > field.max_length:
        raise Invalid({"maximum_length": field.max_length})
    return value


def _big(_field: Field, value: Any) -> str:
    if isinstance(value, bool) or not _ID.fullmatch(str(value)):
        raise Invalid({"expected_data_type": "bigint"})
    return str(value)


def _number(field: Field, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise Invalid({"expected_data_type": "double"})
    if len(str(abs(int(value)))) > field.max_length:
        raise Invalid({"maximum_length": field.max_length})
    return value


def _boolean(_field: Field, value: Any) -> bool:
    if not isinstance(value, bool):
        raise Invalid({"expected_data_type": "boolean"})
    return value


def _date(_field: Field, value: Any) -> str:
    if isinstance(value, str) and _DATE.fullmatch(value):
        try:
            return date.fromisoformat(value).isoformat()
        except ValueError:
            pass
    raise Invalid({"expected_data_type": "date"})


def _datetime(_field: Field, value: Any) -> str:
    try:
        return utc_text(parse_iso(value if isinstance(value, str) and "T" in value else "?"))
    except ValueError:
        raise Invalid({"expected_data_type": "datetime"}) from None


def utc_text(epoch: int) -> str:
    """How a time stands in a stored body: UTC, so that texts compare as times do."""
    return datetime.fromtimestamp(epoch, UTC).strftime("%Y-%m-%dT%H:%M:%S")


_CLEANERS: Mapping[Kind, Callable[[Field, Any], Any]] = {
    Kind.TEXT: _text,
    Kind.TEXTAREA: _text,
    Kind.PHONE: _text,
    Kind.WEBSITE: _text,
    Kind.AUTONUMBER: _text,
    Kind.IMAGE: _text,
    Kind.EMAIL: _email,
    Kind.PICKLIST: _choice,
    Kind.MULTIPICK: _choices,
    Kind.INTEGER: _integer,
    Kind.BIGINT: _big,
    Kind.DOUBLE: _number,
    Kind.CURRENCY: _number,
    Kind.PERCENT: _number,
    Kind.FORMULA: _number,
    Kind.BOOLEAN: _boolean,
    Kind.DATE: _date,
    Kind.DATETIME: _datetime,
}
