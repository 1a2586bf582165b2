"""The pull half: reading accounts and contacts, whole or what changed, and following what went away."""

from collections.abc import Callable, Container, Iterable, Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import select, update
from sqlalchemy.exc import DataError, IntegrityError
from sqlalchemy.orm import Session

from zbweb.clock import now
from zbweb.crm.errors import CrmError
from zbweb.crm.port import CrmClient, Record
from zbweb.sync import departures, feed, watermarks
from zbweb.sync.core.fields import ALWAYS_READ, Table
from zbweb.sync.core.mapping import crm_names
from zbweb.sync.core.reasons import Reason
from zbweb.sync.core.words import Direction, Entity, LinkState, Outcome, Scope
from zbweb.sync.desk import Desk, Fate
from zbweb.sync.gather import gather
from zbweb.sync.live import LiveRun
from zbweb.sync.models import Link, SyncEntry, SyncRun
from zbweb.sync.record import bring_in, bring_in_persons, crm_name

OVERLAP = timedelta(seconds=60)
"""Read again from this long before the last read began: what was being written then is not missed."""
_END: dict[str, Any] = {"end": True}
"""The position after the last record: what is left is to look for what went away."""
CHUNK = 100
COQL_CHUNK = 50
Take = Callable[[Desk, Sequence[Record]], None]
Each = TypeVar("Each")


# --- the phases -------------------------------------------------------------------------------------


def read_accounts(live: LiveRun) -> None:
    """Accounts become Business customers."""
    _read(live, "accounts", "Accounts", take_accounts)


def read_contacts(live: LiveRun) -> None:
    """Contacts become Individual customers, or contact persons of their account's customer."""
    _read(live, "contacts", "Contacts", take_contacts)


def follow_deleted_accounts(live: LiveRun) -> None:
    """Follow the accounts deleted since the last read, then move the watermark."""
    _follow_deleted(live, "Accounts")


def follow_deleted_contacts(live: LiveRun) -> None:
    """Follow the contacts deleted since the last read, then move the watermark."""
    _follow_deleted(live, "Contacts")


def read_newcomers(live: LiveRun) -> None:
    """Contacts of accounts that came in just now: they did not change, so a delta does not show them."""
    if watermarks.mark_of(live, "Contacts") is None:
        return  # every contact is about to be read
    accounts = watermarks.new_accounts(live)
    view = live.choices.view_of("Contacts")
    if accounts and not view.shows_all:
        watermarks.forget(live, "Contacts")
        return
    for chunk in chunks(accounts, COQL_CHUNK):
        _take_by_id(live, "Contacts", contacts_of(live.client, chunk), take_contacts)


def contacts_of(client: CrmClient, account_ids: Sequence[str]) -> list[str]:
    """The ids of the contacts of up to fifty accounts."""
    names = ", ".join(f"'{account_id}'" for account_id in account_ids)
    query = f"select id from Contacts where Account_Name in ({names})"  # noqa: S608  ids of the CRM's own
    return [str(record["id"]) for record in client.coql(query)]


def read_failed_before(live: LiveRun) -> None:
    """Records that failed in earlier runs are tried again until they are well or dismissed."""
    _take_all(live, failed_before(live.session, live.connection_id, live.run_id))


def failed_before(session: Session, connection_id: int, run_id: int) -> dict[str, list[str]]:
    """Records that could not be fetched in runs before this one, by CRM module."""
    statement = select(SyncEntry.crm_module, SyncEntry.crm_id).where(
        SyncEntry.connection_id == connection_id,
        SyncEntry.outcome == Outcome.FAILED,
        SyncEntry.direction == Direction.IN,
        SyncEntry.resolved_at.is_(None),
        SyncEntry.run_id < run_id,
    )
    failed: dict[str, list[str]] = {}
    for module, crm_id in session.execute(statement):
        failed.setdefault(module, []).append(crm_id)
    return failed


def read_chosen(live: LiveRun) -> None:
    """Just the records that a person asked to try again."""
    _take_all(live, live.only.get("crm", {}))


def take_contacts(desk: Desk, records: Sequence[Record]) -> None:
    """Bring contacts in as what they already are here, else as the choice of module says."""
    if desk.choices.scope is Scope.CONTACTS:
        bring_in(desk, Table.CONTACT, records)
        return
    individuals, persons = _sort_contacts(desk, records)
    if individuals:
        bring_in(desk, Table.CONTACT, individuals)
    if persons:
        bring_in_persons(desk, persons)


