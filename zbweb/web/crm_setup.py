"""The wizard that configures the customers' sync: five steps, a summary, each at an address of its own.

Each step's form goes into the draft, whichever button is pressed, so Back loses nothing. When the CRM cannot be
asked, the page says so in a sentence and offers what is chosen already.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from flask import Blueprint, flash, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from zbweb.billing.words import Role
from zbweb.crm.errors import CrmError
from zbweb.crm.port import NAME_FIELDS, CrmClient
from zbweb.db import db, unit_of_work
from zbweb.errors import Invalid, Stale
from zbweb.sync import clients, runs
from zbweb.sync import connection as connections
from zbweb.sync.core.fields import BillingField, Table
from zbweb.sync.core.words import SyncedModule, Trigger
from zbweb.sync.errors import SyncError
from zbweb.sync.models import Connection, ModuleSetup
from zbweb.sync.setup import offer, wizard
from zbweb.sync.setup.wizard import Draft
from zbweb.web import access, crm_words, htmx
from zbweb.web.forms.crm_setup import DuplicatesForm, ExtentForm, ModuleForm, StepForm, ViewsForm, mapping_typed

bp = Blueprint("crm_setup", __name__, url_prefix="/settings/integrations/zoho-crm/customers")
bp.context_processor(crm_words.navigation)

STEPS = {
    "module": "Module",
    "extent": "Extent",
    "duplicates": "Duplicates",
    "views": "Views",
    "fields": "Map Fields",
    "summary": "Summary",
}
_ORDER = list(STEPS)
Answer = TypeVar("Answer")


@bp.get("")
@access.allow(Role.ADMIN)
def start() -> ResponseReturnValue:
    """Into the wizard: its first step."""
    return htmx.redirect(url_for("crm_setup.module"))


@bp.route("/module", methods=["GET", "POST"])
@access.allow(Role.ADMIN)
def module() -> ResponseReturnValue:
    """Step 1: which CRM records become customers."""
    connection, draft = _begin()
    form = ModuleForm(obj=draft)
    if request.method == "POST" and (onward := _onward("module", form)):
        return onward
    loose, _ = _asked(connection, offer.loose_contacts)
    return _page("module", draft, form=form, loose=loose)


@bp.route("/extent", methods=["GET", "POST"])
@access.allow(Role.ADMIN)
def extent() -> ResponseReturnValue:
    """Step 2: how information flows, and who wins."""
    _, draft = _begin()
    form = ExtentForm(obj=draft)
    if request.method == "POST" and (onward := _onward("extent", form)):
        return onward
    return _page("extent", draft, form=form)


@bp.route("/duplicates", methods=["GET", "POST"])
@access.allow(Role.ADMIN)
def duplicates() -> ResponseReturnValue:
    """Step 3: what happens to a record whose name is here already, explained on the person's own data."""
    connection, draft = _begin()
    form = DuplicatesForm(obj=draft)
    if request.method == "POST" and (onward := _onward("duplicates", form)):
        return onward
    crm_module = draft.tables[0].crm_module
    names, problem = _asked(
        connection, lambda client: offer.names(client, crm_module, view_id=draft.view_id(crm_module))
    )
    twins = wizard.twins(db.session(), names or [])
    return _page(
        "duplicates", draft, form=form, names=names, twins=twins, problem=problem,
        crm_module=crm_module, name_field=NAME_FIELDS[crm_module].replace("_", " "),
    )  # fmt: skip


@bp.route("/views", methods=["GET", "POST"])
@access.allow(Role.ADMIN)
def views() -> ResponseReturnValue:
    """Step 4: which view of each module is fetched."""
    connection, draft = _begin()
    form = ViewsForm(obj=draft)
    modules = offer.crm_modules(draft.tables)
    for crm_module, field in (("Accounts", "account_view_id"), ("Contacts", "contact_view_id")):
        if crm_module not in modules:
            del form[field]
    if request.method == "POST" and (onward := _onward("views", form)):
        return onward
    offered, problem = _asked(connection, lambda client: {name: offer.views(client, name) for name in modules})
    gone = _fill_views(form, draft, offered)
    return _page("views", draft, form=form, offered=offered or {}, problem=problem or gone)


