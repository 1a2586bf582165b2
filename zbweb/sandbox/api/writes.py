"""Writing records: insert, update, upsert and delete, each item with its own verdict."""

import json
from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, g, request

from zbweb.sandbox import queries, records
from zbweb.sandbox.api.answers import ApiError, answer, batch, missing_param
from zbweb.sandbox.api.gate import caller, charge, occupy, record_module
from zbweb.sandbox.api.listing import asked_moment
from zbweb.sandbox.api.records import path_id
from zbweb.sandbox.clock import iso
from zbweb.sandbox.queries import Row
from zbweb.sandbox.schema import Module
from zbweb.sandbox.state import current_sandbox
from zbweb.sandbox.validation import BAD_ID
from zbweb.sandbox.work import Refused, Work

blueprint = Blueprint("writes", __name__, url_prefix="/crm/v8")
MOST_RECORDS = 100
MANY_RECORDS = 10
ALREADY_MODIFIED = "record updated time has already passed if-unmodified-since time"

Item = dict[str, Any]


@blueprint.post("/<module_name>")
def create(module_name: str) -> Response:
    module = record_module(module_name, "CREATE")

    def write(work: Work, item: Item, path: str) -> Item:
        return _written(work, records.insert(work, module.api_name, item, path=path), "record added")

    return _batch(module, write, success=201)


@blueprint.put("/<module_name>")
def update(module_name: str) -> Response:
    module = record_module(module_name, "UPDATE")

    def write(work: Work, item: Item, path: str) -> Item:
        if item.get("id") in (None, ""):
            details = {"api_name": "id", "json_path": f"{path}.id"}
            raise Refused("MANDATORY_NOT_FOUND", "required field not found", details)
        return _update_one(work, module, str(item["id"]), item, path=path)

    return _batch(module, write)


@blueprint.put("/<module_name>/<record_id>")
def update_one(module_name: str, record_id: str) -> Response:
    module = record_module(module_name, "UPDATE")
    path_id(record_id, 1)
    return _batch(module, lambda work, item, path: _update_one(work, module, record_id, item, path=path))


@blueprint.post("/<module_name>/upsert")
def upsert(module_name: str) -> Response:
    module = record_module(module_name, "CREATE")
    checks = _duplicate_checks(module, json_body().get("duplicate_check_fields"))

    def write(work: Work, item: Item, path: str) -> Item:
        twin, field = _twin(work, module, item, checks)
        if twin is None:
            done = _written(work, records.insert(work, module.api_name, item, path=path), "record added")
            return {**done, "action": "insert", "duplicate_field": None}
        done = _update_one(work, module, str(twin.id), item, path=path)
        return {**done, "action": "update", "duplicate_field": field}

    return _batch(module, write)


@blueprint.delete("/<module_name>")
def remove(module_name: str) -> Response:
    module = record_module(module_name, "DELETE")
    ids = [part.strip() for part in request.args.get("ids", "").split(",") if part.strip()]
    if not ids:
        raise missing_param("ids")
    if len(ids) > MOST_RECORDS:
        message = "Limit Exceeded, You cannot give more than 100 record ids"
        raise ApiError("LIMIT_EXCEEDED", message, {"limit": str(MOST_RECORDS), "param_name": "ids"})
    if not all(part.isdecimal() for part in ids):
        details = {"param_name": "ids", "expected_data_type": "bigint"}
        raise ApiError("UNABLE_TO_PARSE_DATA_TYPE", "either the request body or parameters is in wrong format", details)
    return _delete(module, ids)


@blueprint.delete("/<module_name>/<record_id>")
def remove_one(module_name: str, record_id: str) -> Response:
    module = record_module(module_name, "DELETE")
    path_id(record_id, 1)
    return _delete(module, [record_id])


def _delete(module: Module, ids: list[str]) -> Response:
    items = []
    g.records = len(ids)
    with current_sandbox().changing(caller().member) as work:
        for record_id in ids:
            try:
                records.delete(work, module.api_name, int(record_id))
                items.append(_success({"id": record_id}, "record deleted"))
            except Refused as refusal:
                items.append(refusal.as_json())
    return batch("data", items)


def json_body() -> dict[str, Any]:
    """The request's JSON object, whatever its Content-Type says. Raises ApiError."""
    try:
        body = json.loads(request.get_data() or b"null", parse_constant=_no_json)
    except (ValueError, RecursionError):
        body = []
    if body is None:
        raise ApiError("MANDATORY_NOT_FOUND", "required field not found", {"api_name": "data", "json_path": "$.data"})
    if not isinstance(body, dict):
        raise ApiError("INVALID_DATA", "body", {"expected_data_type": "jsonobject"})
    return body


