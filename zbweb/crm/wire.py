"""JSON and times as the CRM writes them.

Numbers with a fraction are read as Decimal and Decimals are written digit for digit, so that no amount
ever passes through a binary float. A float in a record we send is a mistake and is refused.
"""

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import Any


def decode(body: bytes) -> Any:
    """The value of a JSON text; raises ValueError when it is none."""
    return json.loads(body, parse_float=Decimal, parse_constant=_refuse_constant)


def encode(value: Any) -> str:
    """The JSON text of `value`; times become ISO 8601 and Decimals keep their digits."""
    match value:
        case None | bool() | int() | str():
            return json.dumps(value)
        case Decimal():
            return format(value, "f")
        case datetime():
            return json.dumps(time_text(value))
        case date():
            return json.dumps(value.isoformat())
        case Mapping():
            return "{" + ",".join(f"{json.dumps(str(key))}:{encode(item)}" for key, item in value.items()) + "}"
        case list() | tuple():
            return "[" + ",".join(encode(item) for item in value) + "]"
    raise TypeError(f"{type(value).__name__} has no place in a CRM record")


def time_text(moment: datetime) -> str:
    """`moment` (aware) as the CRM wants it: ISO 8601 in UTC, whole seconds, numeric offset."""
    return moment.astimezone(UTC).replace(microsecond=0).isoformat()


def parse_time(text: object) -> datetime | None:
    """The moment in UTC that an ISO 8601 text with offset names; None for anything else."""
    if not isinstance(text, str):
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment.astimezone(UTC) if moment.tzinfo else None


def parse_http_date(text: str | None) -> datetime | None:
    """The moment in UTC of an HTTP `Date` header; None when it is absent or unreadable."""
    try:
        moment = parsedate_to_datetime(text or "")
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