def _fill_views(form: ViewsForm, draft: Draft, offered: Mapping[str, list[offer.OfferedView]] | None) -> str:
    """Put the views into the selects; a sentence when a view that was chosen is not there any more."""
    gone = ""
    for crm_module in offer.crm_modules(draft.tables):
        chosen = draft.view_id(crm_module)
        views = offered[crm_module] if offered is not None else None
        if views is not None and chosen and chosen not in {view.id for view in views}:
            gone = f"The view of {crm_module} chosen before no longer exists in Zoho CRM. Choose another one."
        form.offer(f"{crm_module.removesuffix('s').lower()}_view_id", views, chosen)
    return gone


@bp.route("/fields", methods=["GET", "POST"])
@access.allow(Role.ADMIN)
def fields() -> ResponseReturnValue:
    """Step 5: Map Fields."""
    connection, draft = _begin()
    billing = {table: wizard.billing_fields(db.session(), table) for table in draft.tables}
    problem = ""
    errors: dict[str, str] = {}
    if request.method == "POST":
        shown, draft = draft, _keep({"mappings": {**draft.mappings, **mapping_typed(request.form, billing)}})
        if request.form.get("go") == "back":
            return htmx.redirect(url_for("crm_setup.views"))
        problem, errors = _mapping_errors(connection, draft, billing)
        if not problem and not errors:
            return _leave_fields(connection, shown, draft)
    tables, unread = _tables(connection, draft, billing, errors)
    others = {key: message for key, message in errors.items() if not _is_row(key, billing)}
    return _page("fields", draft, tables=tables, problem=problem or unread, errors=errors, others=others)


def _leave_fields(connection: Connection, shown: Draft, draft: Draft) -> ResponseReturnValue:
    """On to the summary, or straight to the end for who is sure and has seen the choices as they are."""
    if request.form.get("go") in ("sync", "later"):
        return _finish(connection, draft.stamp if request.form.get("seen") == shown.stamp else "")
    return htmx.redirect(url_for("crm_setup.summary"))


def _is_row(key: str, billing: Mapping[Table, tuple[BillingField, ...]]) -> bool:
    return any(key == f"{table}-{field.key}" for table, table_fields in billing.items() for field in table_fields)


def _mapping_errors(
    connection: Connection, draft: Draft, billing: Mapping[Table, tuple[BillingField, ...]]
) -> tuple[str, dict[str, str]]:
    """A sentence when the CRM could not be asked, and the faults by select."""
    metas, problem = _asked(
        connection, lambda client: {name: client.fields(name) for name in offer.crm_modules(draft.tables)}
    )
    if metas is None:
        return problem, {}
    found = [
        fault
        for table in draft.tables
        for fault in wizard.mapping_faults(draft, table, billing[table], metas[table.crm_module])
    ]
    return "", {f"{fault.table}-{fault.field}": fault.message for fault in found}


def _tables(
    connection: Connection,
    draft: Draft,
    billing: Mapping[Table, tuple[BillingField, ...]],
    errors: Mapping[str, str],
) -> tuple[dict[Table, list[offer.MappingRow]], str]:
    """The rows to show of each table, and a sentence when the CRM's fields could not be read."""
    offered, problem = _asked(
        connection,
        lambda client: {
            name: offer.fields(client, name, view_id=draft.view_id(name)) for name in offer.crm_modules(draft.tables)
        },
    )
    rows = {
        table: offer.rows(
            billing[table],
            draft.mapping(
                table, {each.api_name for each in offered[table.crm_module]} if offered is not None else None
            ),
            offered[table.crm_module] if offered is not None else None,
            {key.removeprefix(f"{table}-"): text for key, text in errors.items() if key.startswith(f"{table}-")},
        )
        for table in draft.tables
    }
    return rows, problem


@bp.route("/summary", methods=["GET", "POST"])
@access.allow(Role.ADMIN)
def summary() -> ResponseReturnValue:
    """All choices once more; Save and Sync, or Save and Sync Later."""
    connection, draft = _begin()
    if request.method == "POST":
        if request.form.get("go") == "back":
            return htmx.redirect(url_for("crm_setup.fields"))
        return _finish(connection, request.form.get("seen", ""))
    names, problem = _asked(
        connection, lambda client: {name: client.views(name) for name in offer.crm_modules(draft.tables)}
    )
    return _page("summary", draft, view_names=_view_names(draft, names), problem=problem)


