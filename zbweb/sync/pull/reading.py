"""The pull half: reading accounts and contacts, whole or what changed, and following what went away."""

from collections.abc import Container, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, select, update
from sqlalchemy.orm import Session

from zbweb.clock import now
from zbweb.crm.errors import CrmError
from zbweb.crm.port import CrmClient, Record
from zbweb.sync import runs
from zbweb.sync.core.fields import Table
from zbweb.sync.core.words import Direction, Entity, LinkState, Outcome, Scope, SyncedModule
from zbweb.sync.desk import Desk
from zbweb.sync.live import LiveRun
from zbweb.sync.models import Link, SyncEntry, SyncRun
from zbweb.sync.pull import departures, feed, watermarks
from zbweb.sync.pull.gather import gather
from zbweb.sync.pull.record import bring_in, bring_in_persons
from zbweb.sync.pull.settling import CHUNK, Take, chunks, fields_of, settle, take_by_id

OVERLAP = timedelta(seconds=60)
"""Read again from this long before the last read began: what was being written then is not missed."""
_END: dict[str, Any] = {"end": True}
"""The position after the last record: what is left is to look for what went away."""
COQL_CHUNK = 50


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
    setup = runs.setup_of(live.session, live.connection_id, SyncedModule.CUSTOMERS)
    since = watermarks.newcomers_since(setup, live.started_at)
    accounts = watermarks.new_accounts(live.session, live.connection_id, since)
    view = live.choices.view_of("Contacts")
    if accounts and not view.shows_all:
        watermarks.forget(live, "Contacts")
        return
    for chunk in chunks(accounts, COQL_CHUNK):
        take_by_id(live, "Contacts", contacts_of(live.client, chunk), take_contacts)


def contacts_of(client: CrmClient, account_ids: Sequence[str]) -> list[str]:
    """The ids of the contacts of up to fifty accounts."""
    names = ", ".join(f"'{account_id}'" for account_id in account_ids)
    query = f"select id from Contacts where Account_Name in ({names})"  # noqa: S608  ids of the CRM's own
    return [str(record["id"]) for record in client.coql(query)]


def read_failed_before(live: LiveRun) -> None:
    """Records that failed in earlier runs are tried again until they are well or dismissed; so are pairs never read."""
    _take_all(live, failed_before(live.session, live.connection_id, live.run_id))
    _take_all(live, _never_read(live.session, live.connection_id))


def _never_read(session: Session, connection_id: int) -> dict[str, list[str]]:
    """Linked records that nobody has compared yet: what the CRM merged others into, what a person linked by hand."""
    statement = select(Link.crm_module, Link.crm_id).where(
        Link.connection_id == connection_id, Link.state == LinkState.ACTIVE, Link.crm_modified_at.is_(None),
        Link.crm_module.in_(("Accounts", "Contacts")), Link.excluded_at.is_(None),
    )  # fmt: skip
    return by_module(session.execute(statement))


def failed_before(session: Session, connection_id: int, run_id: int) -> dict[str, list[str]]:
    """Records that could not be fetched in runs before this one, by CRM module."""
    statement = select(SyncEntry.crm_module, SyncEntry.crm_id).where(
        SyncEntry.connection_id == connection_id,
        SyncEntry.outcome == Outcome.FAILED,
        SyncEntry.direction == Direction.IN,
        SyncEntry.resolved_at.is_(None),
        SyncEntry.run_id < run_id,
    )
    return by_module(session.execute(statement))


def by_module(pairs: Iterable[Any]) -> dict[str, list[str]]:
    """CRM ids by their module, of (module, id)."""
    ids: dict[str, list[str]] = {}
    for module, crm_id in pairs:
        ids.setdefault(module, []).append(crm_id)
    return ids


def read_chosen(live: LiveRun) -> None:
    """Just the records that a person asked to try again."""
    _take_all(live, live.only.get("crm", {}))