def _sort_contacts(desk: Desk, records: Sequence[Record]) -> tuple[list[Record], list[Record]]:
    known = gather(desk.session, desk.connection_id, "Contacts", [str(record["id"]) for record in records])
    individuals, persons = [], []
    for record in records:
        link = known.links.get(str(record["id"]))
        loose = link.entity == Entity.CUSTOMER if link else not record.get("Account_Name")
        if loose and Table.CONTACT in desk.mapping:
            individuals.append(record)
        else:
            persons.append(record)
    return individuals, persons


# --- reading ----------------------------------------------------------------------------------------


def fields_of(live: LiveRun, crm_module: str) -> list[str]:
    """The CRM fields to ask for: those that the tables of this module map, and those the sync itself needs."""
    tables = [table for table in live.choices.tables if table.crm_module == crm_module]
    return crm_names(
        [row for table in tables for row in live.mapping[table]],
        [name for table in tables for name in ALWAYS_READ[table]],
    )


def _read(live: LiveRun, phase: str, module: str, take: Take) -> None:
    state = live.reading(phase)
    if not state or state["since"]:
        state = _begin(live, module)
    try:
        if state["position"] != _END:
            _read_from(live, module, take, state)
    except CrmError as error:
        if not state["position"] or not feed.is_lost_position(error):
            raise
        state = _begin(live, module)
        _read_from(live, module, take, state)
    _after_reading(live, module, state)


def _begin(live: LiveRun, module: str) -> dict[str, Any]:
    """Fix what this phase reads: everything, or what changed since the watermark."""
    view, mark = live.choices.view_of(module), watermarks.mark_of(live, module)
    total = live.client.count(module, view_id=view.id or None) if mark is None else None
    state: dict[str, Any] = {
        "since": (mark - OVERLAP).isoformat() if mark else None,
        "until": (live.client.server_time or now()).isoformat(),
        "total": total,
        "again": watermarks.has_links(live, module),
        "position": {},
    }
    with live.unit() as (run, _):
        run.checkpoint = {**run.checkpoint, "reading": state}
        if total is not None:
            run.total = run.done + total
    return state


def _read_from(live: LiveRun, module: str, take: Take, state: dict[str, Any]) -> None:
    view = live.choices.view_of(module)
    since = datetime.fromisoformat(state["since"]) if state["since"] else None
    question = feed.Question(module, fields_of(live, module), view.id or None, since)
    seen: set[str] = set()
    for batch in feed.batches(live.client, question, total=state["total"], position=state["position"]):
        _settle(live, module, oldest_first(batch.records), take, {**state, "position": batch.next or _END})
        if since is not None and not view.shows_all:
            seen.update(str(record["id"]) for record in batch.records)
        if batch.next is not None:
            live.make_room()
    if since is not None and not view.shows_all:
        _exclude_leavers(live, module, since, seen)


def oldest_first(records: Iterable[Record]) -> list[Record]:
    """The order in which a batch is worked: of several records of one name the oldest comes first."""
    return sorted(records, key=lambda record: int(record["id"]))


def _settle(live: LiveRun, module: str, records: Sequence[Record], take: Take, state: dict[str, Any]) -> None:
    """One batch, one unit of work. Lost a race: gather again. Still no luck: record by record, naming the culprit."""
    for _ in range(2):
        try:
            with live.unit() as (run, desk):
                take(desk, records)
                if state["again"] and state["since"] is None:
                    _mark_seen(desk, module, records)
                _advance(run, records, state)
        except IntegrityError:
            continue
        except DataError:
            break
        else:
            return
    _one_by_one(live, module, records, take)
    with live.unit() as (run, _):
        _advance(run, records, state)


def _advance(run: SyncRun, records: Sequence[Record], state: dict[str, Any]) -> None:
    run.done += len(records)
    run.checkpoint = {**run.checkpoint, "reading": state}


def _one_by_one(live: LiveRun, module: str, records: Sequence[Record], take: Take) -> None:
    for record in records:
        try:
            with live.unit() as (_, desk):
                take(desk, [record])
        except (IntegrityError, DataError) as error:
            with live.unit() as (_, desk):
                desk.note(unfit(module, record, str(error.orig)))
                desk.put_away()


