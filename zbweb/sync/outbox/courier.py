"""Who carries a batch to the CRM: the claim in hand, the client, and the units of work in which fates are written.

The history shows a batch as one run per kind of document, made when there is something to tell and whole at each
commit, so that a courier who dies leaves no run behind that seems to go on.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.orm import Session

from zbweb.billing.words import Kind
from zbweb.clock import now
from zbweb.crm.errors import CrmError
from zbweb.crm.port import CrmClient
from zbweb.db import unit_of_work
from zbweb.sync import runs
from zbweb.sync.core.choices import Choices
from zbweb.sync.core.document_words import CRM_MODULES
from zbweb.sync.core.documents import Paper, Shape
from zbweb.sync.core.reasons import Reason
from zbweb.sync.core.words import Direction, Entity, Outcome, RunStatus, Trigger
from zbweb.sync.desk import Desk, Fate
from zbweb.sync.live import Disabled
from zbweb.sync.models import Connection, SyncRun
from zbweb.sync.outbox import claims
from zbweb.sync.outbox.claims import Claim, Claimed

_ACTOR = "Billing"


@dataclass(frozen=True, slots=True)
class SentModule:
    """A module that is sent, by its saved choices; `shape` is empty until the CRM has been asked about its fields."""

    kind: Kind
    setup_id: int
    choices: Choices
    shape: Shape


@dataclass(slots=True)
class Courier:
    """One claimed batch on its way."""

    organisation_id: int
    connection_id: int
    client: CrmClient
    claim: Claim
    modules: dict[Kind, SentModule]
    _run_ids: dict[Kind, int] = field(default_factory=dict)

    @contextmanager
    def plain_unit(self) -> Iterator[Session]:
        """One unit of work. Raises ClaimLost or Disabled when this courier should stop."""
        before = self.claim.until, dict(self.claim.rows)
        try:
            with unit_of_work() as session:
                self._hold(session)
                yield session
        except BaseException:
            self.claim.until, self.claim.rows = before
            raise

    def _hold(self, session: Session) -> None:
        connection = session.get_one(Connection, self.connection_id, populate_existing=True)
        if not connection.is_live:
            raise Disabled
        claims.keep(session, self.claim)

    def renew(self) -> None:
        """Make the lease last for a call to come. Raises ClaimLost or Disabled when this courier should stop."""
        with self.plain_unit():
            pass

    @contextmanager
    def unit(self, kind: Kind) -> Iterator[Desk]:
        """The same with a desk: the fates noted on it go into the history of `kind`."""
        run_id = None
        with self.plain_unit() as session:
            desk = Desk(
                session=session,
                organisation_id=self.organisation_id,
                connection_id=self.connection_id,
                run_id=self._run_ids.get(kind, 0),
                choices=self.modules[kind].choices,
                mapping={},
            )
            yield desk
            if desk.fates:
                run_id = self._tell(session, kind, desk)
        if run_id is not None:
            self._run_ids[kind] = run_id

    def _tell(self, session: Session, kind: Kind, desk: Desk) -> int:
        run = self._run(session, kind)
        desk.count_on(run)
        run.done += len(desk.fates)
        run.status, run.finished_at = runs.verdict(run), now()
        desk.run_id = run.id
        desk.put_away()
        return run.id

    def _run(self, session: Session, kind: Kind) -> SyncRun:
        if kind in self._run_ids:
            return session.get_one(SyncRun, self._run_ids[kind])
        moment = now()
        run = SyncRun(
            organisation_id=self.organisation_id, connection_id=self.connection_id, module=kind.value,
            trigger=Trigger.TRANSACTION, status=RunStatus.SUCCEEDED, actor_name=_ACTOR,
            started_at=moment, finished_at=moment, done=0, added=0, updated=0, deleted=0, skipped=0, excluded=0,
            conflicts=0, failed=0,
        )  # fmt: skip
        session.add(run)
        session.flush()  # the entries need its id
        return run

    def rows_of(self, entity: str) -> list[Claimed]:
        """The rows of an entity that are still in hand."""
        return [row for row in self.claim.rows.values() if row.entity == entity]

    def done(self, desk: Desk, row: Claimed) -> None:
        """The CRM knows this record as it was read; earlier failures to tell it are over."""
        claims.delivered(desk.session, self.claim, [row])
        desk.told(Entity.TRANSACTION, [row.entity_id])

    def put_off(self, rows: Iterable[Claimed], error: CrmError) -> None:
        """Try these again later: the CRM could not be asked about them."""
        with self.plain_unit() as session:
            for row in rows:
                claims.refused(session, self.claim, row, code=error.word, words=error.message, hint=error.retry_after)

    def refuse(self, desk: Desk, row: Claimed, paper: Paper, refusal: "Setback") -> None:
        """Put a document off; the history tells of it once, however often it is tried."""
        if row.told != refusal.code[:64]:
            outcome = Outcome.SKIPPED if refusal.is_skip else Outcome.FAILED
            desk.note(fate_of(paper, outcome, refusal.reason, words="" if refusal.is_skip else refusal.words))
        claims.refused(desk.session, self.claim, row, code=refusal.code, words=refusal.words, hint=refusal.hint)


@dataclass(frozen=True, slots=True)
class Setback:
    """Why a document could not be delivered now. `hint`: seconds to wait at least; `is_skip`: nothing went wrong."""

    reason: Reason
    code: str
    words: str
    hint: float | None = None
    is_skip: bool = False

    @property
    def is_gone(self) -> bool:
        """Whether the CRM seems not to have the record any more."""
        return self.reason is Reason.GONE_IN_CRM

    @classmethod
    def of(cls, error: CrmError) -> "Setback":
        """From a call that brought no result."""
        reason = Reason.CRM_REFUSED if _is_final(error) else Reason.CRM_AWAY
        return cls(reason, error.word, error.message, error.retry_after)


def _is_final(error: CrmError) -> bool:
    """Whether the CRM has said no, rather than nothing."""
    return error.status in (409, 422)


def fate_of(paper: Paper, outcome: Outcome, reason: Reason, *, crm_id: str = "", **more: Any) -> Fate:
    """A document's fate on its way out, as the history keeps it; `more` are words or a diff."""
    module = CRM_MODULES[paper.kind]
    return Fate(outcome, reason, Entity.TRANSACTION, module, crm_id, paper.name, paper.id, Direction.OUT, **more)
