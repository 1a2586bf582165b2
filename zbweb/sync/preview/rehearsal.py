"""What the next sync would do, without its being done.

A preview is a rehearsal: the very routine of a sync brings the CRM's records in, in a unit of work that is always
rolled back, and what it wrote into the history is told. So it cannot know other rules than a sync does.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.exc import DataError
from sqlalchemy.orm import Session, aliased

from zbweb.billing.models import Customer, Organisation
from zbweb.clock import now
from zbweb.crm.port import CrmClient, Record
from zbweb.db import db, rehearsal
from zbweb.errors import Invalid
from zbweb.sync import runs
from zbweb.sync.core.words import Direction, Entity, Extent, Outcome, RunStatus, Scope, SyncedModule, Trigger
from zbweb.sync.currency import require_same_currency
from zbweb.sync.errors import AlreadyRunning, SetupIncomplete
from zbweb.sync.live import LiveRun
from zbweb.sync.models import Connection, ModuleSetup, ReviewPair, SyncEntry, SyncRun
from zbweb.sync.preview import sample
from zbweb.sync.preview.sample import Haul
from zbweb.sync.pull import departures, reading, settling, watermarks
from zbweb.sync.push import waiting
from zbweb.sync.push.waiting import Outgoing
from zbweb.sync.setup import mappings, offer, remapping, wizard
from zbweb.sync.setup.remapping import Moved

ROWS_PER_GROUP = 50
_TAKES = {"Accounts": reading.take_accounts, "Contacts": reading.take_contacts}


@dataclass(frozen=True, slots=True)
class Row:
    """One record's fate to be."""

    name: str
    crm_module: str
    entity: str
    customer_id: int | None
    words: str
    diff: Mapping[str, Sequence[Any]]


@dataclass(frozen=True, slots=True)
class Group:
    """Records that would meet the same fate for the same reason, and the first of them."""

    outcome: str
    reason: str
    count: int
    rows: Sequence[Row]


@dataclass(frozen=True, slots=True)
class NearMatch:
    """A customer of ours, and a CRM record that would become another one although it may be the same."""

    customer_id: int
    ours: str
    theirs: str
    why: str


@dataclass(frozen=True, slots=True)
class Preview:
    """What a sync would do. `counts` are those of a run; `added` tells what they would be, by entity.

    `to_push`: how many records here would be sent to the CRM at most; None when nothing is sent. `outgoing` are the
    first of them.
    """

    is_draft: bool
    is_first: bool
    counts: Mapping[str, int]
    added: Mapping[str, int]
    groups: Sequence[Group]
    near: Sequence[NearMatch]
    hauls: Sequence[Haul]
    to_push: int | None
    outgoing: Sequence[Outgoing]

    @property
    def is_whole(self) -> bool:
        """Whether every record that the sync would read was looked at."""
        return all(haul.is_whole for haul in self.hauls)


def preview(connection: Connection, client: CrmClient, *, of_draft: bool) -> Preview:
    """Rehearse the next sync by the saved setup, or by what the wizard was told so far.

    Call it outside of any unit of work. Raises NotConnected, AlreadyRunning, SetupIncomplete, Invalid (the wizard's
    choices cannot be saved) and CrmError.
    """
    session = db.session()
    _ensure_idle(session, connection)
    saved = runs.setup_of(session, connection.id, SyncedModule.CUSTOMERS)
    if not of_draft and (saved is None or not saved.is_saved):
        raise SetupIncomplete
    chosen = _drafted(session, saved, client) if of_draft or saved is None else saved
    live = _live(session, connection, chosen, client)
    hauls = _hauls(live, chosen)
    moved = remapping.moved(saved.mappings if saved is not None else {}, chosen.mappings)
    findings = _rehearse(live, hauls, pushed_at=chosen.pushed_at, moved=moved)
    return replace(findings, is_draft=of_draft, is_first=runs.last_run(session, connection) is None)


def _ensure_idle(session: Session, connection: Connection) -> None:
    if runs.is_running(session, connection.id):
        raise AlreadyRunning(
            "A sync is going on. Its history shows what it does; preview the next one when it has ended."
        )