def _view_names(draft: Draft, views: Mapping[str, Any] | None) -> dict[str, str]:
    named = {}
    for crm_module in offer.crm_modules(draft.tables):
        chosen = draft.view_id(crm_module)
        known = {view.id: view.name for view in (views or {}).get(crm_module, ())}
        named[crm_module] = known.get(chosen, "The view chosen before") if chosen else f"All {crm_module}"
    return named


@bp.post("/discard")
@access.allow(Role.ADMIN)
def discard() -> ResponseReturnValue:
    """Leave the wizard without its changes."""
    with unit_of_work() as session:
        wizard.discard(session, connections.active_or_refuse(session))
    flash("The changes were discarded; what was saved before stands.", "info")
    return htmx.redirect(url_for("integrations.zoho_crm"))


# --- what the steps share ---------------------------------------------------------------------------


def _begin() -> tuple[Connection, Draft]:
    connection = connections.active_or_refuse(db.session())
    return connection, _draft(connection)


def _draft(connection: Connection) -> Draft:
    return wizard.draft_of(runs.setup_of(db.session(), connection.id, SyncedModule.CUSTOMERS))


def _keep(changes: Mapping[str, Any]) -> Draft:
    with unit_of_work() as session:
        return wizard.keep(session, connections.active_or_refuse(session), changes)


def _onward(step: str, form: StepForm) -> ResponseReturnValue | None:
    """Keep what was typed well and go where the button says; None when the step has to be mended first."""
    is_valid = form.validate()
    _keep(form.changes())
    here = _ORDER.index(step)
    if request.form.get("go") == "back":
        return htmx.redirect(url_for(f"crm_setup.{_ORDER[max(here - 1, 0)]}"))
    return htmx.redirect(url_for(f"crm_setup.{_ORDER[here + 1]}")) if is_valid else None


def _asked(connection: Connection, question: Callable[[CrmClient], Answer]) -> tuple[Answer | None, str]:
    """What the CRM answers, or None and the sentence that says why it did not."""
    try:
        return question(clients.client_for_page(connection)), ""
    except (CrmError, SyncError) as error:
        return None, error.message


def _page(step: str, draft: Draft, *, problem: str = "", **context: Any) -> ResponseReturnValue:
    here = _ORDER.index(step)
    states = ["done" if at < here else "current" if at == here else "upcoming" for at in range(len(_ORDER))]
    return htmx.page(
        f"crm_setup/{step}.html",
        status=422 if request.method == "POST" else 200,
        draft=draft,
        step=step,
        steps=[(label, state, "") for label, state in zip(STEPS.values(), states, strict=True)],
        problem=problem,
        words=crm_words,
        **context,
    )


def _finish(connection: Connection, seen: str) -> ResponseReturnValue:
    """Check the draft against the CRM and save it, if it is what was seen; then sync, if that was the button."""
    draft = _draft(connection)
    sight, problem = _asked(connection, lambda client: offer.look(client, offer.crm_modules(draft.tables)))
    if sight is None:
        return _page("summary", draft, view_names=_view_names(draft, None), problem=f"{problem} Your choices are kept.")
    try:
        with unit_of_work() as session:
            present = connections.active_or_refuse(session)
            saved = wizard.save(session, present, sight, seen=seen, actor=access.person().actor)
            message = _then(session, present, saved)
    except Stale as error:
        flash(error.message, "warning")
        return htmx.redirect(url_for("crm_setup.summary"))
    except Invalid as error:
        return _page("summary", draft, view_names=_view_names(draft, sight.views), problem=error.message)
    flash(message, "success")
    return htmx.redirect(url_for("integrations.zoho_crm"))


_LATER = "Saved. The next automatic sync works by these choices; Instant Sync starts one at once."
_HELD = "Saved. The sync is paused, so these choices wait for Resume Sync."


def _then(session: Session, connection: Connection, saved: ModuleSetup) -> str:
    """Sync if that was the button; what comes next, in words."""
    is_first = runs.last_run(session, connection) is None
    if connection.is_paused and not (is_first and request.form.get("go") == "sync"):
        return _HELD
    if request.form.get("go") != "sync":
        return _LATER
    trigger = Trigger.FIRST if is_first else Trigger.INSTANT
    runs.queue_run(session, connection, trigger=trigger, actor_name=saved.saved_by)
    return _HELD if connection.is_paused else "Saved. The sync begins as soon as a worker is free."
