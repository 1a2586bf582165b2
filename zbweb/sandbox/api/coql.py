"""POST /coql: answers a query of the CRM's own language."""

import sqlite3
from typing import Any

from flask import Blueprint, Response, g

from zbweb.sandbox import criteria, queries
from zbweb.sandbox.api.answers import ApiError, answer, empty, invalid_module
from zbweb.sandbox.api.gate import charge, occupy, record_module, require
from zbweb.sandbox.api.listing import scope_of
from zbweb.sandbox.api.writes import json_body
from zbweb.sandbox.columns import Columns, check_column
from zbweb.sandbox.coql import CoqlError, Query, parse
from zbweb.sandbox.criteria import BadCriterion, Scope
from zbweb.sandbox.state import Sandbox, current_sandbox

blueprint = Blueprint("coql", __name__, url_prefix="/crm/v8")
_CREDITS = ((200, 1), (1000, 2), (2000, 3))


@blueprint.post("/coql")
def select() -> Response:
    require("ZohoCRM.coql.READ")
    occupy()
    text = json_body().get("select_query")
    if not isinstance(text, str) or not text.strip():
        details = {"api_name": "select_query"}
        raise ApiError("MANDATORY_NOT_FOUND", "mandatory key not found", details)
    sandbox = current_sandbox()
    try:
        query = parse(text)
        charge(next(cost for most, cost in _CREDITS if query.limit <= most))
        data, has_more = _answered(sandbox, query)
    except CoqlError as error:
        raise ApiError(error.code, error.message, error.details) from error
    except BadCriterion as error:
        details = {"column_name": error.details.get("api_name", ""), "reason": error.reason}
        raise ApiError("INVALID_QUERY", "column given seems to be invalid", details) from error
    if not data:
        return empty()
    g.records = len(data)
    return answer({"data": data, "info": {"count": len(data), "more_records": has_more}})


def _answered(sandbox: Sandbox, query: Query) -> tuple[list[dict[str, Any]], bool]:
    if not sandbox.catalog.has_records(query.module):
        raise invalid_module()
    module = record_module(query.module, "READ")
    scope = scope_of(sandbox, module)
    _check(query, scope)
    with sandbox.reading() as connection:
        data = _aggregated(connection, query, scope) if query.is_aggregate else _rows(sandbox, connection, query, scope)
    return data[: query.limit], len(data) > query.limit


def _check(query: Query, scope: Scope) -> None:
    for column in query.columns:
        if column.path != "*":
            check_column(column.path, scope)
    if query.columns[0].path == "*" and query.columns[0].aggregate is None:
        raise CoqlError("INVALID_QUERY", "column given seems to be invalid", {"column_name": "*"})


def _tail(query: Query, scope: Scope) -> str:
    sorts = [
        f"{criteria.expression(sort.path, scope)} {'DESC' if sort.descending else 'ASC'}" for sort in query.order_by
    ]
    order = ", ".join(sorts) or "record.id"
    return f"ORDER BY {order} LIMIT {query.limit + 1} OFFSET {query.offset}"


def _rows(sandbox: Sandbox, connection: sqlite3.Connection, query: Query, scope: Scope) -> list[dict[str, Any]]:
    where = criteria.where(query.where, scope)
    sql = f"SELECT id FROM record WHERE module = ? AND ({where.sql}) {_tail(query, scope)}"
    ids = [row["id"] for row in connection.execute(sql, (query.module, *where.params))]
    found = queries.by_ids(connection, ids)
    rows = [found[record_id] for record_id in ids]
    columns = Columns(sandbox, connection, scope.module)
    values = [columns.read(column.path, rows) for column in query.columns]
    return [
        {column.name: cells[place] for column, cells in zip(query.columns, values, strict=True)} | {"id": str(row.id)}
        for place, row in enumerate(rows)
    ]


def _aggregated(connection: sqlite3.Connection, query: Query, scope: Scope) -> list[dict[str, Any]]:
    selected = []
    for column in query.columns:
        value = "*" if column.path == "*" else criteria.expression(column.path, scope)
        selected.append(f"{column.aggregate}({value})" if column.aggregate else value)
        if column.aggregate is None and column.path not in query.group_by:
            raise CoqlError("INVALID_QUERY", "invalid query formed", {"column_name": column.path})
    where = criteria.where(query.where, scope)
    groups = ", ".join(criteria.expression(path, scope) for path in query.group_by)
    grouping = f"GROUP BY {groups} ORDER BY 1" if groups else ""
    sql = (
        f"SELECT {', '.join(selected)} FROM record WHERE module = ? AND ({where.sql}) {grouping} "
        f"LIMIT {query.limit + 1} OFFSET {query.offset}"
    )
    names = [column.name for column in query.columns]
    rows = connection.execute(sql, (query.module, *where.params))
    return [dict(zip(names, row, strict=True)) for row in rows]