def _drafted(session: Session, saved: ModuleSetup | None, client: CrmClient) -> ModuleSetup:
    draft = wizard.draft_of(saved)
    sight = offer.look(client, offer.crm_modules(draft.tables))
    found = wizard.faults(draft, sight, {table: wizard.billing_fields(session, table) for table in draft.tables})
    if found:
        raise Invalid(found[0].message)
    return wizard.as_if_saved(saved, sight)


def _live(session: Session, connection: Connection, chosen: ModuleSetup, client: CrmClient) -> LiveRun:
    """What a run by these choices would work with; it has no row yet."""
    organisation = session.get_one(Organisation, connection.organisation_id)
    require_same_currency(organisation.base_currency, client.organisation())
    choices = runs.choices_of(chosen)
    if not mappings.is_described(choices):
        choices = replace(choices, mappings=mappings.complete(choices, client))
    return LiveRun(
        run_id=0,
        organisation_id=connection.organisation_id,
        connection_id=connection.id,
        owner="",
        session=session,
        client=client,
        choices=choices,
        mapping=mappings.compiled(session, choices),
        only={},
        started_at=now(),
        should_yield=lambda: False,
    )


# --- what the CRM is asked --------------------------------------------------------------------------


def _hauls(live: LiveRun, chosen: ModuleSetup) -> list[Haul]:
    """Everything that the sync would read, in its order; what failed before comes last."""
    marks = {module: datetime.fromisoformat(text) for module, text in chosen.watermarks.items()}
    scope, hauls = live.choices.scope, []
    if live.choices.reads("Accounts"):
        hauls.append(sample.read(live, "Accounts", marks.get("Accounts")))
    mark = marks.get("Contacts")
    if (
        scope is Scope.ACCOUNTS_AND_CONTACTS
        and mark is not None
        and (fresh := _new_accounts(live, hauls, watermarks.newcomers_since(chosen, live.started_at)))
    ):
        if live.choices.view_of("Contacts").shows_all:
            hauls.append(sample.newcomers(live, fresh))
        else:
            mark = None  # as in a sync: the view is read as a whole
    if live.choices.reads("Contacts"):
        hauls.append(sample.read(live, "Contacts", mark))
    return hauls


def _new_accounts(live: LiveRun, hauls: Sequence[Haul], since: datetime) -> list[str]:
    """The accounts that would be linked: they bring contacts along."""
    with rehearsal() as session:
        stage = _stage(live, session)
        for haul in hauls:
            _play(stage, haul)
        return watermarks.new_accounts(session, live.connection_id, since)


# --- the rehearsal ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Stage:
    """A run that will never have been, and what its batches counted."""

    live: LiveRun
    counts: Counter[str]


def _stage(live: LiveRun, session: Session) -> _Stage:
    run = SyncRun(
        organisation_id=live.organisation_id, connection_id=live.connection_id, trigger=Trigger.FIRST,
        status=RunStatus.RUNNING, started_at=live.started_at,
    )  # fmt: skip
    session.add(run)
    session.flush()  # entries name the run
    return _Stage(replace(live, run_id=run.id, session=session), Counter())


def _rehearse(live: LiveRun, hauls: Sequence[Haul], *, pushed_at: datetime | None, moved: Moved) -> Preview:
    failed = reading.failed_before(live.session, live.connection_id, run_id=_latest(live.session) + 1)
    again = [sample.failed(live, module, ids) for module, ids in failed.items() if _is_read(live, module)]
    with rehearsal() as session:
        stage = _stage(live, session)
        remapping.forget(session, live.connection_id, moved)
        known = session.scalar(select(func.max(ReviewPair.id))) or 0
        for haul in hauls:
            _play(stage, haul)
        again = [_still_failed(stage, haul) for haul in again]
        for haul in again:
            _play(stage, haul)
        findings = _findings(stage, known_pairs=known, pushed_at=pushed_at)
    return replace(findings, hauls=[*hauls, *(haul for haul in again if haul.count)])


