"""The desk on which a batch of records is worked: who does it, by which choices, and what is to be written down.

Entries, journal lines and counts are gathered here and written in one go (`put_away`), in the same unit
of work as the records themselves.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import Session

from zbweb.billing.journal import put_in_outbox
from zbweb.billing.models import JournalEntry
from zbweb.billing.words import Origin
from zbweb.clock import now
from zbweb.db import insert_rows
from zbweb.sync.core.choices import Choices
from zbweb.sync.core.fields import Table
from zbweb.sync.core.mapping import Issue, Row
from zbweb.sync.core.merge import Rule
from zbweb.sync.core.reasons import Reason
from zbweb.sync.core.words import Direction, Entity, Extent, LinkState, Outcome
from zbweb.sync.models import Link, SyncEntry, SyncRun

CRM_ACTOR = "Zoho CRM"
_COUNTERS = {
    Outcome.ADDED: "added",
    Outcome.UPDATED: "updated",
    Outcome.DELETED: "deleted",
    Outcome.SKIPPED: "skipped",
    Outcome.EXCLUDED: "excluded",
    Outcome.CONFLICT: "conflicts",
    Outcome.FAILED: "failed",
}


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of one record, as the history will tell it."""

    outcome: Outcome
    reason: Reason
    entity: Entity
    crm_module: str = ""
    crm_id: str = ""
    name: str = ""
    entity_id: int | None = None
    direction: Direction = Direction.IN
    words: str = ""
    diff: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    before: Mapping[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Desk:
    """One batch's work. `mapping` holds the compiled rows per table; `asked_for` marks a person's own pick.

    `crm_ahead` is by how much the CRM's clock is ahead of ours; `moment` stands on all that the batch writes.
    """

    session: Session
    organisation_id: int
    connection_id: int
    run_id: int
    choices: Choices
    mapping: Mapping[Table, Sequence[Row]]
    asked_for: bool = False
    crm_ahead: timedelta = timedelta(0)
    moment: datetime = field(default_factory=now)
    fates: list[Fate] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    _journal: list[dict[str, Any]] = field(default_factory=list)
    _owed: dict[Entity, set[int]] = field(default_factory=dict)

    def rule(self, *, crm_is_newer: bool = True) -> Rule:
        """The merge rule of this run's choices."""
        return Rule(self.choices.extent, self.choices.winner, crm_is_newer=crm_is_newer)

    @property
    def two_way(self) -> bool:
        """Whether what is changed here goes to the CRM."""
        return self.choices.extent is Extent.BOTH

    def note(self, fate: Fate) -> None:
        """Write down a record's fate."""
        self.fates.append(fate)
        self.counts[_COUNTERS[fate.outcome]] += 1

    def fail(self, entity: Entity, crm_module: str, crm_id: str, name: str, issue: Issue) -> None:
        """Write down that a record could not be mapped, naming the field."""
        words = f"{issue.field}: {issue.words}"
        self.note(Fate(Outcome.FAILED, issue.reason, entity, crm_module, crm_id, name, words=words))

    def journal(self, entity: Entity, entity_id: int, action: str, changes: Mapping[str, Sequence[Any]]) -> None:
        """Write a journal line in the CRM's name; what comes from the CRM never enters the outbox."""
        self._journal.append(
            {
                "organisation_id": self.organisation_id,
                "at": self.moment,
                "entity": entity,
                "entity_id": entity_id,
                "action": action,
                "origin": Origin.CRM,
                "actor_name": CRM_ACTOR,
                "changes": {name: list(pair) for name, pair in changes.items()},
                "run_id": self.run_id,
            }
        )

    def owe(self, entity: Entity, entity_id: int) -> None:
        """Remember that the CRM has yet to be told of values kept here; on fetch-only it never is."""
        if self.two_way:
            self._owed.setdefault(entity, set()).add(entity_id)

    def count_on(self, run: SyncRun) -> None:
        """Add this desk's fates to the run's counts."""
        for counter, count in self.counts.items():
            setattr(run, counter, (getattr(run, counter) or 0) + count)

    def put_away(self) -> None:
        """Write entries and journal lines, and settle earlier failures of records that are well now."""
        if self._journal:
            insert_rows(self.session, JournalEntry, self._journal)
        self._settle_earlier()
        if self.fates:
            insert_rows(self.session, SyncEntry, [self._row(fate) for fate in self.fates])
        for entity, ids in self._owed.items():
            put_in_outbox(self.session, entity, sorted(ids))
        self._journal, self.fates, self._owed = [], [], {}

    def _row(self, fate: Fate) -> dict[str, Any]:
        return {
            "organisation_id": self.organisation_id,
            "connection_id": self.connection_id,
            "run_id": self.run_id,
            "outcome": fate.outcome,
            "direction": fate.direction,
            "entity": fate.entity,
            "entity_id": fate.entity_id,
            "crm_module": fate.crm_module,
            "crm_id": fate.crm_id,
            "name": fate.name[:255],
            "reason": fate.reason,
            "crm_words": fate.words,
            "diff": {name: list(pair) for name, pair in fate.diff.items()},
            "before": dict(fate.before),
            "resolved_by": "",
            "created_at": self.moment,
        }

    def settled(self, crm_module: str, crm_ids: Sequence[str]) -> None:
        """These CRM records could be read, changed or not: an earlier failure to fetch them is over."""
        noted = {fate.crm_id for fate in self._fetched() if fate.crm_module == crm_module}
        self._resolve_fetched(crm_module, [crm_id for crm_id in crm_ids if crm_id not in noted])

    def told(self, entity: Entity, entity_ids: Collection[int]) -> None:
        """The CRM knows these local records as they are: an earlier failure to push them is over."""
        self._resolve(Direction.OUT, SyncEntry.entity == entity, SyncEntry.entity_id.in_(entity_ids))

    def failing(self, crm_module: str, crm_ids: Collection[str]) -> set[str]:
        """Those of the records whose last fate was a failure."""
        statement = select(SyncEntry.crm_id).where(
            SyncEntry.connection_id == self.connection_id,
            SyncEntry.crm_module == crm_module,
            SyncEntry.crm_id.in_(crm_ids),
            SyncEntry.outcome == Outcome.FAILED,
            SyncEntry.resolved_at.is_(None),
        )
        return set(self.session.scalars(statement)) if crm_ids else set()

    def _settle_earlier(self) -> None:
        """A record has one open failure or conflict per direction at most: today's fate replaces yesterday's."""
        fetched = self._fetched()
        for module in {fate.crm_module for fate in fetched}:
            self._resolve_fetched(module, [fate.crm_id for fate in fetched if fate.crm_module == module])
        pushed = [fate for fate in self.fates if fate.direction is Direction.OUT]
        for entity in {fate.entity for fate in pushed}:
            self.told(entity, [fate.entity_id for fate in pushed if fate.entity == entity and fate.entity_id])

    def _fetched(self) -> list[Fate]:
        return [fate for fate in self.fates if fate.direction is Direction.IN and fate.crm_id]

    def _resolve_fetched(self, crm_module: str, crm_ids: Sequence[str]) -> None:
        if crm_ids:
            self._resolve(Direction.IN, SyncEntry.crm_module == crm_module, SyncEntry.crm_id.in_(crm_ids))

    def _resolve(self, direction: Direction, *which: ColumnElement[bool]) -> None:
        statement = (
            update(SyncEntry)
            .where(
                SyncEntry.connection_id == self.connection_id,
                SyncEntry.direction == direction,
                SyncEntry.outcome.in_((Outcome.FAILED, Outcome.CONFLICT)),
                SyncEntry.resolved_at.is_(None),
                *which,
            )
            .values(resolved_at=self.moment, resolved_by="sync")
            .execution_options(synchronize_session=False)
        )
        self.session.execute(statement)

    def link_row(self, entity: Entity, entity_id: int, crm_module: str, crm_id: str, **more: Any) -> dict[str, Any]:
        """A new link as a row to insert."""
        return {
            "organisation_id": self.organisation_id,
            "connection_id": self.connection_id,
            "state": LinkState.ACTIVE,
            "reason": "",
            "entity": entity,
            "entity_id": entity_id,
            "crm_module": crm_module,
            "crm_id": crm_id,
            "crm_name": "",
            "crm_modified_at": None,
            "snapshot": {},
            "made_by": "crm",
            "direction": Direction.IN,
            "excluded_at": None,
            "seen_run_id": self.run_id,
            "synced_at": self.moment,
            "created_at": self.moment,
        } | more

    def add_links(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Insert links; the database refuses a second active one for either side."""
        if rows:
            insert_rows(self.session, Link, rows)
