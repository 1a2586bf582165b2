"""Potentials: what their fate does here, told by a notification or found by a look at what changed.

A notification is a hint and the record is the truth, so both ways end in the same routine: read the potentials,
make sure of their customers, then let the documents follow (following.py). What happened by a notification is a
run of its own, kept only if something did happen.
"""

from collections.abc import Container, Iterator, Mapping, Sequence

from sqlalchemy.orm import Session

from zbweb.billing.journal import Actor
from zbweb.billing.words import Origin
from zbweb.clock import now
from zbweb.crm.errors import CrmError
from zbweb.crm.port import CrmClient, Page, Record, StageKind
from zbweb.db import db, unit_of_work
from zbweb.errors import Conflict, NotFound
from zbweb.sync import runs
from zbweb.sync.core.decide import Past
from zbweb.sync.core.reasons import SENTENCES, Reason
from zbweb.sync.core.words import Automation, RunStatus, Scope, Trigger
from zbweb.sync.desk import Desk
from zbweb.sync.errors import Paused
from zbweb.sync.live import LiveRun
from zbweb.sync.models import Connection, SyncRun
from zbweb.sync.potentials.automation import MODULE, failed_before
from zbweb.sync.potentials.following import ACTOR_NAME, FIELDS, Deal, Ready, follow, planned, read, seen
from zbweb.sync.potentials.lines import products_of
from zbweb.sync.pull import picking
from zbweb.sync.pull.gather import gather
from zbweb.sync.pull.reading import OVERLAP
from zbweb.sync.pull.settling import CHUNK, chunks

RUN_MODULE = "potentials"
_TRIGGER = Trigger.NOTIFICATION
_REFUSED: Mapping[Past, Reason] = {Past.REMOVED: Reason.REMOVED_HERE, Past.APART: Reason.KEPT_APART}


def poll(live: LiveRun) -> None:
    """Part of a run: look at the potentials that changed since the last look, and at those that failed before."""
    connection = _fresh(live.session, live.connection_id)
    if not _is_on(connection):
        return
    until, tried = live.client.server_time or now(), set[str]()
    try:
        if not live.only:
            for page in _changed(connection, live.client):
                _follow_within(live, connection, page.records)
                tried.update(str(record["id"]) for record in page.records)
        _follow_again(live, connection, tried)
    except Paused:
        return  # the next look begins where this one did
    if not live.only:
        with live.unit() as (_, desk):
            _fresh(desk.session, connection.id).deals_watermark = until


def _changed(connection: Connection, client: CrmClient) -> Iterator[Page]:
    since = connection.deals_watermark or connection.automation_since
    return client.pages(MODULE, FIELDS, modified_since=since - OVERLAP if since else None)


def _follow_again(live: LiveRun, connection: Connection, tried: Container[str]) -> None:
    """The potentials that somebody asked to try again, or all that failed before; those that are gone are settled."""
    wanted = live.only.get("crm", {}).get(MODULE, []) if live.only else failed_before(live.session, connection.id)
    for chunk in chunks([crm_id for crm_id in wanted if crm_id not in tried], CHUNK):
        records = live.client.get_many(MODULE, chunk, FIELDS)
        _follow_within(live, connection, records)
        if gone := set(chunk) - {str(record["id"]) for record in records}:
            with live.unit() as (_, desk):
                desk.settled(MODULE, sorted(gone))


def _follow_within(live: LiveRun, connection: Connection, records: Sequence[Record]) -> None:
    ready = _made_ready(live.session, connection, live.client, records)
    if ready:
        with live.unit() as (_, desk):
            _follow_all(desk, connection.id, ready)


def on_change(connection: Connection, crm_ids: Sequence[str], client: CrmClient) -> None:
    """Read these potentials and follow them, as a run of its own; raises CrmError.

    Call it outside of any unit of work, in a session that works for the connection's organisation.
    """
    if not _is_on(connection):
        return
    for chunk in chunks(crm_ids, CHUNK):
        _follow_alone(connection, client, client.get_many(MODULE, chunk, FIELDS))


def catch_up(connection: Connection, client: CrmClient) -> None:
    """Look at what changed since the last look, apart from any run of customers; raises as `on_change` does."""
    if not _is_on(connection):
        return
    until = client.server_time or now()
    for page in _changed(connection, client):
        _follow_alone(connection, client, page.records)
    with unit_of_work() as session:
        _fresh(session, connection.id).deals_watermark = until