def unfit(module: str, record: Record, words: str) -> Fate:
    """The fate of a record that the database refuses."""
    crm_id, name = str(record["id"]), crm_name(record)
    return Fate(Outcome.FAILED, Reason.INVALID_VALUE, Entity.CUSTOMER, module, crm_id, name, words=words)


def _take_all(live: LiveRun, wanted: dict[str, list[str]]) -> None:
    for module in ("Accounts", "Contacts"):
        take: Take = take_contacts if module == "Contacts" else take_accounts
        _take_by_id(live, module, wanted.get(module, []), take)


def take_accounts(desk: Desk, records: Sequence[Record]) -> None:
    """Bring accounts in as customers."""
    bring_in(desk, Table.ACCOUNT, records)


def _take_by_id(live: LiveRun, module: str, crm_ids: Sequence[str], take: Take) -> None:
    """Read records by id and bring them in; failures of records that no longer exist are over."""
    if not any(table.crm_module == module for table in live.choices.tables):
        return
    for chunk in chunks(crm_ids, CHUNK):
        records = live.client.get_many(module, chunk, fields_of(live, module))
        gone = set(chunk) - {str(record["id"]) for record in records}
        with live.unit() as (run, desk):
            take(desk, records)
            desk.settled(module, sorted(gone))
            run.done += len(records)


# --- what went away ---------------------------------------------------------------------------------


def _exclude_leavers(live: LiveRun, module: str, since: datetime, seen: set[str]) -> None:
    for chunk in chunks(leavers(live.client, module, since, seen), CHUNK):
        with live.unit() as (_, desk):
            departures.exclude(desk, module, chunk)


def leavers(client: CrmClient, module: str, since: datetime, seen: Container[str]) -> list[str]:
    """Records that changed but are not among those of the view that changed: they left the view."""
    changed = {
        str(record["id"])
        for page in client.pages(module, ["Modified_Time"], modified_since=since)
        for record in page.records
    }
    return sorted(crm_id for crm_id in changed if crm_id not in seen)


def _after_reading(live: LiveRun, module: str, state: dict[str, Any]) -> None:
    """After a whole read: links it did not meet are out of the view, or gone from the CRM."""
    if state["since"] is None and state["again"]:
        unseen = _unseen(live, module)
        for chunk in chunks(unseen, CHUNK):
            there = {str(record["id"]) for record in live.client.get_many(module, chunk, ["Modified_Time"])}
            with live.unit() as (_, desk):
                departures.exclude(desk, module, sorted(there))
                departures.let_go(desk, module, sorted(set(chunk) - there))
    with live.unit() as (run, _):
        read_until = {**run.checkpoint.get("read_until", {}), module: state["until"]}
        run.checkpoint = {**run.checkpoint, "read_until": read_until}


def _follow_deleted(live: LiveRun, module: str) -> None:
    """Records in the CRM's list of deletions. Then everything up to the start of the read is settled."""
    mark = watermarks.mark_of(live, module)
    if mark is not None or watermarks.has_links(live, module):
        deletions = live.client.deleted(module, since=mark - OVERLAP if mark else None)
        for chunk in chunks((deletion.id for deletion in deletions), CHUNK):
            with live.unit() as (_, desk):
                departures.let_go(desk, module, chunk)
    watermarks.move(live, module)


def _mark_seen(desk: Desk, module: str, records: Sequence[Record]) -> None:
    statement = (
        update(Link)
        .where(
            Link.connection_id == desk.connection_id,
            Link.crm_module == module,
            Link.crm_id.in_([str(record["id"]) for record in records]),
        )
        .values(seen_run_id=desk.run_id)
        .execution_options(synchronize_session=False)
    )
    desk.session.execute(statement)


def _unseen(live: LiveRun, module: str) -> list[str]:
    statement = select(Link.crm_id).where(
        Link.connection_id == live.connection_id,
        Link.crm_module == module,
        Link.state == LinkState.ACTIVE,
        Link.excluded_at.is_(None),
        (Link.seen_run_id != live.run_id) | Link.seen_run_id.is_(None),
    )
    return list(live.session.scalars(statement))


def chunks(items: Iterable[Each], size: int) -> Iterable[list[Each]]:
    """The items in lists of at most `size`."""
    iterator = iter(items)
    while chunk := list(islice(iterator, size)):
        yield chunk
