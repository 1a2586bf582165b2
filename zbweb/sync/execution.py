"""A whole run, from the claim to its end: its phases in order, each batch a unit of work.

Records, links, entries, counts and the checkpoint of a batch commit together. A worker that dies at any
point leaves whole batches behind; the next one goes on from the checkpoint, and what it reads twice it
finds linked.
"""

from collections.abc import Callable
from dataclasses import dataclass

import structlog
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.orm import Session

from zbweb.billing.models import Organisation
from zbweb.crm.errors import CrmError, Unauthorised
from zbweb.crm.port import CrmClient
from zbweb.db import db, unit_of_work, work_for
from zbweb.sync import clients, phases, runs
from zbweb.sync.core.choices import Choices
from zbweb.sync.core.words import RunStatus
from zbweb.sync.currency import require_same_currency
from zbweb.sync.errors import SyncError
from zbweb.sync.lease import heartbeat
from zbweb.sync.live import Disabled, LeaseLost, LiveRun, Yielded
from zbweb.sync.models import Connection, SyncRun
from zbweb.sync.setup import mappings, remapping

log = structlog.get_logger()

_UNEXPECTED = "Something unforeseen went wrong here. The next sync tries again; the log says more."


def _never() -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Shift:
    """Who works, how a client is had, and when to make room for other work that waits."""

    owner: str
    open_client: Callable[[Connection], CrmClient] = clients.client_for
    should_yield: Callable[[], bool] = _never


def execute(run_id: int, shift: Shift) -> bool:
    """Do a run, or as much of it as the shift allows; False when a further job has to go on with it."""
    with unit_of_work() as session:
        work_for(session, None)
        run = runs.claim(session, run_id, shift.owner)
        if run is None:
            return True
        work_for(session, run.organisation_id)
    with heartbeat(run_id, shift.owner):
        return _carry_out(run_id, shift)


def _carry_out(run_id: int, shift: Shift) -> bool:
    try:
        phases.work(_prepare(run_id, shift))
    except Yielded:
        return False
    except LeaseLost:
        log.warning("lease_lost", run_id=run_id)
    except Disabled:
        _end(
            run_id,
            shift.owner,
            RunStatus.CANCELLED,
            "disabled",
            "The integration was disabled while the run was going on.",
        )
    except (CrmError, SyncError) as error:
        _fail(run_id, shift.owner, error)
    except (OperationalError, InterfaceError):
        raise  # the database is away or full: the lease runs out, and the run goes on when it is back
    except Exception:
        _end(run_id, shift.owner, RunStatus.FAILED, "unexpected", _UNEXPECTED)
        raise
    else:
        _end(run_id, shift.owner)
    return True


def _prepare(run_id: int, shift: Shift) -> LiveRun:
    """Gather what the whole run needs, and check that the two books still count in one currency."""
    run = db.session.get_one(SyncRun, run_id)
    connection = db.session.get_one(Connection, run.connection_id)
    client = shift.open_client(connection)
    organisation = db.session.get_one(Organisation, run.organisation_id)
    require_same_currency(organisation.base_currency, client.organisation())
    choices = Choices.from_json(run.setup)
    if not mappings.is_described(choices):
        choices = _describe(run_id, choices, client)
    assert run.started_at is not None, "a claimed run has started"
    return LiveRun(
        run_id=run_id,
        organisation_id=run.organisation_id,
        connection_id=connection.id,
        owner=shift.owner,
        session=db.session(),
        client=client,
        choices=choices,
        mapping=mappings.compiled(db.session(), choices),
        only=run.only,
        started_at=run.started_at,
        should_yield=shift.should_yield,
    )


def _describe(run_id: int, choices: Choices, client: CrmClient) -> Choices:
    """Ask the CRM what the mapped fields are, and keep that with the run and the setup for the runs to come."""
    rows = mappings.complete(choices, client)
    with unit_of_work() as session:
        run = session.get_one(SyncRun, run_id)
        run.setup = {**run.setup, "mappings": rows}
        setup = runs.setup_of(session, run.connection_id, run.module, lock=True)
        if setup is not None and setup.version == choices.version:
            setup.mappings = rows
        return Choices.from_json(run.setup)


def _mine(session: Session, run_id: int, owner: str) -> SyncRun | None:
    """The run, locked; None when another worker has taken it over, who will end it."""
    run = session.get_one(SyncRun, run_id, with_for_update=True, populate_existing=True)
    return run if run.status == RunStatus.RUNNING and run.lease_owner == owner else None


def _end(run_id: int, owner: str, status: RunStatus | None = None, code: str = "", message: str = "") -> None:
    with unit_of_work() as session:
        run = _mine(session, run_id, owner)
        if run is None:
            return
        if status is None:
            session.get_one(Connection, run.connection_id).problem = ""
        remapping.forget_since(session, run)
        runs.end(session, run, status or runs.verdict(run), code=code, message=message)


def _fail(run_id: int, owner: str, error: CrmError | SyncError) -> None:
    """End a run that the CRM, or a rule, stopped; the CRM's own status and code stand in or behind the sentence."""
    code = getattr(error, "code", None) or type(error).__name__
    own_words = [str(part) for part in (getattr(error, "crm_status", None), getattr(error, "code", None)) if part]
    untold = " ".join(part for part in own_words if part not in error.message)
    message = f"{error.message} ({untold})" if untold else error.message
    log.warning("run_failed", run_id=run_id, code=code, error=error.message)
    with unit_of_work() as session:
        run = _mine(session, run_id, owner)
        if run is None:
            return
        if isinstance(error, Unauthorised | SyncError):
            session.get_one(Connection, run.connection_id).problem = error.message
        remapping.forget_since(session, run)
        runs.end(session, run, RunStatus.FAILED, code=code[:64], message=message)
