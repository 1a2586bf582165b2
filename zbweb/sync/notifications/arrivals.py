"""Accounts and contacts that a notification named, brought in by the routine of a run, as far as the setup wants them.

Like a pick it takes no turn, but it waits while a run is asked for or under way: the run brings and counts the
change itself, and what we have just sent to the CRM is told back to us before our own link to it is written down.
A record outside of the chosen view is not brought in, unless it was made here; one that left the view is excluded,
one that is gone is let go.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from zbweb.clock import now
from zbweb.crm.port import CrmClient, Record
from zbweb.db import db, unit_of_work
from zbweb.sync import runs
from zbweb.sync.core.choices import Choices
from zbweb.sync.core.fields import Table
from zbweb.sync.core.mapping import Row, fields_to_read
from zbweb.sync.core.reasons import Reason
from zbweb.sync.core.words import RunStatus, SyncedModule, Trigger
from zbweb.sync.desk import CRM_ACTOR, Desk
from zbweb.sync.models import Connection, ModuleSetup, SyncEntry, SyncRun
from zbweb.sync.pull import departures
from zbweb.sync.pull.gather import gather
from zbweb.sync.pull.reading import COQL_CHUNK, contacts_of, take_accounts, take_contacts
from zbweb.sync.pull.settling import chunks
from zbweb.sync.push import waiting
from zbweb.sync.setup import mappings, remapping

_CLOCKS_DIFFER = timedelta(minutes=10)
_TRIES = 3
_TOLD_BEFORE = (Reason.ACCOUNT_NOT_SYNCED, Reason.NO_ACCOUNT, Reason.REMOVED_HERE, Reason.KEPT_APART)
"""What every sync says of these records again: no news, so no reason for a run in the history."""


@dataclass(frozen=True, slots=True)
class _Reading:
    """What bringing in works with."""

    connection: Connection
    client: CrmClient
    choices: Choices
    mapping: Mapping[Table, Sequence[Row]]
    since: datetime

    def read(self, crm_module: str, crm_ids: Sequence[str]) -> list[Record]:
        """Records as a run would read them."""
        return self.client.get_many(crm_module, crm_ids, fields_to_read(self.mapping, crm_module))


@dataclass(frozen=True, slots=True)
class _Haul:
    """What the CRM says of the named records: those to bring in, those out of the view, those that are gone.

    `contacts` belong to accounts that are new here: they did not change, so nobody names them.
    """

    records: Sequence[Record]
    left_view: Sequence[str]
    gone: Sequence[str]
    contacts: Sequence[Record] = ()


def bring(connection: Connection, crm_module: str, crm_ids: Sequence[str], since: datetime, client: CrmClient) -> bool:
    """Bring in the named records, which changed after `since`; False when that has to wait. Raises CrmError.

    Call it outside of any unit of work, in a session that works for the connection's organisation.
    """
    session = db.session()
    setup = runs.setup_of(session, connection.id, SyncedModule.CUSTOMERS)
    if setup is None or not _wants(setup, crm_module):
        return True
    if _is_busy(session, connection):
        return False
    choices = runs.choices_of(setup)
    mapping = mappings.for_tables(session, choices, client, choices.tables_read)
    reading = _Reading(connection, client, choices, mapping, since - _CLOCKS_DIFFER)
    haul = _ask(session, reading, crm_module, crm_ids)
    for _ in range(_TRIES):
        try:
            _write(reading, crm_module, haul)
        except IntegrityError:  # somebody else brought one of them in: look again
            continue
        return True
    return False


def _wants(setup: ModuleSetup, crm_module: str) -> bool:
    """Whether the setup reads this module, and has done so once: until then the first sync reads everything."""
    is_read = runs.choices_of(setup).reads(crm_module)
    return setup.is_saved and setup.enabled and is_read and crm_module in setup.watermarks


def _is_busy(session: Session, connection: Connection) -> bool:
    """Whether a customers' run is asked for or under way, or what one sent to the CRM has not been settled yet."""
    is_open = runs.open_run(session, connection) is not None
    return is_open or any(waiting.in_doubt(session, table) for table in Table)


# --- asking -----------------------------------------------------------------------------------------