def _still_failed(stage: _Stage, haul: Haul) -> Haul:
    """Those that are not well after all that was read before; the others are not tried twice."""
    still = reading.failed_before(stage.live.session, stage.live.connection_id, stage.live.run_id)
    ids = set(still.get(haul.module, ()))
    return replace(haul, batches=[[each for each in batch if str(each["id"]) in ids] for batch in haul.batches])


def _latest(session: Session) -> int:
    return session.scalar(select(func.max(SyncRun.id))) or 0


def _is_read(live: LiveRun, module: str) -> bool:
    return live.choices.reads(module)


def _play(stage: _Stage, haul: Haul) -> None:
    for batch in haul.batches:
        _take(stage, haul.module, batch)
    desk = stage.live.desk(stage.live.session)
    departures.exclude(desk, haul.module, haul.left)
    departures.let_go(desk, haul.module, haul.gone)
    stage.counts.update(desk.counts)


def _take(stage: _Stage, module: str, records: Sequence[Record]) -> None:
    """One batch; a record that the database refuses is told from the others, as in a sync."""
    desk = stage.live.desk(stage.live.session)
    try:
        with stage.live.session.begin_nested():
            _TAKES[module](desk, records)
    except DataError as error:
        if len(records) > 1:
            for record in records:
                _take(stage, module, [record])
            return
        desk = stage.live.desk(stage.live.session)
        desk.note(settling.unfit(module, records[0], str(error.orig)))
        desk.put_away()
    stage.counts.update(desk.counts)


# --- what came of it --------------------------------------------------------------------------------


def _findings(stage: _Stage, *, known_pairs: int, pushed_at: datetime | None) -> Preview:
    live = stage.live
    groups, added = _groups(live)
    is_sent = live.choices.extent is Extent.BOTH
    if is_sent and pushed_at is None:
        waiting.enrol_all(live.session, live.connection_id)
    return Preview(
        is_draft=False,
        is_first=False,
        counts=dict(stage.counts),
        added=added,
        groups=groups,
        near=_near(live, known_pairs),
        hauls=(),
        to_push=waiting.count(live.session) if is_sent else None,
        outgoing=waiting.first(live.session, live.connection_id, ROWS_PER_GROUP) if is_sent else (),
    )


def _groups(live: LiveRun) -> tuple[list[Group], dict[str, int]]:
    statement = select(SyncEntry).where(SyncEntry.run_id == live.run_id, SyncEntry.direction == Direction.IN)
    counts: Counter[tuple[str, str]] = Counter()
    added: Counter[str] = Counter()
    rows: dict[tuple[str, str], list[Row]] = {}
    for entry in live.session.scalars(statement.order_by(SyncEntry.id)):
        fate = (entry.outcome, entry.reason)
        counts[fate] += 1
        added[entry.entity] += entry.outcome == Outcome.ADDED
        if counts[fate] <= ROWS_PER_GROUP:
            rows.setdefault(fate, []).append(_row(entry))
    order = list(Outcome)
    groups = [Group(outcome, reason, count, rows[outcome, reason]) for (outcome, reason), count in counts.items()]
    return sorted(groups, key=lambda group: (-order.index(Outcome(group.outcome)), -group.count)), dict(added)


def _row(entry: SyncEntry) -> Row:
    """An entry as a row; a customer that would only be made has no page to open."""
    is_here = entry.entity == Entity.CUSTOMER and entry.outcome != Outcome.ADDED
    customer_id = entry.entity_id if is_here else None
    return Row(entry.name, entry.crm_module, entry.entity, customer_id, entry.crm_words, dict(entry.diff))


def _near(live: LiveRun, known_pairs: int) -> list[NearMatch]:
    ours, theirs = aliased(Customer), aliased(Customer)
    statement = (
        select(ours.id, ours.display_name, theirs.display_name, ReviewPair.why)
        .join(ours, ours.id == ReviewPair.customer_id)
        .join(theirs, theirs.id == ReviewPair.other_id)
        .where(ReviewPair.id > known_pairs)
        .order_by(ReviewPair.id)
    )
    return [NearMatch(*row) for row in live.session.execute(statement)]