def _no_json(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


def _items() -> list[Any]:
    data = json_body().get("data")
    place = {"api_name": "data", "json_path": "$.data"}
    if data is None or data == []:
        raise ApiError("MANDATORY_NOT_FOUND", "required field not found", place)
    if not isinstance(data, list):
        raise ApiError("INVALID_DATA", "invalid data", {"expected_data_type": "jsonarray", **place})
    if len(data) > MOST_RECORDS:
        raise ApiError("INVALID_DATA", "invalid data", {"maximum_length": str(MOST_RECORDS), **place})
    return data


def _batch(module: Module, write: Callable[[Work, Item, str], Item], *, success: int = 200) -> Response:
    """Every item on its own: one that is refused does not hold up the others."""
    items = _items()
    sandbox = current_sandbox()
    charge(1 + (len(items) - 1) // 10)
    g.records = len(items)
    if len(items) > MANY_RECORDS:
        occupy()
    verdicts = []
    with sandbox.changing(caller().member) as work:
        for index, item in enumerate(items):
            try:
                verdicts.append(write(work, _checked(module, item, index), f"$.data[{index}]"))
            except Refused as refusal:
                verdicts.append(refusal.as_json())
    if all(verdict["code"] == "ALREADY_MODIFIED" for verdict in verdicts):
        return answer({"data": verdicts}, 412)
    return batch("data", verdicts, success=success)


def _checked(module: Module, item: Any, index: int) -> Item:
    if not isinstance(item, dict):
        details = {"expected_data_type": "jsonobject", "json_path": f"$.data[{index}]"}
        raise Refused("INVALID_DATA", "invalid data", details)
    if current_sandbox().faults.strict_keys:
        unknown = next((key for key in item if key not in module.by_name and key != "id" and key[0] != "$"), None)
        if unknown is not None:
            details = {"api_name": unknown, "json_path": f"$.data[{index}].{unknown}"}
            raise Refused("INVALID_DATA", "the field api name given seems to be invalid", details)
    return item


def _update_one(work: Work, module: Module, record_id: str, item: Item, *, path: str) -> Item:
    if not record_id.isdecimal() or len(record_id) > 19:
        raise Refused("INVALID_DATA", BAD_ID, {"id": record_id})
    _refuse_if_moved_on(work, module, int(record_id))
    return _written(work, records.update(work, module.api_name, int(record_id), item, path=path), "record updated")


def _refuse_if_moved_on(work: Work, module: Module, record_id: int) -> None:
    moment = asked_moment("If-Unmodified-Since")
    current = None if moment is None else queries.get(work.connection, module.api_name, record_id)
    if moment is not None and current and current.modified > moment:
        raise Refused("ALREADY_MODIFIED", ALREADY_MODIFIED, _details(work, current))


def _written(work: Work, row: Row, message: str) -> Item:
    return _success({**_details(work, row), "$approval_state": "approved"}, message)


def _success(details: Item, message: str) -> Item:
    return {"code": "SUCCESS", "details": details, "message": message, "status": "success"}


def _details(work: Work, row: Row) -> Item:
    zone = work.organisation.time_zone
    authors = {"Modified_By": work.members[row.modified_by], "Created_By": work.members[row.created_by]}
    return {
        "Modified_Time": iso(row.modified, zone),
        "Created_Time": iso(row.created, zone),
        "id": str(row.id),
        **{key: {"name": author.full_name, "id": str(author.id)} for key, author in authors.items()},
    }


def _duplicate_checks(module: Module, given: Any) -> list[str]:
    """The fields that upsert compares: those asked for, or the system's own and then the unique ones."""
    unique = [field.api_name for field in module.fields if field.unique]
    allowed = [module.system_duplicate_field, *unique]
    if given is None:
        return allowed
    names = given if isinstance(given, list) else [given]
    for index, name in enumerate(names):
        if name not in allowed:
            details = {"api_name": "duplicate_check_fields", "json_path": f"$.duplicate_check_fields[{index}]"}
            raise ApiError("INVALID_DATA", "the field api name given seems to be invalid", details)
    return names


def _twin(work: Work, module: Module, item: Item, checks: list[str]) -> tuple[Row | None, str | None]:
    if item.get("id"):
        row = queries.get(work.connection, module.api_name, int(item["id"])) if str(item["id"]).isdecimal() else None
        if row is not None:
            return row, None
    for name in checks:
        row = records.find_by_value(work, module, name, item.get(name))
        if row is not None:
            return row, name
    return None, None
