"""Pages of records: lists, one record, its form, its deletion, its merging with another."""

from typing import Any

from flask import Blueprint, abort, g, redirect, render_template, request, url_for
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from zbweb.sandbox import queries, records
from zbweb.sandbox.merging import merge
from zbweb.sandbox.pages import lists, record_form, record_page, refusals
from zbweb.sandbox.pages.acting import actor
from zbweb.sandbox.pages.collections import BY_SLUG, MERGED_SLUG, SLUG, module_of, record_url
from zbweb.sandbox.pages.naming import Unclear, find_named, offered
from zbweb.sandbox.pages.outcome import Outcome
from zbweb.sandbox.panel import panel_origin
from zbweb.sandbox.pipeline import STAGES
from zbweb.sandbox.queries import Row
from zbweb.sandbox.schema import Module
from zbweb.sandbox.state import Sandbox, current_sandbox
from zbweb.sandbox.work import Refused

blueprint = Blueprint("records", __name__)
Page = str | Response | tuple[str, int]


@blueprint.get(f"/{SLUG}")
def index(slug: str) -> Page:
    sandbox = current_sandbox()
    wish = lists.Wish.read(request.args)
    with sandbox.reading() as connection:
        page = lists.read_list(sandbox, connection, BY_SLUG[slug], wish=wish, member_id=actor(sandbox).id)
    module = module_of(sandbox, slug)
    return render_template("pages/records/index.html", collection=BY_SLUG[slug], module=module, page=page)


@blueprint.get(f"/{SLUG}/<int:record_id>")
def show(slug: str, record_id: int) -> Page:
    sandbox = current_sandbox()
    module = module_of(sandbox, slug)
    with sandbox.reading() as connection:
        row = _existing(connection, module, record_id)
        page = record_page.read(sandbox, connection, module, row=row)
    if page.panel is not None:
        g.framed_origin = panel_origin(page.panel)
    return render_template("pages/records/show.html", collection=BY_SLUG[slug], module=module, page=page, stages=STAGES)


@blueprint.get("/crm/tab/<tab>/<int:record_id>")
def open_tab(tab: str, record_id: int) -> Page:
    """The address of a record in the real CRM, where two modules go by other names than the API's."""
    module = {"Potentials": "Deals", "SalesOrders": "Sales_Orders"}.get(tab, tab)
    return redirect(record_url(module, record_id) or abort(404))


@blueprint.get(f"/{SLUG}/new")
def new(slug: str) -> Page:
    module = module_of(current_sandbox(), slug, to_edit=True)
    return _form_page(slug, module, None, given=MultiDict(request.args))


@blueprint.post(f"/{SLUG}/new")
def create(slug: str) -> Page:
    return _save(slug, module_of(current_sandbox(), slug, to_edit=True), None)


@blueprint.get(f"/{SLUG}/<int:record_id>/edit")
def edit(slug: str, record_id: int) -> Page:
    module = module_of(current_sandbox(), slug, to_edit=True)
    with current_sandbox().reading() as connection:
        row = _existing(connection, module, record_id)
    return _form_page(slug, module, row)


@blueprint.post(f"/{SLUG}/<int:record_id>/edit")
def change(slug: str, record_id: int) -> Page:
    module = module_of(current_sandbox(), slug, to_edit=True)
    with current_sandbox().reading() as connection:
        row = _existing(connection, module, record_id)
    return _save(slug, module, row)


@blueprint.get(f"/{SLUG}/<int:record_id>/delete")
def ask_delete(slug: str, record_id: int) -> Page:
    sandbox = current_sandbox()
    module = module_of(sandbox, slug, to_edit=True)
    with sandbox.reading() as connection:
        row = _existing(connection, module, record_id)
        page = record_page.read(sandbox, connection, module, row=row)
    return render_template("pages/records/delete.html", collection=BY_SLUG[slug], module=module, page=page)


@blueprint.post(f"/{SLUG}/<int:record_id>/delete")
def delete(slug: str, record_id: int) -> Page:
    sandbox = current_sandbox()
    module = module_of(sandbox, slug, to_edit=True)
    with sandbox.changing(actor(sandbox)) as work:
        _existing(work.connection, module, record_id)
        records.delete(work, module.api_name, record_id)
    return redirect(url_for(".index", slug=slug, done=Outcome.DELETED), 303)


