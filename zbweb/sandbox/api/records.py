"""Reading records: lists, one record, deleted ones, search, counts and related lists."""

from typing import Any

from flask import Blueprint, Response, g, request

from zbweb.sandbox import criteria, queries, search
from zbweb.sandbox import views as view_store
from zbweb.sandbox.api import listing
from zbweb.sandbox.api.answers import ApiError, answer, empty, invalid_param
from zbweb.sandbox.api.gate import charge, occupy, record_module, require
from zbweb.sandbox.clock import iso
from zbweb.sandbox.criteria import BadCriterion
from zbweb.sandbox.queries import EVERYTHING, Clause, Order
from zbweb.sandbox.rendering import Renderer
from zbweb.sandbox.schema import Module
from zbweb.sandbox.state import Sandbox, current_sandbox

blueprint = Blueprint("records", __name__, url_prefix="/crm/v8")
MOST_FOUND = 2_000
_BIN_KINDS = {"all": "%", "recycle": "recycle", "permanent": "permanent"}
_SEARCHES = ("criteria", "email", "phone", "word")


@blueprint.get("/<module_name>")
def index(module_name: str) -> Response:
    module = record_module(module_name, "READ")
    sandbox = current_sandbox()
    fields = listing.asked_fields()
    window = listing.asked_window(sandbox)
    if "cvid" in request.args or "sort_by" in request.args:
        occupy()
    charge(3 if "cvid" in request.args else 1)
    since = listing.modified_since()
    with sandbox.reading() as connection:
        where = _all(_view_clause(sandbox, connection, module), listing.asked_ids(), since)
        page = listing.read_page(connection, module, where, window)
        records = Renderer(sandbox, connection, module).listed(page.rows, fields)
    return _listed(sandbox, page, records, is_conditional=since is not None)


@blueprint.get("/<module_name>/<record_id>")
def show(module_name: str, record_id: str) -> Response:
    module = record_module(module_name, "READ")
    sandbox = current_sandbox()
    number = path_id(record_id, 1)
    since = listing.asked_moment("If-Modified-Since")
    with sandbox.reading() as connection:
        row = queries.get(connection, module.api_name, number)
        if row is None:
            return empty()
        if since is not None and row.modified <= since:
            return empty(304)
        record = Renderer(sandbox, connection, module).full([row])[0]
    g.records = 1
    if "fields" in request.args:
        wanted = {*listing.asked_fields(), "id"}
        record = {name: value for name, value in record.items() if name in wanted}
    return answer({"data": [record]})


@blueprint.get("/<module_name>/deleted")
def deleted(module_name: str) -> Response:
    module = record_module(module_name, "READ")
    sandbox = current_sandbox()
    charge(2)
    kind = request.args.get("type", "all")
    if kind not in _BIN_KINDS:
        raise ApiError(
            "PATTERN_NOT_MATCHED", "Please check whether the input values are correct", {"param_name": "type"}
        )
    page = listing.whole_number("page", 1)
    per_page = listing.whole_number("per_page", listing.LARGEST_PAGE, most=listing.LARGEST_PAGE)
    since = listing.asked_moment("If-Modified-Since")
    with sandbox.reading() as connection:
        rows = connection.execute(
            "SELECT * FROM deleted WHERE module = ? AND kind LIKE ? AND deleted > ?"
            " ORDER BY deleted DESC, id DESC LIMIT ? OFFSET ?",
            (module.api_name, _BIN_KINDS[kind], -1 if since is None else since, per_page + 1, (page - 1) * per_page),
        ).fetchall()
    if not rows:
        return empty(204 if since is None else 304)
    data = [_deleted_json(sandbox, row) for row in rows[:per_page]]
    return answer({"data": data, "info": _plain_info(per_page, len(data), page, has_more=len(rows) > per_page)})


@blueprint.get("/<module_name>/search")
def find(module_name: str) -> Response:
    module = record_module(module_name, "READ")
    require("ZohoSearch.securesearch.READ")
    sandbox = current_sandbox()
    page = listing.whole_number("page", 1)
    per_page = listing.whole_number("per_page", listing.LARGEST_PAGE, most=listing.LARGEST_PAGE)
    if page * per_page > MOST_FOUND:
        raise ApiError("LIMIT_REACHED", "Maximum response iteration limit reached", {"limit": MOST_FOUND})
    wanted = _search_clause(sandbox, module)
    if wanted is None:
        message = "mandatory param missing"
        raise ApiError("EXPECTED_PARAM_MISSING", message, {"param_names": list(_SEARCHES)})
    window = listing.Window(page, per_page, Order("modified"))
    with sandbox.reading() as connection:
        where = _all(wanted, _view_clause(sandbox, connection, module), _indexed(sandbox))
        found = listing.read_page(connection, module, where, window)
        if not found.rows:
            return empty()
        renderer = Renderer(sandbox, connection, module)
        has_fields = "fields" in request.args
        records = renderer.listed(found.rows, listing.asked_fields()) if has_fields else renderer.full(found.rows)
    return answer({"data": records, "info": _plain_info(per_page, len(records), page, has_more=found.has_more)})


