"""Fetching the one CRM record that a person picked, now.

A pick is a run of its own, so that the history explains it, but one that takes no turn: the CRM is asked first,
then everything is written in one unit of work. So it works while a big run is going on; where both meet at the
same record, the unique links decide and the pick looks again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.exc import DataError, IntegrityError
from sqlalchemy.orm import Session

from zbweb.billing.journal import Actor
from zbweb.billing.models import ContactPerson, Customer
from zbweb.clock import now
from zbweb.crm.errors import CrmError
from zbweb.crm.port import CrmClient, Record
from zbweb.db import db, unit_of_work
from zbweb.errors import Conflict, NotFound
from zbweb.sync import runs
from zbweb.sync.core.choices import Choices, View
from zbweb.sync.core.fields import Table
from zbweb.sync.core.mapping import Row, fields_to_read
from zbweb.sync.core.reasons import SENTENCES, Reason
from zbweb.sync.core.words import Entity, Extent, LinkState, Policy, RunStatus, Scope, SyncedModule, Trigger, Winner
from zbweb.sync.desk import Desk
from zbweb.sync.errors import NotConnected, Paused
from zbweb.sync.models import Connection, Link, SyncEntry, SyncRun
from zbweb.sync.pull.gather import gather
from zbweb.sync.pull.record import bring_in, bring_in_persons, crm_name
from zbweb.sync.setup import mappings, remapping

_TRIES = 2
Batch = tuple[Table, Sequence[Record]]


@dataclass(frozen=True, slots=True)
class _Pick:
    """What fetching one record works with. `session` is for reading between calls to the CRM."""

    session: Session
    connection: Connection
    client: CrmClient
    choices: Choices
    mapping: Mapping[Table, Sequence[Row]]
    actor: Actor
    began: datetime
    trigger: Trigger


def ensure_open(connection: Connection) -> None:
    """Picking is a manual sync: refused with NotConnected while disabled, with Paused while paused."""
    if not connection.is_live:
        raise NotConnected("The integration with Zoho CRM is disabled. An admin can choose Enable Integration.")
    if connection.is_paused:
        raise Paused("The sync with Zoho CRM is paused, so nothing is fetched from there. An admin can resume it.")


def fetch_one(
    connection: Connection,
    crm_module: str,
    crm_id: str,
    *,
    actor: Actor,
    client: CrmClient,
    trigger: Trigger = Trigger.PICKED,
) -> int:
    """Fetch one account or contact, and what belongs to it, as a run of its own; the id of its customer.

    An account comes with its contacts, a contact with its account. Call it outside of any unit of work. Raises
    NotConnected, Paused, CrmError, NotFound, or Conflict when the record cannot become a customer; the run that
    the history shows says the same.
    """
    ensure_open(connection)
    if crm_module not in {"Accounts", "Contacts"} or not crm_id.isdecimal():
        raise NotFound("There is no such record in Zoho CRM. Search again.")
    session, began = db.session(), now()
    choices = choices_for(session, connection)
    try:
        mapping = mappings.for_tables(session, choices, client, _tables(choices, crm_module))
        pick = _Pick(session, connection, client, choices, mapping, actor, began, trigger)
        batches = _haul(pick, crm_module, crm_id)
    except CrmError as error:
        _note_failure(_run(connection, choices, actor, began, trigger), error)
        raise
    run_id = _bring_in(pick, batches)
    table, (lead, *_) = batches[0]
    return _outcome(session, run_id, connection, table.crm_module, lead)


def choices_for(session: Session, connection: Connection) -> Choices:
    """The saved setup, or what fits where nobody configured customers yet."""
    setup = runs.setup_of(session, connection.id, SyncedModule.CUSTOMERS)
    if setup is not None and setup.is_saved:
        return runs.choices_of(setup)
    return Choices(
        version=0, scope=Scope.ACCOUNTS_AND_CONTACTS, include_loose=True, extent=Extent.FETCH, policy=Policy.SKIP,
        winner=Winner.CRM, fire_triggers=False, account_view=View(), contact_view=View(), mappings={},
    )  # fmt: skip


def _tables(choices: Choices, crm_module: str) -> list[Table]:
    """The mapping tables that a pick may need: a person's wish for a contact counts, whatever the setup fetches."""
    persons = [Table.PERSON] if Table.PERSON in choices.tables else []
    if crm_module == "Accounts":
        return [Table.ACCOUNT, *persons]
    accounts = [] if choices.scope is Scope.CONTACTS else [Table.ACCOUNT, *persons]
    return [Table.CONTACT, *accounts]


def _haul(pick: _Pick, crm_module: str, crm_id: str) -> list[Batch]:
    """What is to be brought in, asked of the CRM; the first record of it is the one that becomes the customer."""
    if crm_module == "Accounts":
        return _account(pick, crm_id)
    contact = _read(pick, "Contacts", [crm_id])[0]
    link = gather(pick.session, pick.connection.id, "Contacts", [crm_id]).links.get(crm_id)
    is_individual = link is not None and link.entity == Entity.CUSTOMER
    account_id = account_of(contact)
    if is_individual or not account_id or pick.choices.scope is Scope.CONTACTS:
        return [(Table.CONTACT, [contact])]
    return _account(pick, account_id)


def _account(pick: _Pick, account_id: str) -> list[Batch]:
    accounts = _read(pick, "Accounts", [account_id])
    if Table.PERSON not in pick.mapping:
        return [(Table.ACCOUNT, accounts)]
    related = pick.client.related("Accounts", account_id, "Contacts", ["Last_Name"])
    persons = _read(pick, "Contacts", [str(each["id"]) for each in related]) if related else []
    return [(Table.ACCOUNT, accounts), (Table.PERSON, persons)]


