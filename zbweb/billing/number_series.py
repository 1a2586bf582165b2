"""How documents are numbered: prefix, next number and width of each series. `numbering` takes the numbers."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from zbweb.billing import journal, numbering
from zbweb.billing.changes import apply, differences
from zbweb.billing.journal import Actor
from zbweb.billing.models import NumberSeries
from zbweb.billing.words import Kind
from zbweb.db import organisation_of
from zbweb.errors import Invalid, NotFound

ENTITY = "number_series"
LABELS = {**{kind.value: kind.plural for kind in Kind}, numbering.PAYMENTS: "Payments"}
_MAX_PADDING = 12


@dataclass(frozen=True, slots=True)
class SeriesDraft:
    """A number series as typed; `padding` is the number of digits, filled up with zeros."""

    prefix: str
    next_number: int
    padding: int


def all_series(session: Session) -> list[NumberSeries]:
    """The series in the order of the menu; one that no document has begun yet is shown as it would begin."""
    found = {series.kind: series for series in session.scalars(select(NumberSeries))}
    return [found.get(kind) or _unbegun(session, kind) for kind in LABELS]


def locked(session: Session, kind: str) -> NumberSeries:
    """The series of a kind of document, locked, begun if need be; raises NotFound for an unknown kind."""
    if kind not in numbering.PREFIXES:
        raise NotFound("There is no such number series.")
    statement = select(NumberSeries).where(NumberSeries.kind == kind).with_for_update()
    series = session.scalar(statement.execution_options(populate_existing=True))
    if series is None:
        series = _unbegun(session, kind)
        session.add(series)
        session.flush()  # two admins who begin it at once meet here
    return series


def example(series: NumberSeries | SeriesDraft) -> str:
    """What the next number will look like."""
    return f"{series.prefix}{series.next_number:0{series.padding}d}"


def edit(session: Session, series: NumberSeries, draft: SeriesDraft, *, actor: Actor) -> None:
    """Change a series; raises Invalid by field. The next number must be free, so that no two documents share one."""
    _check(session, series, draft)
    values = {"prefix": draft.prefix.strip(), "next_number": draft.next_number, "padding": draft.padding}
    changes = differences(series, values)
    if changes:
        apply(series, changes)
        journal.record(session, ENTITY, series.id, action="updated", actor=actor, changes=changes)


def _check(session: Session, series: NumberSeries, draft: SeriesDraft) -> None:
    wrong = {}
    if len(draft.prefix.strip()) > 32:
        wrong["prefix"] = "Use at most 32 characters."
    if not 1 <= draft.next_number <= numbering.LARGEST:
        wrong["next_number"] = f"Enter a whole number from 1 to {numbering.LARGEST}."
    if not 1 <= draft.padding <= _MAX_PADDING:
        wrong["padding"] = f"Choose from 1 to {_MAX_PADDING} digits."
    if not wrong and numbering.is_used(session, series.kind, example(draft)):
        wrong["next_number"] = f"{example(draft)} is taken already. Enter a higher number."
    if wrong:
        raise Invalid(" ".join(wrong.values()), wrong)


def _unbegun(session: Session, kind: str) -> NumberSeries:
    return NumberSeries(
        organisation_id=organisation_of(session), kind=str(kind), prefix=numbering.PREFIXES[kind],
        next_number=1, padding=6,
    )  # fmt: skip
