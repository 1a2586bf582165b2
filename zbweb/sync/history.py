"""What the sync did, ready to be shown: runs, entries, failures by reason. Reads only."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from zbweb.errors import NotFound
from zbweb.sync import runs
from zbweb.sync.core.reasons import SENTENCES
from zbweb.sync.core.words import Outcome, RunStatus, SyncedModule
from zbweb.sync.models import Connection, ModuleSetup, SyncEntry, SyncRun
from zbweb.sync.repair import review

RUNS_PER_PAGE = 25
ENTRIES_PER_PAGE = 50
_CSV_BATCH = 500
_UNRESOLVED = (SyncEntry.outcome == Outcome.FAILED, SyncEntry.resolved_at.is_(None))
_SENTENCES = {str(reason): words for reason, words in SENTENCES.items()}


@dataclass(frozen=True, slots=True)
class Overview:
    """How a connection stands: the run under way, the last one that ended, the setups, and what waits for a person."""

    open_run: SyncRun | None
    last_run: SyncRun | None
    setups: Mapping[str, ModuleSetup]
    failures: int
    conflicts: int
    reviews: int

    @property
    def customers(self) -> ModuleSetup | None:
        """The customers' setup once it has been saved."""
        setup = self.setups.get(SyncedModule.CUSTOMERS)
        return setup if setup and setup.is_saved else None

    @property
    def remaining(self) -> int | None:
        """How many records the running run has yet to see, when that is known."""
        return runs.remaining(self.open_run) if self.is_running and self.open_run else None

    @property
    def is_running(self) -> bool:
        """Whether a worker is at it."""
        return self.open_run is not None and self.open_run.status == RunStatus.RUNNING


@dataclass(frozen=True, slots=True)
class RunFilter:
    """Which runs to list; empty means every one. `before` is the id that the page starts below."""

    status: str = ""
    trigger: str = ""
    module: str = ""
    before: int | None = None


@dataclass(frozen=True, slots=True)
class EntryFilter:
    """Which entries of a run to list; empty means every one. `after` is the id that the page starts above."""

    outcome: str = ""
    direction: str = ""
    reason: str = ""
    after: int = 0


@dataclass(frozen=True, slots=True)
class ReasonGroup:
    """Entries of one run that met the same fate for the same reason; `unresolved` counts failures to be mended."""

    outcome: str
    reason: str
    sentence: str
    count: int
    unresolved: int


def overview(session: Session, connection: Connection) -> Overview:
    """Everything the details page says about a connection, in six queries."""
    setups = session.scalars(select(ModuleSetup).where(ModuleSetup.connection_id == connection.id))
    return Overview(
        open_run=_open_run(session, connection),
        last_run=runs.last_run(session, connection),
        setups={setup.module: setup for setup in setups},
        failures=unresolved(session, connection, Outcome.FAILED),
        conflicts=unresolved(session, connection, Outcome.CONFLICT),
        reviews=review.count_open(session, connection.id),
    )


def _open_run(session: Session, connection: Connection) -> SyncRun | None:
    """The run under way in any module, else the one that waits."""
    statement = select(SyncRun).where(
        SyncRun.connection_id == connection.id, SyncRun.status.in_((RunStatus.QUEUED, RunStatus.RUNNING))
    )
    return session.scalars(statement.order_by(SyncRun.status.desc(), SyncRun.id).limit(1)).first()


def unresolved(session: Session, connection: Connection, outcome: Outcome) -> int:
    """How many failures (or conflicts) wait for a person."""
    statement = select(func.count(SyncEntry.id)).where(
        SyncEntry.connection_id == connection.id, SyncEntry.outcome == outcome, SyncEntry.resolved_at.is_(None)
    )
    return session.scalars(statement).one()


def list_runs(session: Session, wanted: RunFilter, *, limit: int = RUNS_PER_PAGE) -> tuple[Sequence[SyncRun], bool]:
    """A page of runs, newest first, and whether older ones follow."""
    statement = select(SyncRun)
    for column, value in (
        (SyncRun.status, wanted.status),
        (SyncRun.trigger, wanted.trigger),
        (SyncRun.module, wanted.module),
    ):
        if value:
            statement = statement.where(column == value)
    if wanted.before is not None:
        statement = statement.where(SyncRun.id < wanted.before)
    found = session.scalars(statement.order_by(SyncRun.id.desc()).limit(limit + 1)).all()
    return found[:limit], len(found) > limit


def run_or_404(session: Session, run_id: int) -> SyncRun:
    """One run; raises NotFound."""
    run = session.scalar(select(SyncRun).where(SyncRun.id == run_id))
    if run is None:
        raise NotFound("There is no such sync. Its history may belong to another organisation.")
    return run


def list_entries(
    session: Session, run: SyncRun, wanted: EntryFilter, *, limit: int = ENTRIES_PER_PAGE
) -> tuple[Sequence[SyncEntry], bool]:
    """A page of a run's entries in the order they were made, and whether more follow."""
    statement = select(SyncEntry).where(*_matching(run, wanted), SyncEntry.id > wanted.after)
    found = session.scalars(statement.order_by(SyncEntry.id).limit(limit + 1)).all()
    return found[:limit], len(found) > limit


