"""One customer, now: a document can only be in the CRM when its customer is.

It is a run of its own, so it takes its turn like any other: while a customers' run is under way it does not
happen, and the document waits.
"""

import secrets

from sqlalchemy import select
from sqlalchemy.orm import Session

from zbweb.clock import now
from zbweb.crm.errors import CrmError
from zbweb.crm.port import CrmClient
from zbweb.db import db, unit_of_work
from zbweb.errors import AppError
from zbweb.sync import runs
from zbweb.sync.core.choices import Choices
from zbweb.sync.core.words import Entity, Extent, RunStatus, SyncedModule, Trigger
from zbweb.sync.lease import heartbeat
from zbweb.sync.live import Disabled, LeaseLost, LiveRun
from zbweb.sync.models import Connection, Link, SyncEntry, SyncRun
from zbweb.sync.pairs import links_of
from zbweb.sync.push import customers

_ACTOR = "Zoho CRM push"


def push_one(connection: Connection, customer_id: int, client: CrmClient) -> Link | None:
    """The customer's link, made by pushing the customer if there is none yet.

    None when it cannot be had now: another run is under way, customers are only fetched, or the CRM refused the
    customer (its entry says why). Raises the CrmError of a CRM that is away. Call it outside of any unit of work,
    in a session that works for the connection's organisation.
    """
    link = _link(db.session(), connection.id, customer_id)
    if link is not None:
        return link
    live = _begin(connection, customer_id, client)
    if live is None:
        return None
    try:
        with heartbeat(live.run_id, live.owner):
            customers.push_customers(live)
    except (LeaseLost, Disabled):
        return None
    except AppError as error:  # the CRM is away, or its allowance is nearly used up
        _end(live.run_id, RunStatus.FAILED, error)
        if isinstance(error, CrmError):
            raise
    else:
        _end(live.run_id)
    return _link(db.session(), connection.id, customer_id)


def _link(session: Session, connection_id: int, customer_id: int) -> Link | None:
    return links_of(session, connection_id, Entity.CUSTOMER, [customer_id]).get(customer_id)


def _begin(connection: Connection, customer_id: int, client: CrmClient) -> LiveRun | None:
    """A running run in our hands, if the customers' setup pushes at all and nobody else is at it."""
    with unit_of_work() as session:
        session.scalars(select(Connection).where(Connection.id == connection.id).with_for_update()).one()
        setup = runs.setup_of(session, connection.id, SyncedModule.CUSTOMERS)
        if setup is None or not setup.is_saved or setup.extent != Extent.BOTH:
            return None
        if runs.is_running(session, connection.id):
            return None
        choices = runs.choices_of(setup)
        run = _run(connection, customer_id, choices)
        session.add(run)
    return LiveRun(
        run_id=run.id,
        organisation_id=run.organisation_id,
        connection_id=connection.id,
        owner=run.lease_owner,
        session=db.session(),
        client=client,
        choices=choices,
        mapping={},
        only=run.only,
        started_at=run.started_at or now(),
        should_yield=lambda: False,
    )


def _run(connection: Connection, customer_id: int, choices: Choices) -> SyncRun:
    """Should we die, it is taken over like any other run: it then pushes the same customer."""
    moment = now()
    return SyncRun(
        organisation_id=connection.organisation_id,
        connection_id=connection.id,
        module=SyncedModule.CUSTOMERS,
        trigger=Trigger.TRANSACTION,
        status=RunStatus.RUNNING,
        actor_name=_ACTOR,
        setup=choices.to_json(),
        only={"crm": {}, "local": {Entity.CUSTOMER.value: [customer_id]}},
        started_at=moment,
        lease_owner=f"push-{secrets.token_hex(12)}",
        lease_until=moment + runs.LEASE,
    )


def _end(run_id: int, status: RunStatus | None = None, error: AppError | None = None) -> None:
    """The run's end; one that had nothing to tell is no part of the history."""
    with unit_of_work() as session:
        run = session.get_one(SyncRun, run_id)
        if error is None and session.scalars(select(SyncEntry.id).where(SyncEntry.run_id == run_id)).first() is None:
            session.delete(run)
            return
        code = error.word if isinstance(error, CrmError) else type(error).__name__ if error else ""
        message = error.message if error else ""
        runs.end(session, run, status or runs.verdict(run), code=code[:64], message=message)