@blueprint.post("/deals/<int:record_id>/stage")
def move(record_id: int) -> Page:
    """Move a deal to one of its pipeline's stages."""
    sandbox = current_sandbox()
    stage = next((stage for stage in STAGES if stage.actual == request.form.get("stage")), None)
    if stage is None:
        abort(400, "The pipeline has no such stage.")
    with sandbox.changing(actor(sandbox)) as work:
        _existing(work.connection, sandbox.catalog.module("Deals"), record_id)
        records.update(work, "Deals", record_id, {"Stage": stage.actual})
    return redirect(url_for(".show", slug="deals", record_id=record_id, done=Outcome.MOVED), 303)


@blueprint.get(f"/{MERGED_SLUG}/<int:record_id>/merge")
def ask_merge(slug: str, record_id: int) -> Page:
    return _merge_page(slug, record_id)


@blueprint.post(f"/{MERGED_SLUG}/<int:record_id>/merge")
def merge_with(slug: str, record_id: int) -> Page:
    sandbox = current_sandbox()
    module = module_of(sandbox, slug)
    try:
        with sandbox.changing(actor(sandbox)) as work:
            _existing(work.connection, module, record_id)
            duplicate_id = find_named(work.connection, module, request.form.get("duplicate", ""))
            merge(work, module.api_name, record_id, duplicate_id=duplicate_id)
    except (Refused, Unclear) as error:
        return _merge_page(slug, record_id, problem=error)
    return redirect(url_for(".show", slug=slug, record_id=record_id, done=Outcome.MERGED), 303)


def _existing(connection: Any, module: Module, record_id: int) -> Row:
    row = queries.get(connection, module.api_name, record_id) if record_id < 2**63 else None
    if row is None:
        abort(404)
    return row


def _save(slug: str, module: Module, row: Row | None) -> Page:
    """Write what was changed; what is refused comes back with what was typed."""
    sandbox = current_sandbox()
    with sandbox.reading() as connection:
        form = _form(sandbox, connection, module, row)
        values, errors = form.changes(request.form)
    if errors:
        return _form_page(slug, module, row, given=request.form, errors=errors), 422
    if row is not None and not values:
        return redirect(url_for(".show", slug=slug, record_id=row.id, done=Outcome.UNCHANGED), 303)
    try:
        with sandbox.changing(actor(sandbox)) as work:
            if row is None:
                saved = records.insert(work, module.api_name, values)
            else:
                saved = records.update(work, module.api_name, row.id, values)
    except Refused as refusal:
        return _form_page(slug, module, row, given=request.form, errors=refusals.sentences(refusal, module)), 422
    done = Outcome.CREATED if row is None else Outcome.SAVED
    return redirect(url_for(".show", slug=slug, record_id=saved.id, done=done), 303)


def _form(sandbox: Sandbox, connection: Any, module: Module, row: Row | None) -> record_form.RecordForm:
    return record_form.RecordForm(sandbox, connection, module, current=row, owner_id=actor(sandbox).id)


def _form_page(
    slug: str, module: Module, row: Row | None, *, given: MultiDict[str, str] | None = None,
    errors: dict[str, str] | None = None,
) -> str:  # fmt: skip
    sandbox = current_sandbox()
    with sandbox.reading() as connection:
        groups = _form(sandbox, connection, module, row).groups(given=given, errors=errors)
    return render_template(
        "pages/records/form.html", collection=BY_SLUG[slug], module=module, row=row, groups=groups, errors=errors or {}
    )


def _merge_page(slug: str, record_id: int, *, problem: Exception | None = None) -> Page:
    sandbox = current_sandbox()
    module = module_of(sandbox, slug)
    with sandbox.reading() as connection:
        row = _existing(connection, module, record_id)
        names = offered(connection, module)
    error = "" if problem is None else _merge_problem(problem, module)
    page = render_template(
        "pages/records/merge.html", collection=BY_SLUG[slug], module=module, row=row, names=names, error=error
    )
    return (page, 422) if problem else page


def _merge_problem(problem: Exception, module: Module) -> str:
    if isinstance(problem, Unclear):
        return str(problem)
    kind = module.singular.lower()
    return f"This {kind} cannot be merged with itself. Choose another {kind}."
