"""The push half for customers: accounts, then contacts, then the persons who need their account to be there.

What waits in the outbox is worked off a hundred at a time, so the cost follows what changed here. Each batch
gathers in a unit of work, calls the CRM outside of any, and writes the verdicts down in another; whatever dies
in between is found out before anything is sent again (`unanswered`).
"""

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from zbweb.clock import now
from zbweb.sync import runs
from zbweb.sync.core.fields import Table
from zbweb.sync.core.words import Entity, SyncedModule
from zbweb.sync.holdings import KINDS
from zbweb.sync.live import LiveRun
from zbweb.sync.models import Link
from zbweb.sync.pull import near
from zbweb.sync.push import additions, changes, unanswered, waiting
from zbweb.sync.push.pushing import Push, begin
from zbweb.sync.push.waiting import Waiting

_PHASE = "push"
_ORDER = (Table.ACCOUNT, Table.CONTACT, Table.PERSON)


def settle_lost(live: LiveRun) -> None:
    """Find out what became of pushes that nobody wrote the end of, before anything is read or sent."""
    is_in_doubt = any(waiting.in_doubt(live.session, table) for table in Table)
    if is_in_doubt or waiting.orphans_in_doubt(live.session):
        unanswered.settle(begin(live))


def push_customers(live: LiveRun) -> None:
    """Tell the CRM what changed here. Raises the CrmError that keeps the CRM from being told anything."""
    settle_lost(live)  # once more: a run that is taken over begins in the middle
    only = _prepare(live)
    if waiting.count(live.session):
        _work_off(begin(live), only)
    if not live.only:
        _note_end(live)


def _prepare(live: LiveRun) -> Mapping[Entity, Collection[int]] | None:
    """Forget who is gone and, the first time, have all that was here before wait; returns who alone is wanted."""
    with live.unit() as (run, desk):
        waiting.drop_orphans(desk.session)
        setup = runs.setup_of(desk.session, live.connection_id, SyncedModule.CUSTOMERS)
        waiting.ensure(desk.session, Entity.CUSTOMER, near.freed(desk.session, live.connection_id))
        only = _wanted(live) if live.only else None
        for entity, ids in (only or {}).items():
            waiting.ensure(desk.session, entity, ids)
        if live.only or live.reading(_PHASE):
            return only
        if setup is not None and setup.pushed_at is None:
            waiting.enrol_all(desk.session, live.connection_id)
        if run.total is not None:
            run.total += waiting.count(desk.session)
        return only


def _wanted(live: LiveRun) -> dict[Entity, set[int]]:
    """The local records that somebody asked for by their own ids or by those of their CRM records."""
    wanted = {entity: set(live.only.get("local", {}).get(entity, ())) for entity in Entity}
    for module, crm_ids in live.only.get("crm", {}).items():
        statement = select(Link.entity, Link.entity_id).where(
            Link.connection_id == live.connection_id, Link.crm_module == module, Link.crm_id.in_(crm_ids)
        )
        for entity, entity_id in live.session.execute(statement):
            wanted[Entity(entity)].add(entity_id)
    return {entity: wanted[entity] for entity in (Entity.CUSTOMER, Entity.CONTACT_PERSON)}


def _work_off(push: Push, only: Mapping[Entity, Collection[int]] | None) -> None:
    live = push.live
    state = live.reading(_PHASE)
    reached = Table(state["table"]) if state else _ORDER[0]
    row_id = state.get("after", 0)
    for table in _ORDER[_ORDER.index(reached) :]:
        ids = only[KINDS[table].entity] if only is not None else None
        while batch := waiting.after(live.session, table, row_id, only=ids):
            _batch(push, table, [each.row_id for each in batch])
            row_id = batch[-1].row_id
            _advance(live, table, batch)
            live.make_room()
        row_id = 0


def _batch(push: Push, table: Table, row_ids: Sequence[int]) -> None:
    """One batch; when somebody linked one of its records by hand meanwhile, once more."""
    for is_last in (False, True):
        try:
            additions.add(push, table, row_ids)
            changes.tell(push, table, row_ids)
        except IntegrityError:
            if is_last:
                raise
        else:
            return


def _advance(live: LiveRun, table: Table, batch: Sequence[Waiting]) -> None:
    with live.unit() as (run, _):
        run.done += len(batch)
        state = {"table": table, "after": batch[-1].row_id}
        run.checkpoint = {**run.checkpoint, "reading": state}


def _note_end(live: LiveRun) -> None:
    with live.unit() as (_, desk):
        setup = runs.setup_of(desk.session, live.connection_id, SyncedModule.CUSTOMERS, lock=True)
        if setup is not None and setup.pushed_at is None:
            setup.pushed_at = now()
