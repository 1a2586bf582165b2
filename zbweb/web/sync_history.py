"""The history of syncs: every run, every record's fate, and what can be done about failures."""

from typing import Any

from flask import Blueprint, flash, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from zbweb.billing.words import Kind, Role
from zbweb.db import db, unit_of_work
from zbweb.sync import connection as connections
from zbweb.sync import history, runs
from zbweb.sync.core.document_words import KIND_OF
from zbweb.sync.core.reasons import FOUND_HERE
from zbweb.sync.core.words import Direction, Entity, Outcome
from zbweb.sync.history import EntryFilter, RunFilter
from zbweb.sync.models import SyncEntry
from zbweb.sync.setup import mappings
from zbweb.web import access, crm_words, htmx, spreadsheet

bp = Blueprint("sync_history", __name__, url_prefix="/settings/integrations/zoho-crm/history")
bp.context_processor(crm_words.navigation)

OUTCOMES = {
    Outcome.ADDED: "Added",
    Outcome.UPDATED: "Updated",
    Outcome.DELETED: "Deleted",
    Outcome.SKIPPED: "Skipped",
    Outcome.EXCLUDED: "Excluded",
    Outcome.CONFLICT: "Conflicts",
    Outcome.FAILED: "Failed",
}
DIRECTIONS = {Direction.IN: "From Zoho CRM", Direction.OUT: "To Zoho CRM"}
_FOLLOWING = {"Quote": Kind.QUOTE, "Invoice": Kind.INVOICE}
"""The kinds of documents that follow potentials, by what the entry calls them."""


@bp.get("")
@access.allow(Role.ADMIN)
def index() -> ResponseReturnValue:
    """One row per run."""
    wanted = _run_filter()
    found, has_more = history.list_runs(db.session(), wanted)
    return htmx.page(
        "sync_history/index.html",
        runs=found,
        wanted=wanted,
        older=found[-1].id if has_more else None,
        words=crm_words,
        connection=connections.active(db.session()),
    )


@bp.get("/failures")
@access.allow(Role.ADMIN)
def failures() -> ResponseReturnValue:
    """Every failure that waits for somebody, whichever run it happened in."""
    connection = connections.active_or_refuse(db.session())
    entries, has_more = history.list_unresolved(db.session(), connection, after=request.args.get("after", 0, type=int))
    return htmx.page(
        "sync_history/failures.html",
        entries=entries,
        following=entries[-1].id if has_more else None,
        groups=history.unresolved_by_reason(db.session(), connection),
        **_entry_words(),
    )


@bp.get("/<int:run_id>")
@access.allow(Role.ADMIN)
def show(run_id: int) -> ResponseReturnValue:
    """One run: counters, reasons, and its records by outcome and direction."""
    run = history.run_or_404(db.session(), run_id)
    wanted = _entry_filter()
    entries, has_more = history.list_entries(db.session(), run, wanted)
    return htmx.page(
        "sync_history/show.html",
        run=run,
        wanted=wanted,
        entries=entries,
        following=entries[-1].id if has_more else None,
        groups=history.reasons(db.session(), run),
        ways=history.directions(db.session(), run),
        words=crm_words,
        **_entry_words(),
    )


@bp.get("/<int:run_id>.csv")
@access.allow(Role.ADMIN)
def download(run_id: int) -> ResponseReturnValue:
    """A run's records as CSV; the page's filters count here too."""
    run = history.run_or_404(db.session(), run_id)
    labels = mappings.field_labels(db.session())
    return spreadsheet.attachment(f"sync-{run.id}", history.csv_rows(db.session(), run, _entry_filter(), labels))


@bp.post("/failures/retry")
@bp.post("/<int:run_id>/retry")
@access.allow(Role.ADMIN)
def retry(run_id: int | None = None) -> ResponseReturnValue:
    """Try one record again, or every unresolved failure of one reason: in this run, or in all of them."""
    with unit_of_work() as session:
        named = _named_entries(session, run_id)
        connection = connections.active_or_refuse(session)
        runs.retry_entries(session, connection, named, actor_name=access.person().name)
        _tell_of_retry(len(named), is_held=connection.is_paused)
    return htmx.redirect(url_for("sync_history.index"))


def _tell_of_retry(count: int, *, is_held: bool) -> None:
    if not count:
        flash("There is nothing left to try again: it was mended or dismissed meanwhile.", "info")
        return
    when = "when the sync is resumed" if is_held else "as soon as a worker is free"
    flash(f"{count:,} {'record is' if count == 1 else 'records are'} tried again {when}.", "success")


@bp.post("/failures/dismiss")
@bp.post("/<int:run_id>/dismiss")
@access.allow(Role.ADMIN)
def dismiss(run_id: int | None = None) -> ResponseReturnValue:
    """Mark one failure, or all of one reason in this run or in all of them, as seen and not to be tried again."""
    with unit_of_work() as session:
        count = runs.dismiss(session, _named_entries(session, run_id), actor_name=access.person().name)
    flash(
        f"{count} {'failure was' if count == 1 else 'failures were'} dismissed; the sync does not try again.", "success"
    )
    if run_id is None:
        return htmx.redirect(url_for("sync_history.failures"))
    return htmx.redirect(url_for("sync_history.show", run_id=run_id))


def _named_entries(session: Session, run_id: int | None) -> list[int]:
    """The failures that a request speaks of: one by its id, or all of a reason, in a run or in all of them."""
    within = connections.active_or_refuse(session) if run_id is None else history.run_or_404(session, run_id)
    entry_id = request.form.get("entry_id", type=int)
    return history.unresolved_ids(session, within, reason=request.form.get("reason", ""), entry_id=entry_id)


def _run_filter() -> RunFilter:
    return RunFilter(
        status=request.args.get("status", ""),
        trigger=request.args.get("trigger", ""),
        module=request.args.get("module", ""),
        before=request.args.get("before", type=int),
    )


def _entry_filter() -> EntryFilter:
    return EntryFilter(
        outcome=request.args.get("outcome", ""),
        direction=request.args.get("direction", ""),
        reason=request.args.get("reason", ""),
        after=request.args.get("after", 0, type=int),
    )


def _entry_words() -> dict[str, Any]:
    return {
        "outcomes": OUTCOMES,
        "direction_names": DIRECTIONS,
        "sentence": history.sentence,
        "found_here": FOUND_HERE,
        "record_url": _record_url,
        "labels": mappings.field_labels(db.session()),
    }


def _record_url(entry: SyncEntry) -> str:
    """The page of the record here, if it has one."""
    if entry.entity_id is None or entry.outcome == Outcome.DELETED:
        return ""
    if entry.entity == Entity.CUSTOMER:
        return url_for("customers.show", customer_id=entry.entity_id)
    if entry.entity != Entity.TRANSACTION:
        return ""
    kind = KIND_OF.get(entry.crm_module)
    if kind is None and "document" in entry.diff:
        kind = _FOLLOWING[entry.diff["document"][1]]
    return url_for("transactions.show", kind=kind, transaction_id=entry.entity_id) if kind else ""
