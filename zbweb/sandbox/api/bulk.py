"""Bulk reads: create a job, ask how it is, fetch its zip."""

import time
from typing import Any

from flask import Blueprint, Response, request, send_file
from itsdangerous import BadSignature, URLSafeSerializer

from zbweb.sandbox import exports
from zbweb.sandbox import views as view_store
from zbweb.sandbox.api.answers import ApiError, answer
from zbweb.sandbox.api.gate import caller, charge, require
from zbweb.sandbox.api.listing import signer
from zbweb.sandbox.api.writes import json_body
from zbweb.sandbox.catalog import FIRST_RECORD_ID
from zbweb.sandbox.clock import iso
from zbweb.sandbox.columns import check_column
from zbweb.sandbox.criteria import BadCriterion, Scope
from zbweb.sandbox.exports import Job, JobState
from zbweb.sandbox.schema import Kind, Module
from zbweb.sandbox.state import Sandbox, current_sandbox
from zbweb.sandbox.store import take_ids

blueprint = Blueprint("bulk", __name__, url_prefix="/crm/bulk/v8/read")
JOB_CREDITS = 50
LAST_PAGE = 50
DOWNLOADS = 10
"""Results that may be fetched in a minute."""


@blueprint.post("")
def create() -> Response:
    require("ZohoCRM.bulk.READ")
    charge(JOB_CREDITS)
    if request.mimetype != "application/json":
        raise ApiError("MEDIA_TYPE_NOT_SUPPORTED", "Media type is not supported.", {}, status=415)
    sandbox, body = current_sandbox(), json_body()
    query = body.get("query")
    if not isinstance(query, dict):
        raise _invalid("QUERY_NOT_SUPPORTED", "Query is not supported.")
    job = _next_page(sandbox, str(query["page_token"])) if "page_token" in query else _read(sandbox, body, query)
    with sandbox.store.write() as connection:
        exports.save_job(connection, job)
    exports.start(sandbox, job)
    author = caller().member
    details = {
        "id": str(job.id),
        "operation": "read",
        "state": JobState.ADDED.value,
        "created_by": {"id": str(author.id), "name": author.full_name},
        "created_time": iso(job.created, sandbox.organisation.time_zone),
    }
    added = {
        "status": "success", "code": "ADDED_SUCCESSFULLY", "message": "Added successfully.", "details": details,
    }  # fmt: skip
    return answer({"data": [added], "info": {}}, 201)


@blueprint.get("/<job_id>")
def show(job_id: str) -> Response:
    require("ZohoCRM.bulk.READ")
    sandbox = current_sandbox()
    job = _job(sandbox, job_id)
    token = _tokens(sandbox).dumps(job.id) if job.has_more else None
    return answer({"data": [exports.as_json(sandbox, job, next_token=token and str(token))]})


@blueprint.get("/<job_id>/result")
def download(job_id: str) -> Response:
    require("ZohoCRM.bulk.READ")
    sandbox = current_sandbox()
    job = _job(sandbox, job_id)
    if job.state is not JobState.COMPLETED:
        raise _invalid("JOB_NOT_COMPLETED", "The job is not completed yet.")
    if (
        sandbox.traffic.answered_since(time.time() - 60, under=blueprint.url_prefix or "", ending="/result")
        >= DOWNLOADS
    ):
        raise ApiError(
            "TOO_MANY_REQUESTS", "You can download ten results a minute. Please try again later.", status=429
        )
    return send_file(
        exports.archive(sandbox, job),
        mimetype="application/zip",
        as_attachment=True,
        download_name=f"{job.id}.zip",
    )


def _job(sandbox: Sandbox, job_id: str) -> Job:
    with sandbox.reading() as connection:
        job = exports.find_job(connection, int(job_id)) if job_id.isdecimal() else None
    if job is None or job.user_id != caller().member.id:
        message = "The requested resource doesn't exist."
        raise ApiError("RESOURCE_NOT_FOUND", message, {"resource": job_id}, status=404)
    return job


def _read(sandbox: Sandbox, body: dict[str, Any], query: dict[str, Any]) -> Job:
    module = _module(sandbox, query.get("module"))
    page = query.get("page", 1)
    if isinstance(page, bool) or not isinstance(page, int) or not 1 <= page <= LAST_PAGE:
        raise _invalid("PAGE_RANGE_EXCEEDED", "The page range is exceeded.", max_limit=LAST_PAGE)
    if body.get("file_type", "csv") != "csv":
        raise _invalid("JOB_NOT_SUPPORTED", "Only csv is supported for this module.")
    callback = body.get("callback") or {}
    job = Job(
        id=_job_id(sandbox),
        module=module.api_name,
        user_id=caller().member.id,
        created=sandbox.clock.now(),
        fields=_fields(sandbox, module, query.get("fields")),
        has_fields=bool(query.get("fields")),
        cvid=str(query["cvid"]) if query.get("cvid") else None,
        criteria=query.get("criteria"),
        page=page,
        callback=callback.get("url") if isinstance(callback, dict) else None,
    )
    _check(sandbox, module, job)
    return job


def _next_page(sandbox: Sandbox, text: str) -> Job:
    """The job after the one that the token names, with the same query."""
    try:
        before = _job(sandbox, str(_tokens(sandbox).loads(text)))
    except BadSignature:
        raise ApiError("INVALID_DATA", "invalid data", {"api_name": "page_token"}) from None
    return Job(
        id=_job_id(sandbox),
        module=before.module,
        user_id=before.user_id,
        created=sandbox.clock.now(),
        fields=before.fields,
        has_fields=before.has_fields,
        cvid=before.cvid,
        criteria=before.criteria,
        page=before.page + 1,
        after=before.last_id or 0,
        callback=before.callback,
    )


def _module(sandbox: Sandbox, given: Any) -> Module:
    name = given.get("api_name") if isinstance(given, dict) else given
    if not sandbox.catalog.has_records(str(name)):
        raise _invalid("MODULE_NOT_AVAILABLE", "The module is not available.")
    require(f"ZohoCRM.modules.{name}.READ")
    return sandbox.catalog.module(str(name))


def _fields(sandbox: Sandbox, module: Module, given: Any) -> tuple[str, ...]:
    if not given:
        return tuple(field.api_name for field in module.fields if field.kind is not Kind.SUBFORM)
    scope = Scope(sandbox.catalog, module, caller().member.id, sandbox.clock.now())
    for name in given if isinstance(given, list) else [given]:
        try:
            check_column(str(name), scope)
        except BadCriterion:
            raise _invalid("FIELD_NOT_SUPPORTED", "The field is not supported.", api_name=str(name),
                           module=module.api_name) from None  # fmt: skip
    return tuple(str(name) for name in given)


def _check(sandbox: Sandbox, module: Module, job: Job) -> None:
    scope = exports.scope_of(sandbox, job)
    with sandbox.reading() as connection:
        if job.cvid and view_store.find_view(connection, module, job.cvid) is None:
            raise _invalid("CVID_NOT_SUPPORTED", "The custom view is not supported.")
        try:
            exports.chosen(connection, job, scope)
        except BadCriterion as error:
            raise _invalid("INVALID_CRITERIA", "The criteria is not valid.", **error.details) from error


def _job_id(sandbox: Sandbox) -> int:
    with sandbox.store.write() as connection:
        return take_ids(connection, "record", first=FIRST_RECORD_ID)


def _tokens(sandbox: Sandbox) -> URLSafeSerializer:
    return signer(sandbox, salt="bulk")


def _invalid(code: str, message: str, **details: Any) -> ApiError:
    return ApiError(code, message, details)
