"""Conflicts: fields that were changed here and in the CRM, both values side by side, a choice for each."""

from collections.abc import Mapping
from dataclasses import dataclass

from flask import Blueprint, flash, request, url_for
from flask.typing import ResponseReturnValue

from zbweb.billing.words import Role
from zbweb.db import db, unit_of_work
from zbweb.errors import Conflict, Invalid, NotFound
from zbweb.sync import connection as connections
from zbweb.sync import history
from zbweb.sync.core.words import Outcome
from zbweb.sync.repair import conflicts
from zbweb.sync.repair.conflicts import Choice, Side, Typed
from zbweb.sync.setup import mappings
from zbweb.web import access, crm_words, htmx

bp = Blueprint("conflicts", __name__, url_prefix="/settings/integrations/zoho-crm/conflicts")
bp.context_processor(crm_words.navigation)

PAGE = 25
TYPED = "typed"


@dataclass(frozen=True, slots=True)
class _Refused:
    """What was sent for one conflict and why it could not be taken, to be shown again."""

    entry_id: int = 0
    message: str = ""
    errors: Mapping[str, str] | None = None


@bp.get("")
@access.allow(Role.ADMIN)
def index() -> ResponseReturnValue:
    """The conflicts that nobody has decided, the oldest first."""
    return _page(_Refused())


@bp.post("/<int:entry_id>")
@access.allow(Role.ADMIN)
def decide(entry_id: int) -> ResponseReturnValue:
    """Decide one conflict, field by field."""
    try:
        with unit_of_work() as session:
            conflicts.resolve(session, entry_id, _choices(), actor=access.person().actor)
    except Invalid as error:
        return _page(_Refused(entry_id, error.message, error.fields))
    except (NotFound, Conflict) as error:
        flash(error.message, "warning")
    else:
        flash("Decided. The next sync brings both sides into agreement.", "success")
    return htmx.redirect(url_for("conflicts.index"))


@bp.post("/all")
@access.allow(Role.ADMIN)
def decide_all() -> ResponseReturnValue:
    """Decide every field of the selected conflicts for one side."""
    side, ids = _side(), request.form.getlist("ids", type=int)
    try:
        with unit_of_work() as session:
            count = conflicts.resolve_all(session, ids, side, actor=access.person().actor)
    except (Invalid, Conflict) as error:
        flash(f"Nothing was decided. {error.message} Decide that record by itself.", "warning")
    else:
        flash(*_told(count, side))
    return htmx.redirect(url_for("conflicts.index"))


def _told(count: int, side: Side) -> tuple[str, str]:
    if not count:
        return "Nothing was left to decide: somebody else, or a later sync, was quicker.", "warning"
    winner = "Zoho CRM" if side is Side.CRM else "Billing"
    return f"{count} {'conflict was' if count == 1 else 'conflicts were'} decided for {winner}.", "success"


def _side() -> Side:
    if (side := request.form.get("side", "")) not in set(Side):
        raise Invalid("Choose whose values stay: those of Zoho CRM or those of Billing.")
    return Side(side)


def _choices() -> dict[str, Choice]:
    """What the form says of each field; one for which nothing was chosen or typed is not among them."""
    chosen: dict[str, Choice] = {}
    for name, text in request.form.items():
        prefix, _, field = name.partition("-")
        choice = request.form.get(f"choice-{field}", TYPED if text.strip() else "")
        if prefix == TYPED and choice == TYPED:
            chosen[field] = Typed(text.strip())
        elif prefix == "choice" and text in set(Side):
            chosen[field] = Side(text)
    return chosen


def _page(refused: _Refused) -> ResponseReturnValue:
    connection = connections.active_or_refuse(db.session())
    after = request.args.get("after", 0, type=int)
    found = conflicts.open_conflicts(db.session(), connection.id, limit=PAGE + 1, after=after)
    shown = found[:PAGE]
    return htmx.page(
        "conflicts/index.html",
        status=422 if refused.message else 200,
        conflicts=shown,
        following=shown[-1].entry.id if len(found) > PAGE else None,
        total=history.unresolved(db.session(), connection, Outcome.CONFLICT),
        labels=mappings.field_labels(db.session()),
        refused=refused,
    )