def _ask(session: Session, reading: _Reading, crm_module: str, crm_ids: Sequence[str]) -> _Haul:
    records = reading.read(crm_module, crm_ids)
    there = {str(record["id"]) for record in records}
    gone = [crm_id for crm_id in crm_ids if crm_id not in there]
    ours = departures.ours(session, reading.connection.id, crm_module, sorted(there))
    members, left_view = _by_view(reading, crm_module, there, ours)
    kept = [record for record in records if str(record["id"]) in members]
    if crm_module != "Accounts" or Table.PERSON not in reading.choices.tables:
        return _Haul(kept, left_view, gone)
    return _Haul(kept, left_view, gone, _contacts_of_new(session, reading, kept))


def _by_view(reading: _Reading, crm_module: str, there: set[str], ours: set[str]) -> tuple[set[str], list[str]]:
    """Those of the records that are in the chosen view or ours whatever it shows, and those that changed and left."""
    view = reading.choices.view_of(crm_module)
    if view.shows_all or not there:
        return there, []
    members = _changed(reading, crm_module, view.id) & there | ours
    return members, sorted((_changed(reading, crm_module, None) & there) - members)


def _changed(reading: _Reading, crm_module: str, view_id: str | None) -> set[str]:
    pages = reading.client.pages(crm_module, ["Modified_Time"], view_id=view_id, modified_since=reading.since)
    return {str(record["id"]) for page in pages for record in page.records}


def _contacts_of_new(session: Session, reading: _Reading, accounts: Sequence[Record]) -> list[Record]:
    """The contacts of accounts that are not linked yet. Of a contact view only a whole read knows them."""
    ids = [str(account["id"]) for account in accounts]
    linked = gather(session, reading.connection.id, "Accounts", ids).links
    fresh = [account_id for account_id in ids if account_id not in linked]
    if not reading.choices.view_of("Contacts").shows_all:
        return []
    found = [crm_id for chunk in chunks(fresh, COQL_CHUNK) for crm_id in contacts_of(reading.client, chunk)]
    return reading.read("Contacts", found) if found else []


# --- writing ----------------------------------------------------------------------------------------


def _write(reading: _Reading, crm_module: str, haul: _Haul) -> None:
    with unit_of_work() as session:
        connection = runs.hold_connection(session, reading.connection.id)
        runs.setup_of(session, connection.id, SyncedModule.CUSTOMERS, lock=True)
        if not connection.is_live:
            return
        connection.credits_remaining = reading.client.credits_remaining
        run = _begin_run(session, connection, reading.choices, crm_module, haul)
        desk = Desk(
            session, run.organisation_id, connection.id, run.id, reading.choices, reading.mapping,
            crm_ahead=reading.client.ahead,
        )  # fmt: skip
        departures.let_go(desk, crm_module, haul.gone)  # first: the survivor of a merge takes a link over
        if crm_module == "Accounts":
            take_accounts(desk, haul.records)
            take_contacts(desk, haul.contacts)
        else:
            take_contacts(desk, haul.records)
        departures.exclude(desk, crm_module, haul.left_view)
        desk.count_on(run)
        remapping.forget_since(session, run)
        if _is_news(session, run):
            runs.end(session, run, runs.verdict(run))
        else:
            session.delete(run)


def _begin_run(session: Session, connection: Connection, choices: Choices, crm_module: str, haul: _Haul) -> SyncRun:
    moment, ids = now(), [str(record["id"]) for record in haul.records]
    run = SyncRun(
        organisation_id=connection.organisation_id, connection_id=connection.id, module=SyncedModule.CUSTOMERS,
        trigger=Trigger.NOTIFICATION, status=RunStatus.RUNNING, actor_name=CRM_ACTOR, setup=choices.to_json(),
        only={"crm": {crm_module: [*ids, *haul.gone]}}, done=len(ids), total=len(ids),
        queued_at=moment, started_at=moment,
    )  # fmt: skip
    session.add(run)
    session.flush()  # entries and journal lines name the run
    return run


def _is_news(session: Session, run: SyncRun) -> bool:
    news = select(SyncEntry.id).where(SyncEntry.run_id == run.id, SyncEntry.reason.not_in(_TOLD_BEFORE))
    return session.scalars(news.limit(1)).first() is not None