def take_accounts(desk: Desk, records: Sequence[Record]) -> None:
    """Bring accounts in as customers; where none is fetched anew, only those that are paired."""
    if not desk.choices.fetches("Accounts"):
        known = gather(desk.session, desk.connection_id, "Accounts", [str(record["id"]) for record in records])
        records = [record for record in records if str(record["id"]) in known.links]
    bring_in(desk, Table.ACCOUNT, records)


def take_contacts(desk: Desk, records: Sequence[Record]) -> None:
    """Bring contacts in as what they already are here, else as the choice of module says."""
    known = gather(desk.session, desk.connection_id, "Contacts", [str(record["id"]) for record in records])
    by_table: dict[Table | None, list[Record]] = {}
    for record in records:
        table = _table_of(desk, record, known.owners.get(str(record["id"])))
        by_table.setdefault(table, []).append(record)
    if individuals := by_table.get(Table.CONTACT):
        bring_in(desk, Table.CONTACT, individuals)
    if persons := by_table.get(Table.PERSON):
        bring_in_persons(desk, persons)


def _table_of(desk: Desk, record: Record, link: Link | None) -> Table | None:
    """What a contact is, or would become, here; None when it is nobody's and none is fetched anew."""
    choices = desk.choices
    if link is not None:
        present = Table.CONTACT if link.entity == Entity.CUSTOMER else Table.PERSON
        return present if present in desk.mapping else _OTHER[present]
    if not choices.fetches("Contacts"):
        return None
    is_loose = choices.scope is Scope.CONTACTS or not record.get("Account_Name")
    return Table.CONTACT if is_loose and Table.CONTACT in choices.tables else Table.PERSON


_OTHER = {Table.CONTACT: Table.PERSON, Table.PERSON: Table.CONTACT}
"""Under choices that no longer fetch what a contact is here: it is left out, with the reason of the other kind."""


# --- reading ----------------------------------------------------------------------------------------


def _read(live: LiveRun, phase: str, module: str, take: Take) -> None:
    if not live.choices.fetches(module):
        _follow_paired(live, module, take)
        return
    state = live.reading(phase) or _begin(live, module)
    try:
        if state["position"] != _END:
            _read_from(live, module, take, state)
    except CrmError as error:
        if not state["position"] or not feed.is_lost_position(error):
            raise
        state = _begin(live, module)
        _read_from(live, module, take, state)
    _after_reading(live, module, take, state)


def _begin(live: LiveRun, module: str) -> dict[str, Any]:
    """Fix what this phase reads: everything, or what changed since the watermark."""
    view, mark = live.choices.view_of(module), watermarks.mark_of(live, module)
    total = live.client.count(module, view_id=view.id or None) if mark is None else None
    state: dict[str, Any] = {
        "since": (mark - OVERLAP).isoformat() if mark else None,
        "until": (live.client.server_time or now()).isoformat(),
        "total": total,
        "again": watermarks.has_links(live, module) and (mark is None or not view.shows_all),
        "position": {},
    }
    with live.unit() as (run, _):
        run.checkpoint = {**run.checkpoint, "reading": state}
        if total is not None:
            run.total = run.done + total
    return state


def _follow_paired(live: LiveRun, module: str, take: Take) -> None:
    """Both ways, the records that are paired are followed though nothing of their module is fetched anew."""
    mark, until = watermarks.mark_of(live, module), (live.client.server_time or now()).isoformat()
    if watermarks.has_links(live, module):
        wanted = (
            leavers(live.client, module, mark - OVERLAP, ()) if mark else live.session.scalars(_paired(live, module))
        )
        for chunk in chunks(list(wanted), CHUNK):
            paired = live.session.scalars(_paired(live, module).where(Link.crm_id.in_(chunk)))
            take_by_id(live, module, list(paired), take)
    _note_read(live, module, until)


def _read_from(live: LiveRun, module: str, take: Take, state: dict[str, Any]) -> None:
    view = live.choices.view_of(module)
    since = datetime.fromisoformat(state["since"]) if state["since"] else None
    question = feed.Question(module, fields_of(live, module), view.id or None, since)
    for batch in feed.batches(live.client, question, total=state["total"], position=state["position"]):
        _settle_page(live, module, oldest_first(batch.records), take, {**state, "position": batch.next or _END})
        if batch.next is not None:
            live.make_room()


