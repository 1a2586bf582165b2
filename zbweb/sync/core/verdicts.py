"""What the CRM's refusal of one record means to people: its code becomes a reason, its words stay its own."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from zbweb.sync.core.reasons import Reason

_SEVERAL = "MULTIPLE_OR_MULTI_ERRORS"
_BY_CODE = {
    "MANDATORY_NOT_FOUND": Reason.CRM_MISSING_VALUE,
    "DUPLICATE_DATA": Reason.CRM_DUPLICATE,
}


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why one record was refused; `words` are the CRM's: its code, its message, the field at fault."""

    reason: Reason
    code: str
    words: str


def refusal(code: str, message: str, details: Mapping[str, Any]) -> Refusal:
    """Read one per-item verdict that is not a success."""
    errors = [error for error in details.get("errors", ()) if isinstance(error, Mapping)]
    if code == _SEVERAL and errors:
        parts = [refusal(each.get("code", ""), each.get("message", ""), each.get("details", {})) for each in errors]
        return Refusal(parts[0].reason, code, " ".join(part.words for part in parts))
    return Refusal(_reason(code, details), code, _words(code, message, details))


def invalid_fields(code: str, details: Mapping[str, Any]) -> set[str]:
    """The fields, and those around them, whose values the CRM called invalid: the id of a record it does not know."""
    if code == _SEVERAL:
        errors = [error for error in details.get("errors", ()) if isinstance(error, Mapping)]
        return set().union(*(invalid_fields(each.get("code", ""), each.get("details", {})) for each in errors))
    if code != "INVALID_DATA":
        return set()
    return {str(details.get("api_name", "")), *re.findall(r"\w+", str(details.get("json_path", "")))} - {""}


def _reason(code: str, details: Mapping[str, Any]) -> Reason:
    if code in _BY_CODE:
        return _BY_CODE[code]
    if code == "INVALID_DATA" and "maximum_length" in details:
        return Reason.TOO_LONG_FOR_CRM
    if code == "INVALID_DATA" and "id" in details and "api_name" not in details:
        return Reason.GONE_IN_CRM
    return Reason.CRM_REFUSED


def _words(code: str, message: str, details: Mapping[str, Any]) -> str:
    at = f" in {details['api_name']}" if details.get("api_name") else ""
    allowed = details.get("supported_values")
    offered = f" (allowed: {', '.join(map(str, allowed))})" if allowed else ""
    return f"{code}: {message}{at}{offered}."
