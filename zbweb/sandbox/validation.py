"""Whether the CRM accepts what a caller wants to write, and the stored form of it."""

from dataclasses import dataclass, field
from typing import Any

from zbweb.sandbox import queries
from zbweb.sandbox.line_items import merged_rows, read_taxes
from zbweb.sandbox.queries import Row
from zbweb.sandbox.schema import Field, Kind, Module
from zbweb.sandbox.store import fold
from zbweb.sandbox.totals import is_percentage
from zbweb.sandbox.values import Invalid, clean, reference_id
from zbweb.sandbox.work import Refused, Work

BAD_ID = "the id given seems to be invalid"


@dataclass(slots=True)
class _Reading:
    """One record being read: what is asked of it, what was accepted so far and what is wrong with it."""

    work: Work
    module: Module
    current: Row | None
    path: str
    values: dict[str, Any] = field(default_factory=dict)
    refusals: list[Refused] = field(default_factory=list)


def accepted(work: Work, module: Module, values: dict[str, Any], *, current: Row | None, path: str) -> dict[str, Any]:
    """The stored form of every known, writable key; None clears a field. Raises Refused.

    `path` is the record's JSON path in the request, for instance `$.data[0]`. Unknown and read-only keys are
    ignored, as the CRM ignores them.
    """
    reading = _Reading(work, module, current, path)
    for item in module.fields:
        if item.api_name in values and not item.read_only:
            try:
                _read(reading, item, values[item.api_name])
            except Refused as refusal:
                reading.refusals.append(refusal)
    _read_tags_and_taxes(reading, values)
    reading.refusals.extend(_missing(reading))
    if len(reading.refusals) > 1:
        errors = [refusal.as_json() for refusal in reading.refusals]
        raise Refused("MULTIPLE_OR_MULTI_ERRORS", "Multiple errors in the request", {"errors": errors})
    if reading.refusals:
        raise reading.refusals[0]
    return reading.values


def _read(reading: _Reading, item: Field, value: Any) -> None:
    at = f"{reading.path}.{item.api_name}"
    if item.api_name == "Tag":
        return
    if item.kind is Kind.SUBFORM:
        stored = reading.current.body.get(item.api_name, []) if reading.current else []
        reading.values[item.api_name] = merged_rows(reading.work, item, value, stored=stored, path=at)
        return
    if item.api_name == "Discount":
        reading.values["_discount"] = value if is_percentage(value) else None
        if is_percentage(value):
            return
    try:
        stored_value = _reference(reading.work, item, value) if item.target else clean(item, value)
    except Invalid as error:
        suffix = ".id" if error.message == BAD_ID else ""
        details = {**error.details, "api_name": item.api_name, "json_path": at + suffix}
        raise Refused("INVALID_DATA", error.message, details) from error
    if item.unique and stored_value is not None:
        _refuse_duplicate(reading, item, stored_value)
    reading.values[item.api_name] = stored_value


def _reference(work: Work, item: Field, value: Any) -> str | None:
    target_id = reference_id(value)
    if target_id is None:
        return None
    if item.kind is Kind.OWNER:
        member = work.members.get(target_id)
        is_known = member is not None and member.is_active
    else:
        is_known = queries.get(work.connection, item.target or "", target_id) is not None
    if not is_known:
        raise Invalid({}, BAD_ID)
    return str(target_id)


def _refuse_duplicate(reading: _Reading, item: Field, value: Any) -> None:
    work, module = reading.work, reading.module
    twin_id = unique_match(work, module, item, value)
    if twin_id is None or (reading.current is not None and reading.current.id == twin_id):
        return
    twin = queries.get(work.connection, module.api_name, twin_id)
    owner = work.members[twin.owner_id] if twin else work.actor
    duplicate = {
        "Owner": {**owner.reference(), "zuid": str(owner.id % 1_000_000_000)},
        "module": {"api_name": module.api_name, "id": str(module.id)},
        "id": str(twin_id),
    }
    details = {
        "api_name": item.api_name,
        "id": str(twin_id),
        "json_path": f"{reading.path}.{item.api_name}",
        "more_records": False,
        "duplicate_record": duplicate,
    }
    raise Refused("DUPLICATE_DATA", "duplicate data", details)


def unique_match(work: Work, module: Module, item: Field, value: Any) -> int | None:
    """The record that already carries this value in a unique field."""
    path = f"json_extract(body, '$.{item.api_name}')"
    row = work.connection.execute(
        f"SELECT id FROM record WHERE module = ? AND fold({path}) = ? AND {path} IS NOT NULL ORDER BY id LIMIT 1",
        (module.api_name, fold(str(value))),
    ).fetchone()
    return None if row is None else int(row[0])


def _read_tags_and_taxes(reading: _Reading, values: dict[str, Any]) -> None:
    tags = values.get("Tag")
    if isinstance(tags, list):
        names = [str(tag["name"]) for tag in tags if isinstance(tag, dict) and tag.get("name")]
        reading.values["Tag"] = names
    taxes = values.get("$line_tax")
    if taxes is not None and reading.module.items_field:
        reading.values["$line_tax"] = read_taxes(taxes, "$line_tax", f"{reading.path}.$line_tax")


def _missing(reading: _Reading) -> list[Refused]:
    """The mandatory fields that a new record lacks, or that a change would clear."""
    failed = [str(refusal.details.get("json_path", "")) for refusal in reading.refusals]
    gaps = []
    for item in reading.module.fields:
        at = f"{reading.path}.{item.api_name}"
        is_asked = item.mandatory and (reading.current is None or item.api_name in reading.values)
        was_refused = any(place.startswith(at) for place in failed)
        if is_asked and not was_refused and reading.values.get(item.api_name) in (None, []):
            details = {"api_name": item.api_name, "json_path": at}
            gaps.append(Refused("MANDATORY_NOT_FOUND", "required field not found", details))
    return gaps