def oldest_first(records: Iterable[Record]) -> list[Record]:
    """The order in which a batch is worked: of several records of one name the oldest comes first."""
    return sorted(records, key=lambda record: int(record["id"]))


def _settle_page(live: LiveRun, module: str, records: Sequence[Record], take: Take, state: dict[str, Any]) -> None:
    def finish(run: SyncRun, desk: Desk) -> None:
        if state["again"]:
            _mark_seen(desk, module, records)
        run.done += len(records)
        run.checkpoint = {**run.checkpoint, "reading": state}

    settle(live, module, records, take, finish)


def _take_all(live: LiveRun, wanted: dict[str, list[str]]) -> None:
    for module in ("Accounts", "Contacts"):
        take: Take = take_contacts if module == "Contacts" else take_accounts
        take_by_id(live, module, wanted.get(module, []), take)


# --- what went away ---------------------------------------------------------------------------------


def _follow_leavers(live: LiveRun, module: str, take: Take, since: datetime) -> None:
    for chunk in chunks(leavers(live.client, module, since, ()), CHUNK):
        unmet = set(live.session.scalars(_not_met(live, module).where(Link.crm_id.in_(chunk))))
        ours = departures.ours(live.session, live.connection_id, module, sorted(unmet))
        with live.unit() as (_, desk):
            departures.exclude(desk, module, sorted(unmet - ours))
        take_by_id(live, module, sorted(ours), take)


def leavers(client: CrmClient, module: str, since: datetime, seen: Container[str]) -> list[str]:
    """Records that changed but are not among those of the view that changed: they left the view."""
    changed = {
        str(record["id"])
        for page in client.pages(module, ["Modified_Time"], modified_since=since)
        for record in page.records
    }
    return sorted(crm_id for crm_id in changed if crm_id not in seen)


def _after_reading(live: LiveRun, module: str, take: Take, state: dict[str, Any]) -> None:
    """After a whole read: links it did not meet are out of the view, or gone from the CRM."""
    if state["again"] and state["since"]:
        _follow_leavers(live, module, take, datetime.fromisoformat(state["since"]))
    elif state["again"]:
        for chunk in chunks(list(live.session.scalars(_not_met(live, module))), CHUNK):
            _follow_unmet(live, module, take, chunk)
    _note_read(live, module, state["until"])


def _note_read(live: LiveRun, module: str, until: str) -> None:
    with live.unit() as (run, _):
        read_until = {**run.checkpoint.get("read_until", {}), module: until}
        run.checkpoint = {**run.checkpoint, "read_until": read_until}


def _follow_unmet(live: LiveRun, module: str, take: Take, crm_ids: Sequence[str]) -> None:
    """Links that a whole read did not meet: gone, out of the view, or missed while the list moved under the read."""
    there = {str(record["id"]) for record in live.client.get_many(module, crm_ids, ["Modified_Time"])}
    shows_all = live.choices.view_of(module).shows_all
    missed = there if shows_all else departures.ours(live.session, live.connection_id, module, sorted(there))
    with live.unit() as (_, desk):
        departures.exclude(desk, module, sorted(there - missed))
        departures.let_go(desk, module, sorted(set(crm_ids) - there))
    take_by_id(live, module, sorted(missed), take)


def _follow_deleted(live: LiveRun, module: str) -> None:
    """Records in the CRM's list of deletions. Then everything up to the start of the read is settled."""
    mark = watermarks.mark_of(live, module)
    if watermarks.has_links(live, module) or (mark is not None and live.choices.fetches(module)):
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


def _not_met(live: LiveRun, module: str) -> Select[str]:
    """The paired records that this run has not met in the view."""
    return _paired(live, module).where((Link.seen_run_id != live.run_id) | Link.seen_run_id.is_(None))


def _paired(live: LiveRun, module: str) -> Select[str]:
    return select(Link.crm_id).where(
        Link.connection_id == live.connection_id,
        Link.crm_module == module,
        Link.state == LinkState.ACTIVE,
        Link.excluded_at.is_(None),
    )
