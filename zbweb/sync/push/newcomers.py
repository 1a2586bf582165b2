"""Who is to be added to the CRM: waiting records without a pair, ready to be sent, or why they are not sent."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from zbweb.billing.models import ContactPerson, Customer
from zbweb.billing.words import CustomerType
from zbweb.crm.port import NAME_FIELDS, Record
from zbweb.sync import holdings
from zbweb.sync.core.fields import Table
from zbweb.sync.core.fieldtypes import Value
from zbweb.sync.core.mapping import to_remote
from zbweb.sync.core.outgoing import LAST_NAME, presented
from zbweb.sync.core.reasons import Reason
from zbweb.sync.core.words import Entity, Outcome
from zbweb.sync.desk import Desk
from zbweb.sync.holdings import KINDS, Holding
from zbweb.sync.pairs import links_of, past_crm_ids, skipped_twins
from zbweb.sync.pull import near
from zbweb.sync.push import waiting
from zbweb.sync.push.lookup import Sought
from zbweb.sync.push.pushing import Push, Told, fail, fail_issue, nothing_to_tell
from zbweb.sync.push.waiting import Waiting

_MANDATORY = {"Accounts": NAME_FIELDS["Accounts"], "Contacts": LAST_NAME}


@dataclass(frozen=True, slots=True)
class Newcomer:
    """A record to be added: how to find it in the CRM, our values as the CRM will say them back, and its JSON."""

    waiting: Waiting
    sought: Sought
    ours: Mapping[str, Value]
    record: Record


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A local record that is to be added, and the accounts of customers whom persons belong to."""

    table: Table
    holding: Holding
    accounts: Mapping[int, str]


def gather(push: Push, desk: Desk, table: Table, rows: Sequence[Waiting]) -> list[Newcomer]:
    """The newcomers among waiting rows. What is not pushed at all leaves the outbox, what cannot be is written down."""
    kind, ids = KINDS[table], [each.entity_id for each in rows]
    linked = links_of(desk.session, desk.connection_id, kind.entity, ids)
    barred = _barred(push, desk, kind.entity, ids)
    local = holdings.load(desk.session, kind, [entity_id for entity_id in ids if entity_id not in linked])
    unsure = _unsure(push, desk, [each for key, each in local.items() if key not in barred])
    accounts = accounts_of(desk, local.values())
    idle, newcomers = [], []
    for each in rows:
        holding = local.get(each.entity_id)
        if holding is None:
            continue
        if each.entity_id in barred or (not _is_offered(holding) and not push.chosen):
            idle.append(each)
        elif each.entity_id in unsure:
            desk.note(Told(table, holding.id, holdings.name_of(holding)).fate(Outcome.SKIPPED, Reason.AWAITS_REVIEW))
            idle.append(each)
        elif isinstance(holding, ContactPerson) and holding.customer_id not in accounts:
            idle += _without_account(desk, each, holding)
        else:
            newcomers += _compose(push, desk, each, _Candidate(table, holding, accounts))
    nothing_to_tell(desk, table, idle)
    return newcomers


def _is_offered(holding: Holding) -> bool:
    return holding.active if isinstance(holding, Customer) else True


def _barred(push: Push, desk: Desk, entity: Entity, ids: Sequence[int]) -> set[int]:
    """Those with a past, who are not added again: skipped as twins; unlinked or deleted, unless asked for now."""
    barred = skipped_twins(desk.session, desk.connection_id, ids) if entity is Entity.CUSTOMER else set()
    if not push.asked_for:
        barred |= past_crm_ids(desk.session, desk.connection_id, entity, ids).keys()
    return barred


def _unsure(push: Push, desk: Desk, local: Sequence[Holding]) -> set[int]:
    """Customers who may be in the CRM under another name: somebody has to say so before they are added again."""
    customers = [each for each in local if isinstance(each, Customer) and (each.active or push.chosen)]
    if push.asked_for:
        return set()
    near.look_around(desk, customers)
    return near.undecided(desk.session, desk.connection_id, [each.id for each in customers])


def accounts_of(desk: Desk, local: Iterable[Holding]) -> dict[int, str]:
    """The accounts of the customers whom contact persons belong to."""
    ids = {holding.customer_id for holding in local if isinstance(holding, ContactPerson)}
    links = links_of(desk.session, desk.connection_id, Entity.CUSTOMER, ids)
    return {customer_id: link.crm_id for customer_id, link in links.items() if link.crm_module == "Accounts"}


def _without_account(desk: Desk, each: Waiting, person: ContactPerson) -> list[Waiting]:
    """A person whose account is yet to come waits for it; those of others are not pushed: who leaves the outbox."""
    customer = desk.session.get(Customer, person.customer_id)
    is_business = customer is not None and customer.type == CustomerType.BUSINESS
    if not is_business or not waiting.are_waiting(desk.session, Entity.CUSTOMER, [person.customer_id]):
        return [each]
    told = Told(Table.PERSON, person.id, holdings.name_of(person))
    fail(desk, each, told, Reason.PERSON_WAITS, code=Reason.PERSON_WAITS, words="")
    return []


def _compose(push: Push, desk: Desk, each: Waiting, candidate: _Candidate) -> list[Newcomer]:
    table, holding = candidate.table, candidate.holding
    rows, name = push.rows(table), holdings.name_of(holding)
    ours = presented(holdings.values_of(holding, [row.key for row in rows]), rows, name=name)
    record, issue = to_remote({key: value for key, value in ours.items() if value not in ("", None)}, rows)
    if issue is not None:
        fail_issue(desk, each, Told(table, holding.id, name), issue)
        return []
    record.setdefault(_MANDATORY[table.crm_module], name)
    if push.owner_id:
        record["Owner"] = {"id": push.owner_id}
    if isinstance(holding, ContactPerson):
        record["Account_Name"] = {"id": candidate.accounts[holding.customer_id]}
    sought = sought_of(table, holding, ours, candidate.accounts, ahead=desk.crm_ahead)
    return [Newcomer(each, sought, ours, record)]


def sought_of(
    table: Table, holding: Holding, ours: Mapping[str, Value], accounts: Mapping[int, str], *, ahead: timedelta
) -> Sought:
    """How a local record would be found in the CRM; a contact goes by the name that the CRM makes of its parts.

    `ahead` is the CRM's clock minus ours.
    """
    name = holdings.name_of(holding)
    if isinstance(holding, ContactPerson):
        whole = " ".join(str(part) for part in (ours.get("first_name"), ours.get("last_name")) if part)
        return Sought(holding.id, whole or name, accounts.get(holding.customer_id, ""))
    made_at = (holding.created_at + min(ahead, timedelta(0))).replace(microsecond=0)
    there = str(ours.get("display_name") or name) if table is Table.CONTACT else name
    return Sought(holding.id, there, made_at=made_at)
