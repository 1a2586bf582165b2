"""Setup: the views of a module, and the form that makes one from up to five conditions."""

from flask import Blueprint, abort, redirect, render_template, request, url_for
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from zbweb.sandbox import criteria
from zbweb.sandbox import views as view_store
from zbweb.sandbox.catalog import FIRST_RECORD_ID
from zbweb.sandbox.criteria import BadCriterion, Scope
from zbweb.sandbox.pages import conditions
from zbweb.sandbox.pages.acting import actor
from zbweb.sandbox.pages.collections import COLLECTIONS
from zbweb.sandbox.pages.naming import Unclear
from zbweb.sandbox.pages.outcome import Outcome
from zbweb.sandbox.schema import Kind, Module
from zbweb.sandbox.state import current_sandbox
from zbweb.sandbox.store import take_ids
from zbweb.sandbox.views import View

blueprint = Blueprint("views", __name__, url_prefix="/setup/views")
Page = str | Response | tuple[str, int]
LONGEST_NAME = 60


@blueprint.get("")
def index() -> Page:
    return _page(_asked_module(), MultiDict())


@blueprint.post("")
def create() -> Page:
    """Make the view; what cannot be answered comes back with what was typed."""
    module, form, name = _asked_module(), request.form, request.form.get("name", "").strip()
    if not 0 < len(name) <= LONGEST_NAME:
        return _page(module, form, error=f"Give the view a name of at most {LONGEST_NAME} characters."), 422
    try:
        _add(module, name, form)
    except Unclear as unclear:
        return _page(module, form, error=str(unclear)), 422
    except BadCriterion as bad:
        label = module.by_name[str(bad.details.get("api_name"))].display_label
        return _page(module, form, error=f"{label} cannot be compared like this: {bad.reason}."), 422
    return redirect(url_for(".index", module=module.api_name, done=Outcome.VIEW_MADE), 303)


@blueprint.post("/<view_id>/delete")
def delete(view_id: str) -> Page:
    module, sandbox = _asked_module(), current_sandbox()
    with sandbox.store.write() as connection:
        view = view_store.find_view(connection, module, view_id)
        if view is None or view.is_system:
            abort(404)
        view_store.remove_view(connection, view.id)
    return redirect(url_for(".index", module=module.api_name, done=Outcome.VIEW_REMOVED), 303)


def _asked_module() -> Module:
    name = request.values.get("module", "Accounts")
    if name not in {collection.module for collection in COLLECTIONS}:
        abort(404)
    return current_sandbox().catalog.module(name)


def _add(module: Module, name: str, form: MultiDict[str, str]) -> None:
    sandbox = current_sandbox()
    member, now = actor(sandbox), sandbox.clock.now()
    with sandbox.store.write() as connection:
        rows = conditions.typed_rows(form)
        chosen = conditions.criterion(sandbox, connection, module, rows=rows, operator=form.get("operator", "and"))
        number = take_ids(connection, "record", first=FIRST_RECORD_ID)
        stored = criteria.to_json(chosen) if chosen else None
        view = View(number, module.api_name, name, stored, None, member.id, now)
        view_store.add_view(connection, view, Scope(sandbox.catalog, module, member.id, now))


def _page(module: Module, form: MultiDict[str, str], *, error: str = "") -> str:
    with current_sandbox().reading() as connection:
        views = view_store.views_of(connection, module)
    return render_template(
        "pages/setup/views.html",
        module=module,
        modules=[current_sandbox().catalog.module(collection.module) for collection in COLLECTIONS],
        views=[(view, conditions.in_words(view.criteria, module)) for view in views],
        fields=[field for field in module.fields if field.kind not in (Kind.SUBFORM, Kind.IMAGE)],
        words=conditions.WORDS,
        rows=conditions.typed_rows(form),
        form=form,
        error=error,
    )
