"""A run that is under way: what it works with, and the unit of work of one batch.

`unit()` is where records, entries, counts and checkpoint commit together, and where a worker learns that
the integration was disabled or that another worker has taken its run over.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from zbweb import config
from zbweb.clock import now
from zbweb.crm.port import CrmClient
from zbweb.db import unit_of_work
from zbweb.sync.core.choices import Choices
from zbweb.sync.core.fields import Table
from zbweb.sync.core.mapping import Row
from zbweb.sync.core.words import RunStatus
from zbweb.sync.desk import Desk
from zbweb.sync.errors import CreditsLow
from zbweb.sync.models import Connection, SyncRun
from zbweb.sync.runs import LEASE


class LeaseLost(Exception):
    """Another worker has taken the run over, or has to: the database forgot what this one has committed."""


class Disabled(Exception):
    """The integration was disabled while the run was going on."""


class Yielded(Exception):
    """The run made room for others; a job will go on with it."""


@dataclass(frozen=True, slots=True)
class LiveRun:
    """One run in the hands of one worker. `session` is for reading between units of work."""

    run_id: int
    organisation_id: int
    connection_id: int
    owner: str
    session: Session
    client: CrmClient
    choices: Choices
    mapping: Mapping[Table, Sequence[Row]]
    only: Mapping[str, Any]
    started_at: datetime
    should_yield: Callable[[], bool]
    _committed: dict[str, int] = field(default_factory=dict)

    @contextmanager
    def unit(self) -> Iterator[tuple[SyncRun, Desk]]:
        """One unit of work: the run's row and a desk; the desk's counts are added to the run at the end."""
        with unit_of_work() as session:
            run = self._hold(session)
            desk = self.desk(session)
            yield run, desk
            desk.count_on(run)
            run.lease_until = now() + LEASE
        self._committed["done"] = run.done

    def _hold(self, session: Session) -> SyncRun:
        """The run's row, locked; raises LeaseLost or Disabled when this worker should stop.

        A database that came back without our last commit (a replica took over) knows of less than we have read:
        whoever comes next goes on from what it knows.
        """
        run = session.get_one(SyncRun, self.run_id, with_for_update=True, populate_existing=True)
        forgot = run.done < self._committed.get("done", 0)
        if run.lease_owner != self.owner or run.status != RunStatus.RUNNING or forgot:
            raise LeaseLost
        connection = session.get_one(Connection, self.connection_id, populate_existing=True)
        if not connection.is_live:
            raise Disabled
        connection.credits_remaining = self.client.credits_remaining
        return run

    def desk(self, session: Session) -> Desk:
        """A fresh desk for one batch."""
        return Desk(
            session=session,
            organisation_id=self.organisation_id,
            connection_id=self.connection_id,
            run_id=self.run_id,
            choices=self.choices,
            mapping=self.mapping,
            crm_ahead=self.client.ahead,
        )

    def reading(self, phase: str) -> dict[str, Any]:
        """How far the checkpoint says a phase has read; {} before its first unit of work."""
        run = self.session.get_one(SyncRun, self.run_id, populate_existing=True)
        return dict(run.checkpoint.get("reading", {})) if run.checkpoint.get("phase") == phase else {}

    def spare_credits(self) -> None:
        """Stop while the CRM's allowance still leaves something for people; raises CreditsLow."""
        remaining, reserve = self.client.credits_remaining, config.current().credits_reserve
        if reserve and remaining is not None and remaining <= reserve:
            raise CreditsLow(remaining)

    def make_room(self) -> None:
        """After a batch: let others have the worker when they wait. The run goes on in a job to come."""
        self.spare_credits()
        if not self.should_yield():
            return
        with unit_of_work() as session:
            self._hold(session).lease_until = now()
        raise Yielded
