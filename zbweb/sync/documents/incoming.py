"""Documents that people made or edited in the CRM, for modules that sync both ways.

A notification names them, or a look at what changed finds them; either way they are read whole and compared with
what both sides agreed on last, so that what we wrote ourselves is recognised. Whatever the CRM then says that is
not so here (a total by other rules, a status that cannot be) is set right by the next delivery.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from zbweb.billing.words import Kind
from zbweb.clock import now
from zbweb.crm.port import CrmClient, Record
from zbweb.db import db, unit_of_work
from zbweb.sync import runs
from zbweb.sync.core.document_words import CRM_MODULES
from zbweb.sync.core.words import Direction, Extent, LinkReason, LinkState, Outcome, RunStatus, Trigger
from zbweb.sync.desk import CRM_ACTOR, Desk
from zbweb.sync.documents import shapes
from zbweb.sync.documents.merging import Inlet, bring_in, links_there, moment_of, part
from zbweb.sync.documents.setups import SINCE
from zbweb.sync.live import LiveRun
from zbweb.sync.models import Connection, Link, ModuleSetup, SyncEntry, SyncRun
from zbweb.sync.pull.reading import OVERLAP

Unit = Callable[[], AbstractContextManager[Desk]]


def poll(live: LiveRun) -> None:
    """Part of a run: documents that changed since the last look, that failed before, or that somebody asked for."""
    for inlet in _inlets(live.session, live.connection_id):
        until = live.client.server_time or now()
        if live.only:
            ids = live.only.get("crm", {}).get(inlet.crm_module, [])
        else:
            ids = [*_changed(live, inlet), *_failed_before(live, inlet)]
        _take(inlet, list(dict.fromkeys(ids)), live.client, lambda: _desk_of(live))
        if not live.only:
            _follow_deleted(live, inlet)
            with live.unit() as (_, desk):
                setup = shapes.setup_of(desk.session, inlet.setup_id)
                setup.watermarks = {**setup.watermarks, inlet.crm_module: until.isoformat()}


@contextmanager
def _desk_of(live: LiveRun) -> Iterator[Desk]:
    with live.unit() as (_, desk):
        yield desk
        desk.put_away()


def take(
    connection: Connection,
    crm_module: str,
    crm_ids: Sequence[str],
    client: CrmClient,
    *,
    trigger: Trigger = Trigger.NOTIFICATION,
) -> None:
    """Read these documents and bring in what is new in them, as a run of its own; raises CrmError.

    Call it outside of any unit of work, in a session that works for the connection's organisation.
    """
    inlet = next((each for each in _inlets(db.session(), connection.id) if each.crm_module == crm_module), None)
    if inlet is None:
        return
    _take(inlet, crm_ids, client, lambda: _own_run(connection, inlet, client, trigger))


def _inlets(session: Session, connection_id: int) -> list[Inlet]:
    statement = select(ModuleSetup).where(
        ModuleSetup.connection_id == connection_id, ModuleSetup.module.in_(list(Kind)),
        ModuleSetup.enabled, ModuleSetup.extent == Extent.BOTH, ModuleSetup.version > 0,
    )  # fmt: skip
    return [_inlet(setup) for setup in session.scalars(statement.execution_options(populate_existing=True))]


def _inlet(setup: ModuleSetup) -> Inlet:
    kind = Kind(setup.module)
    return Inlet(
        kind=kind,
        setup_id=setup.id,
        choices=runs.choices_of(setup),
        shape=shapes.kept(setup, kind),
        since=datetime.fromisoformat(setup.watermarks[SINCE]),
        read_until=datetime.fromisoformat(setup.watermarks[CRM_MODULES[kind]]),
    )


# --- which documents --------------------------------------------------------------------------------


def _changed(live: LiveRun, inlet: Inlet) -> list[str]:
    """Documents that somebody else than us has written since the last look, and new ones."""
    found: list[Record] = []
    fields = ["Modified_Time", "Created_Time"]
    for page in live.client.pages(inlet.crm_module, fields, modified_since=inlet.read_until - OVERLAP):
        found += page.records
    links = links_there(live.session, live.connection_id, inlet, [str(each["id"]) for each in found])
    return [str(each["id"]) for each in sorted(found, key=lambda each: int(each["id"])) if _is_news(each, links, inlet)]


def _is_news(record: Record, links: dict[str, Link], inlet: Inlet) -> bool:
    """Times are whole seconds, so what was written since the last look is read even if the last writer was us."""
    link, modified = links.get(str(record["id"])), moment_of(record["Modified_Time"])
    if link is None:
        return moment_of(record["Created_Time"]) >= inlet.since.replace(microsecond=0)
    is_unread = modified >= inlet.read_until.replace(microsecond=0) or link.crm_modified_at != modified
    may_be_read = link.state == LinkState.ACTIVE or link.reason == LinkReason.DELETED_IN_CRM  # it is back
    return may_be_read and is_unread


def _failed_before(live: LiveRun, inlet: Inlet) -> list[str]:
    statement = select(SyncEntry.crm_id).where(
        SyncEntry.connection_id == live.connection_id, SyncEntry.crm_module == inlet.crm_module,
        SyncEntry.outcome == Outcome.FAILED, SyncEntry.direction == Direction.IN, SyncEntry.resolved_at.is_(None),
    )  # fmt: skip
    return list(live.session.scalars(statement))


def _follow_deleted(live: LiveRun, inlet: Inlet) -> None:
    """Documents deleted in the CRM stay here; they are no longer linked."""
    has_links = select(Link.id).where(
        Link.connection_id == live.connection_id, Link.crm_module == inlet.crm_module, Link.state == LinkState.ACTIVE
    )
    if live.session.scalars(has_links.limit(1)).first() is None:
        return
    gone = [each.id for each in live.client.deleted(inlet.crm_module, since=inlet.read_until - OVERLAP)]
    with live.unit() as (_, desk):
        for link in links_there(desk.session, live.connection_id, inlet, gone).values():
            part(desk, link)
        desk.put_away()


# --- bringing in ------------------------------------------------------------------------------------


def _take(inlet: Inlet, crm_ids: Sequence[str], client: CrmClient, unit: Unit) -> None:
    """Each document is read whole, and brought in with a unit of work of its own."""
    for crm_id in crm_ids:
        record = client.get(inlet.crm_module, crm_id)
        try:
            _take_one(inlet, crm_id, record, unit)
        except IntegrityError:  # somebody else brought it in a moment ago: look again
            _take_one(inlet, crm_id, record, unit)


def _take_one(inlet: Inlet, crm_id: str, record: Record | None, unit: Unit) -> None:
    with unit() as desk:
        if record is None:
            _let_go(desk, inlet, crm_id)
        else:
            bring_in(desk, inlet, record)


def _let_go(desk: Desk, inlet: Inlet, crm_id: str) -> None:
    """A document that is not in the CRM any more parts from ours, and no failure to read it is left open."""
    link = links_there(desk.session, desk.connection_id, inlet, [crm_id]).get(crm_id)
    if link is not None:
        part(desk, link)
    desk.settled(inlet.crm_module, [crm_id])


# --- a run of its own -------------------------------------------------------------------------------


@contextmanager
def _own_run(connection: Connection, inlet: Inlet, client: CrmClient, trigger: Trigger) -> Iterator[Desk]:
    """A finished run for what was brought in; none is kept when nothing happened."""
    with unit_of_work() as session:
        moment = now()
        run = SyncRun(
            organisation_id=connection.organisation_id, connection_id=connection.id, module=inlet.kind.value,
            trigger=trigger, status=RunStatus.SUCCEEDED, actor_name=CRM_ACTOR,
            started_at=moment, finished_at=moment,
        )  # fmt: skip
        session.add(run)
        session.flush()  # entries and journal lines need its id
        desk = Desk(
            session, connection.organisation_id, connection.id, run.id, inlet.choices, {}, crm_ahead=client.ahead
        )
        yield desk
        if not desk.counts:
            session.delete(run)
            return
        desk.count_on(run)
        run.done = len(desk.fates)
        desk.put_away()
        runs.end(session, run, runs.verdict(run))
