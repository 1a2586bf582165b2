"""What all parts of a push share: the run, whose records they will be, and how one failure is written down."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from zbweb.sync import runs
from zbweb.sync.core.fields import ALWAYS_READ, Table
from zbweb.sync.core.mapping import Issue, Row, crm_names
from zbweb.sync.core.reasons import Reason
from zbweb.sync.core.words import Direction, Outcome, SyncedModule, Trigger
from zbweb.sync.desk import Desk, Fate
from zbweb.sync.holdings import KINDS
from zbweb.sync.live import LiveRun
from zbweb.sync.models import Connection, SyncRun
from zbweb.sync.push import our_id, waiting
from zbweb.sync.push.waiting import Waiting
from zbweb.sync.setup import mappings


@dataclass(frozen=True, slots=True)
class Push:
    """One run's push. `live` maps every table here, whatever the setup fetches.

    `owner_id` is the connected user, who will own what we make; `trigger` lets the CRM's workflows run;
    `chosen` says that just these records are to be pushed; `asked_for`, that a person wants it, no document.
    """

    live: LiveRun
    owner_id: str
    trigger: bool
    chosen: bool
    asked_for: bool
    _id_fields: dict[str, str | None] = field(default_factory=dict)

    def id_field(self, table: Table) -> str | None:
        """The CRM field for our customer's id; asked, and made if need be, once a run."""
        if table is Table.PERSON:
            return None
        module = table.crm_module
        if module not in self._id_fields:
            self._id_fields[module] = our_id.field_in(self.live.client, module)
        return self._id_fields[module]

    def rows(self, table: Table) -> Sequence[Row]:
        """The mapping of a table."""
        return self.live.mapping[table]

    def fields(self, table: Table) -> list[str]:
        """The CRM fields to read of records that a push found there."""
        return crm_names(self.rows(table), [*ALWAYS_READ[table], "Created_Time"])


def begin(live: LiveRun) -> Push:
    """Make a run ready to push. The first push keeps the CRM's workflows still, whatever the setup says."""
    connection = live.session.get_one(Connection, live.connection_id)
    run = live.session.get_one(SyncRun, live.run_id)
    setup = runs.setup_of(live.session, live.connection_id, SyncedModule.CUSTOMERS)
    has_pushed = setup is not None and setup.pushed_at is not None
    return Push(
        live=replace(live, mapping=mappings.for_push(live.session, live.choices, live.client)),
        owner_id=connection.crm_user_id,
        trigger=live.choices.fire_triggers and has_pushed,
        chosen=bool(live.only),
        asked_for=bool(live.only) and run.trigger != Trigger.TRANSACTION,
    )


@dataclass(frozen=True, slots=True)
class Told:
    """A fate of the push, before it is known whether the CRM has an id for the record."""

    table: Table
    entity_id: int
    name: str
    crm_id: str = ""

    def fate(self, outcome: Outcome, reason: Reason, **more: object) -> Fate:
        """As the history keeps it."""
        return Fate(
            outcome, reason, KINDS[self.table].entity, self.table.crm_module, self.crm_id, self.name, self.entity_id,
            Direction.OUT, **more,  # type: ignore[arg-type]
        )  # fmt: skip


def fail(desk: Desk, each: Waiting, told: Told, reason: Reason, *, code: str, words: str) -> None:
    """Write a failure down; the record goes on waiting, so that the next run tries again."""
    desk.note(told.fate(Outcome.FAILED, reason, words=words))
    waiting.refused(desk.session, each, code=code, words=words)


def fail_issue(desk: Desk, each: Waiting, told: Told, issue: Issue) -> None:
    """The same for a value that cannot cross, naming the field."""
    fail(desk, each, told, issue.reason, code=issue.reason, words=f"{issue.field}: {issue.words}")


def nothing_to_tell(desk: Desk, table: Table, idle: Sequence[Waiting]) -> None:
    """These need no push: they leave the outbox without a word."""
    waiting.delivered(desk.session, idle)
    desk.told(KINDS[table].entity, [each.entity_id for each in idle])