def _matching(run: SyncRun, wanted: EntryFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = [SyncEntry.run_id == run.id]
    if wanted.outcome:
        conditions.append(SyncEntry.outcome == wanted.outcome)
    if wanted.direction:
        conditions.append(SyncEntry.direction == wanted.direction)
    if wanted.reason:
        conditions.append(SyncEntry.reason == wanted.reason)
    return conditions


def directions(session: Session, run: SyncRun) -> dict[str, int]:
    """How many entries went each way."""
    statement = select(SyncEntry.direction, func.count(SyncEntry.id).label("entries")).where(SyncEntry.run_id == run.id)
    rows = session.execute(statement.group_by(SyncEntry.direction))
    return {row.direction: row.entries for row in rows}


def reasons(session: Session, run: SyncRun) -> list[ReasonGroup]:
    """The run's entries grouped by outcome and reason, those that need a person first."""
    waiting = func.count(SyncEntry.id).filter(SyncEntry.resolved_at.is_(None))
    statement = (
        select(SyncEntry.outcome, SyncEntry.reason, func.count(SyncEntry.id), waiting)
        .where(SyncEntry.run_id == run.id)
        .group_by(SyncEntry.outcome, SyncEntry.reason)
    )
    groups = [
        ReasonGroup(outcome, reason, sentence(reason), count, open_ if outcome == Outcome.FAILED else 0)
        for outcome, reason, count, open_ in session.execute(statement)
    ]
    return sorted(groups, key=lambda group: (-group.unresolved, group.outcome, -group.count))


def sentence(reason: str) -> str:
    """What people read for a reason; a code that is no longer known stands for itself."""
    return _SENTENCES.get(reason, reason.replace("_", " ").capitalize())


def unresolved_ids(
    session: Session, within: SyncRun | Connection, *, reason: str = "", entry_id: int | None = None
) -> list[int]:
    """The failures of a run, or of all runs, that nobody has mended or dismissed: one of them, or all of a reason."""
    chosen = SyncEntry.id == entry_id if entry_id is not None else SyncEntry.reason == reason
    place = SyncEntry.run_id if isinstance(within, SyncRun) else SyncEntry.connection_id
    return list(session.scalars(select(SyncEntry.id).where(place == within.id, chosen, *_UNRESOLVED)))


def list_unresolved(
    session: Session, connection: Connection, *, after: int = 0, limit: int = ENTRIES_PER_PAGE
) -> tuple[Sequence[SyncEntry], bool]:
    """A page of the failures that wait for somebody, whichever run they happened in, and whether more follow."""
    statement = select(SyncEntry).where(SyncEntry.connection_id == connection.id, SyncEntry.id > after, *_UNRESOLVED)
    found = session.scalars(statement.order_by(SyncEntry.id).limit(limit + 1)).all()
    return found[:limit], len(found) > limit


def unresolved_by_reason(session: Session, connection: Connection) -> list[ReasonGroup]:
    """The same, counted by reason."""
    count = func.count(SyncEntry.id)
    statement = (
        select(SyncEntry.reason, count)
        .where(SyncEntry.connection_id == connection.id, *_UNRESOLVED)
        .group_by(SyncEntry.reason)
        .order_by(count.desc())
    )
    return [
        ReasonGroup(Outcome.FAILED, reason, sentence(reason), number, number)
        for reason, number in session.execute(statement)
    ]


CSV_COLUMNS = (
    "Outcome", "Direction", "Record", "Name", "CRM module", "CRM id", "Reason", "Explanation", "Details", "Changes",
)  # fmt: skip


def csv_rows(
    session: Session, run: SyncRun, wanted: EntryFilter, labels: Mapping[str, str]
) -> Iterator[tuple[str, ...]]:
    """A run's entries for a spreadsheet, header first, fields by their labels; in batches so that memory stays flat."""
    yield CSV_COLUMNS
    statement = select(SyncEntry).where(*_matching(run, wanted)).order_by(SyncEntry.id)
    for entry in session.scalars(statement.execution_options(yield_per=_CSV_BATCH)):
        yield _csv_row(entry, labels)


def _csv_row(entry: SyncEntry, labels: Mapping[str, str]) -> tuple[str, ...]:
    changes = "; ".join(f"{labels.get(name, name)}: {_change(entry, name)}" for name in entry.diff)
    return (
        entry.outcome,
        "from CRM" if entry.direction == "in" else "to CRM",
        f"{entry.entity} {entry.entity_id}" if entry.entity_id else entry.entity,
        entry.name,
        entry.crm_module,
        entry.crm_id,
        entry.reason,
        sentence(entry.reason),
        entry.crm_words,
        changes,
    )


def _change(entry: SyncEntry, name: str) -> str:
    """Old and new; of a conflict both sides' values, and what stays where somebody has decided."""
    first, second = (_text(value) for value in entry.diff[name])
    if entry.outcome != Outcome.CONFLICT:
        return f"{first} → {second}"
    stays = entry.before.get("stays", {})
    decided = f", {_text(stays[name])} stays" if name in stays else ""
    return f"{first} here, {second} in Zoho CRM{decided}"


def _text(value: object) -> str:
    return "" if value is None else str(value)
