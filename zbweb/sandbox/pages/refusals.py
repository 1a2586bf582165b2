"""What the CRM refuses, in sentences at the field they are about."""

from collections.abc import Mapping
from typing import Any

from zbweb.sandbox.schema import Field, Module
from zbweb.sandbox.validation import BAD_ID
from zbweb.sandbox.work import Refused

GENERAL = ""
_EXPECTED: Mapping[str, str] = {
    "email": "Enter an e-mail address such as name@example.com.",
    "integer": "Enter a whole number.",
    "bigint": "Enter a whole number.",
    "double": "Enter a number.",
    "date": "Enter a date.",
    "datetime": "Enter a date and a time.",
}


def sentences(refusal: Refused, module: Module) -> dict[str, str]:
    """By field; what is about no field of the form stands under GENERAL."""
    errors = refusal.details.get("errors")
    parts = [refusal.as_json()] if errors is None else errors
    return dict(_sentence(part, module) for part in parts)


def _sentence(part: Mapping[str, Any], module: Module) -> tuple[str, str]:
    details = part["details"]
    field = module.by_name.get(str(details.get("api_name")))
    if field is None:
        return GENERAL, f"The CRM refuses this: {part['message']}."
    return field.api_name, _about(field, str(part["code"]), str(part["message"]), details)


def _about(field: Field, code: str, message: str, details: Mapping[str, Any]) -> str:
    if code == "MANDATORY_NOT_FOUND":
        return f"{field.display_label} cannot be empty."
    if code == "DUPLICATE_DATA":
        return f"Record {details['id']} already has this value, and no two may share it."
    if message == BAD_ID:
        return "This does not exist any more, or is not active. Choose another."
    if "maximum_length" in details:
        return f"This is too long: {details['maximum_length']} characters or digits at most."
    return _EXPECTED.get(str(details.get("expected_data_type")), "This value does not suit the field.")