def _read(pick: _Pick, crm_module: str, crm_ids: Sequence[str]) -> list[Record]:
    """Records as a run would read them; raises NotFound when none of them is there."""
    records = pick.client.get_many(crm_module, crm_ids, fields_to_read(pick.mapping, crm_module))
    if not records:
        raise NotFound("Zoho CRM does not have this record any more. It may have been deleted or merged there.")
    return records


def _bring_in(pick: _Pick, batches: Sequence[Batch]) -> int:
    """Write everything in one unit of work; what another run brought in meanwhile is looked at again."""
    for _ in range(_TRIES):
        try:
            return _bring_in_once(pick, batches)
        except IntegrityError:
            continue
        except DataError as error:
            raise Conflict(
                f"A value of the record does not fit here; correct it in Zoho CRM. ({error.orig})"
            ) from error
    raise Conflict("The record is being fetched by somebody else right now. Try again in a moment.")


def _bring_in_once(pick: _Pick, batches: Sequence[Batch]) -> int:
    with unit_of_work() as session:
        connection = runs.hold_connection(session, pick.connection.id)
        runs.setup_of(session, connection.id, SyncedModule.CUSTOMERS, lock=True)
        ensure_open(connection)
        connection.credits_remaining = pick.client.credits_remaining
        run = _run(connection, pick.choices, pick.actor, pick.began, pick.trigger)
        run.only = {"crm": {table.crm_module: [str(each["id"]) for each in records] for table, records in batches}}
        run.total = run.done = sum(len(records) for _, records in batches)
        session.add(run)
        session.flush()  # entries and journal lines name the run
        desk = Desk(
            session, run.organisation_id, connection.id, run.id, pick.choices, pick.mapping, asked_for=True,
            crm_ahead=pick.client.ahead,
        )  # fmt: skip
        for table, records in batches:
            if table is Table.PERSON:
                bring_in_persons(desk, records)
            else:
                bring_in(desk, table, records)
        desk.count_on(run)
        remapping.forget_since(session, run)
        runs.end(session, run, runs.verdict(run))
    return run.id


def _run(connection: Connection, choices: Choices, actor: Actor, began: datetime, trigger: Trigger) -> SyncRun:
    return SyncRun(
        organisation_id=connection.organisation_id, connection_id=connection.id, module=SyncedModule.CUSTOMERS,
        trigger=trigger, actor_name=actor.name, setup=choices.to_json(), queued_at=began, started_at=began,
    )  # fmt: skip


def _note_failure(run: SyncRun, error: CrmError) -> None:
    code = error.word
    words = " ".join(str(part) for part in (error.crm_status, code) if part)
    with unit_of_work() as session:
        session.add(run)
        runs.end(session, run, RunStatus.FAILED, code=code[:64], message=f"{error.message} ({words})")


# --- what came of it --------------------------------------------------------------------------------


def _outcome(session: Session, run_id: int, connection: Connection, crm_module: str, lead: Record) -> int:
    """The customer that the record is now, or its twin that the policy kept; Conflict says why there is none."""
    crm_id = str(lead["id"])
    links = gather(session, connection.id, crm_module, [crm_id])
    customer_id = customers_of(session, links.owners).get(crm_id)
    twin = links.apart.get(crm_id)
    if customer_id is None and twin is not None and not _is_linked(session, connection.id, twin.entity_id):
        customer_id = twin.entity_id
    if customer_id is None or session.scalar(select(Customer.id).where(Customer.id == customer_id)) is None:
        raise Conflict(f"{crm_name(lead)} could not be fetched. {_why(session, run_id, crm_id)}")
    return customer_id


def _is_linked(session: Session, connection_id: int, customer_id: int) -> bool:
    statement = select(Link.id).where(
        Link.connection_id == connection_id, Link.entity == Entity.CUSTOMER, Link.entity_id == customer_id,
        Link.state == LinkState.ACTIVE,
    )  # fmt: skip
    return session.scalars(statement).first() is not None


def _why(session: Session, run_id: int, crm_id: str) -> str:
    entry = session.scalars(select(SyncEntry).where(SyncEntry.run_id == run_id, SyncEntry.crm_id == crm_id)).first()
    if entry is None:  # told once, and nothing has changed since
        return SENTENCES[Reason.TWIN_TAKEN]
    words = f" ({entry.crm_words})" if entry.crm_words else ""
    return SENTENCES[Reason(entry.reason)] + words


def customers_of(session: Session, links: Mapping[str, Link]) -> dict[str, int]:
    """CRM id → customer, for active links of customers and of contact persons."""
    persons = [link.entity_id for link in links.values() if link.entity == Entity.CONTACT_PERSON]
    statement = select(ContactPerson.id, ContactPerson.customer_id).where(ContactPerson.id.in_(persons))
    owner: dict[int, int] = {person: customer for person, customer in session.execute(statement).all()}  # noqa: C416
    whose = {
        crm_id: link.entity_id if link.entity == Entity.CUSTOMER else owner.get(link.entity_id)
        for crm_id, link in links.items()
    }
    return {crm_id: customer_id for crm_id, customer_id in whose.items() if customer_id is not None}


def account_of(record: Record) -> str:
    """The id of the account that a contact belongs to, "" if none."""
    account = record.get("Account_Name")
    return str(account.get("id") or "") if isinstance(account, dict) else ""