@blueprint.get("/<module_name>/actions/count")
def count(module_name: str) -> Response:
    module = record_module(module_name, "READ")
    sandbox = current_sandbox()
    wanted = _search_clause(sandbox, module)
    if wanted is not None and "cvid" in request.args:
        message = "Please use either Cvid or Search Params. Combination of both the params is not allowed"
        raise ApiError("AMBIGUITY_DURING_PROCESSING", message)
    with sandbox.reading() as connection:
        where = _all(wanted, _view_clause(sandbox, connection, module))
        return answer({"count": queries.count(connection, module.api_name, where)})


@blueprint.get("/<module_name>/<record_id>/<list_name>")
def related(module_name: str, record_id: str, list_name: str) -> Response:
    parent = record_module(module_name, "READ")
    sandbox = current_sandbox()
    number = path_id(record_id, 1)
    wanted = next((item for item in parent.related if item.api_name == list_name), None)
    if wanted is None:
        raise ApiError("INVALID_DATA", "The relation name given seems to be invalid", {"resource_path_index": 2})
    fields = listing.asked_fields()
    module = record_module(wanted.module, "READ")
    window = listing.asked_window(sandbox)
    since = listing.modified_since()
    with sandbox.reading() as connection:
        if queries.get(connection, parent.api_name, number) is None:
            raise ApiError("INVALID_DATA", "The related id given seems to be invalid", {"resource_path_index": 1})
        where = _all(queries.related(number, wanted.field), listing.asked_ids(), since)
        page = listing.read_page(connection, module, where, window)
        records = Renderer(sandbox, connection, module).listed(page.rows, fields)
    return _listed(sandbox, page, records, is_conditional=since is not None)


def path_id(text: str, index: int) -> int:
    """A record id in a path. Raises ApiError with its place there."""
    if not text.isdecimal() or len(text) > 19:
        raise ApiError("INVALID_DATA", "the id given seems to be invalid", {"resource_path_index": index})
    return int(text)


def _listed(
    sandbox: Sandbox, page: listing.Listing, records: list[dict[str, Any]], *, is_conditional: bool
) -> Response:
    if not records:
        return empty(304 if is_conditional else 204)
    return answer({"data": records, "info": listing.info(sandbox, page)})


def _all(*clauses: Clause | None) -> Clause:
    joined = EVERYTHING
    for clause in clauses:
        joined = joined if clause is None else joined & clause
    return joined


def _view_clause(sandbox: Sandbox, connection: Any, module: Module) -> Clause | None:
    view_id = request.args.get("cvid")
    if view_id is None:
        return None
    view = view_store.find_view(connection, module, view_id)
    if view is None:
        raise invalid_param("cvid", "the id given seems to be invalid")
    return view_store.clause(view, listing.scope_of(sandbox, module))


def _indexed(sandbox: Sandbox) -> Clause | None:
    """What the search index has taken in: everything, unless it was made to lag."""
    delay = sandbox.faults.search_delay_seconds
    return Clause("record.modified <= ?", (sandbox.clock.now() - delay,)) if delay else None


def _search_clause(sandbox: Sandbox, module: Module) -> Clause | None:
    """The one search of this request that counts: criteria, then email, phone, word."""
    name = next((name for name in _SEARCHES if request.args.get(name)), None)
    if name is None:
        return None
    text = request.args[name]
    scope = listing.scope_of(sandbox, module)
    try:
        if name == "criteria":
            return criteria.where(search.loosened(search.parse(text, scope), scope), scope)
    except BadCriterion as error:
        raise ApiError("INVALID_QUERY", "Invalid query formed", error.details) from error
    if len(text) < search.SHORTEST_WORD:
        raise invalid_param(name)
    if name == "word":
        return search.word_clause(text)
    columns = [field.api_name for field in module.fields if field.kind.value == name]
    if not columns:
        details = {"reason": "the field is not available for search", "api_name": name}
        raise ApiError("INVALID_QUERY", "Invalid query formed", details)
    parts = " OR ".join(f"fold(json_extract(record.body, '$.{column}')) = ?" for column in columns)
    return Clause(parts, (text.casefold(),) * len(columns))


def _deleted_json(sandbox: Sandbox, row: Any) -> dict[str, Any]:
    people = (sandbox.members.get(row[key]) for key in ("deleted_by", "created_by"))
    by, creator = ({"name": one.full_name, "id": str(one.id)} if one else None for one in people)
    return {
        "deleted_by": by,
        "id": str(row["id"]),
        "display_name": row["display_name"],
        "type": row["kind"],
        "created_by": creator,
        "deleted_time": iso(row["deleted"], sandbox.organisation.time_zone),
    }


def _plain_info(per_page: int, number: int, page: int, *, has_more: bool) -> dict[str, Any]:
    return {"per_page": per_page, "count": number, "page": page, "more_records": has_more}