def _follow_alone(connection: Connection, client: CrmClient, records: Sequence[Record]) -> None:
    ready = _made_ready(db.session(), connection, client, records)
    if not ready:
        return
    with unit_of_work() as session:
        run = _begin_run(session, connection, ready)
        desk = Desk(
            session, connection.organisation_id, connection.id, run.id, picking.choices_for(session, connection), {}
        )
        _follow_all(desk, connection.id, ready)
        if not desk.counts:
            session.delete(run)
            return
        desk.count_on(run)
        runs.end(session, run, runs.verdict(run))


def _begin_run(session: Session, connection: Connection, ready: Sequence[Ready]) -> SyncRun:
    moment = now()
    run = SyncRun(
        organisation_id=connection.organisation_id, connection_id=connection.id, module=RUN_MODULE,
        trigger=_TRIGGER, status=RunStatus.RUNNING, actor_name=ACTOR_NAME,
        only={"crm": {MODULE: [each.deal.id for each in ready]}}, done=len(ready), total=len(ready),
        queued_at=moment, started_at=moment,
    )  # fmt: skip
    session.add(run)
    session.flush()  # entries and journal lines name the run
    return run


def _follow_all(desk: Desk, connection_id: int, ready: Sequence[Ready]) -> None:
    """Every potential in turn, in one order for all workers. Switched off meanwhile: nothing is done."""
    connection = _fresh(desk.session, connection_id)
    if not _is_on(connection):
        return
    for each in sorted(ready, key=lambda each: each.deal.id):
        follow(desk, connection, each)
    desk.put_away()


def _is_on(connection: Connection) -> bool:
    return connection.is_live and not connection.is_paused and connection.automation != Automation.NONE


def _fresh(session: Session, connection_id: int) -> Connection:
    return session.get_one(Connection, connection_id, populate_existing=True)


# --- what is needed before anything is written ------------------------------------------------------


def _made_ready(session: Session, connection: Connection, client: CrmClient, records: Sequence[Record]) -> list[Ready]:
    """Those of the potentials that mean something else now than when they were seen last, with their customers."""
    if not records:
        return []
    kinds = client.stage_kinds()
    deals = [read(record, kinds) for record in records]
    before = seen(session, connection.id, [deal.id for deal in deals])
    changed = [deal for deal in deals if before.get(deal.id) is not deal.kind]
    return [_ready(session, connection, client, deal, before.get(deal.id)) for deal in changed]


def _ready(session: Session, connection: Connection, client: CrmClient, deal: Deal, before: StageKind | None) -> Ready:
    if not planned(session, connection, deal, before).make:
        return Ready(deal)
    customer_id, problem = _customer(session, connection, client, deal)
    if customer_id is None:
        return Ready(deal, problem=problem)
    return Ready(deal, customer_id, products=products_of(client, deal.id))


def _customer(session: Session, connection: Connection, client: CrmClient, deal: Deal) -> tuple[int | None, str]:
    """The potential's customer, fetched first if need be; or none, and why."""
    problem = "The potential has neither an account nor a contact."
    for crm_module, crm_id in _belongs_to(picking.choices_for(session, connection).scope, deal):
        known = gather(session, connection.id, crm_module, [crm_id])
        if crm_id in known.owners:
            return picking.customers_of(session, known.owners).get(crm_id), ""
        if past := known.past.get(crm_id):
            problem = SENTENCES[_REFUSED[past]]
            continue
        try:
            actor = Actor(ACTOR_NAME, origin=Origin.AUTOMATION)
            return picking.fetch_one(connection, crm_module, crm_id, actor=actor, client=client, trigger=_TRIGGER), ""
        except (NotFound, Conflict) as refusal:
            problem = refusal.message
        except CrmError as error:
            if error.retryable:
                raise
            problem = error.message
    return None, problem


def _belongs_to(scope: Scope, deal: Deal) -> list[tuple[str, str]]:
    """The account, else the contact; the other way round where only contacts are synced."""
    pairs = [("Accounts", deal.account_id), ("Contacts", deal.contact_id)]
    if scope is Scope.CONTACTS:
        pairs.reverse()
    return [(crm_module, crm_id) for crm_module, crm_id in pairs if crm_id]
