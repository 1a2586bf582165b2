"""The customer of a document as the CRM wants it: an account, and a contact where there is one.

A customer who is not in the CRM yet is pushed first; one whose record there was deleted, merged or unlinked is not
made anew behind anybody's back: new documents wait, and those that are there stay where they are. So do the documents
of a customer who may be in the CRM under another name, until somebody has said so.

An individual is a contact there, but the CRM's documents want an account: the contact's own, else one by the
customer's name, which the customers' sync leaves alone.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select

from zbweb.billing.models import ContactPerson, Customer
from zbweb.billing.naming import name_key
from zbweb.billing.words import Kind
from zbweb.crm import exactly
from zbweb.db import db
from zbweb.sync import runs
from zbweb.sync.core.reasons import Reason
from zbweb.sync.core.verdicts import refusal
from zbweb.sync.core.words import Direction, Entity, Extent, LinkReason, LinkState, SyncedModule
from zbweb.sync.models import Connection, Link
from zbweb.sync.outbox.courier import Courier, Setback
from zbweb.sync.pairs import linked_crm_ids, links_of, past_crm_ids, skipped_twins
from zbweb.sync.pull import near
from zbweb.sync.push.one_customer import push_one

_ACCOUNTS, _CONTACTS = "Accounts", "Contacts"


@dataclass(frozen=True, slots=True)
class Party:
    """The CRM's ids of a customer."""

    account: str = ""
    contact: str = ""


@dataclass(frozen=True, slots=True)
class Parties:
    """Parties by customer id; `busy` customers cannot be pushed this moment, `blocked` ones not at all.

    `past` are the CRM ids of customers who had a pair and have none now.
    """

    known: Mapping[int, Party]
    busy: frozenset[int]
    blocked: Mapping[int, Setback]
    past: Mapping[int, Collection[str]]


def ensure(courier: Courier, kind: Kind, customer_ids: Collection[int]) -> Parties:
    """The parties of these customers; raises the CrmError of a CRM that could not be asked."""
    links = links_of(db.session(), courier.connection_id, Entity.CUSTOMER, customer_ids)
    found = {customer_id: (link.crm_module, link.crm_id) for customer_id, link in links.items()}
    busy: set[int] = set()
    are_pushed = _are_pushed(courier.connection_id)
    missing = set(customer_ids) - found.keys()
    past = past_crm_ids(db.session(), courier.connection_id, Entity.CUSTOMER, missing)
    for customer_id in sorted(missing - _held(courier, missing).keys()) if are_pushed else ():
        link = _push(courier, customer_id)
        if link is not None:
            found[customer_id] = link.crm_module, link.crm_id
        elif runs.is_running(db.session(), courier.connection_id):
            busy.add(customer_id)
    accounts = {key: crm_id for key, (module, crm_id) in found.items() if module == _ACCOUNTS}
    contacts = {key: crm_id for key, (module, crm_id) in found.items() if module == _CONTACTS}
    known = _with_primary_contacts(courier, accounts)
    left = set(customer_ids) - found.keys() - busy
    blocked = dict.fromkeys(left, _NOT_THERE if are_pushed else _ONLY_FETCHED) | _held(courier, left)
    if contacts and _wants_account(courier, kind):
        theirs, refused = _accounts_of(courier, kind, contacts)
        known |= {key: Party(theirs[key], contacts[key]) for key in theirs}
        blocked |= refused
    else:
        known |= {key: Party("", crm_id) for key, crm_id in contacts.items()}
    return Parties(known, frozenset(busy), blocked, past)


_NOT_THERE = Setback(
    Reason.BLOCKED_BY_CUSTOMER, Reason.BLOCKED_BY_CUSTOMER,
    "The customer could not be sent to Zoho CRM; the history says why.",
)  # fmt: skip
_ONLY_FETCHED = Setback(
    Reason.CUSTOMER_ONLY_FETCHED, Reason.CUSTOMER_ONLY_FETCHED,
    "The customer is not in Zoho CRM, and customers are only fetched from there.", hint=3600.0, is_skip=True,
)  # fmt: skip
_PARTED = Setback(
    Reason.CUSTOMER_PARTED, Reason.CUSTOMER_PARTED,
    "The customer's record in Zoho CRM was deleted, merged or unlinked. Link the customer to a record, or choose Push "
    "now on its page.", hint=3600.0, is_skip=True,
)  # fmt: skip
_IN_REVIEW = Setback(
    Reason.CUSTOMER_IN_REVIEW, Reason.CUSTOMER_IN_REVIEW,
    "The customer may be the same as one that came from Zoho CRM. An admin can say so in the review list.",
    hint=3600.0, is_skip=True,
)  # fmt: skip
"""Nobody's mistake: the document is looked at again when somebody has spoken of its customer, and hourly."""


_SKIPPED = Setback(
    Reason.CUSTOMER_SKIPPED, Reason.CUSTOMER_SKIPPED,
    "Zoho CRM has a record of the customer's name, which was left apart as the setup says Skip. Link the two.",
    hint=3600.0, is_skip=True,
)  # fmt: skip


def _held(courier: Courier, customer_ids: Collection[int]) -> dict[int, Setback]:
    """Those of customers without a pair who are not pushed before a person has spoken, and about what."""
    session, connection_id = db.session(), courier.connection_id
    return (
        dict.fromkeys(skipped_twins(session, connection_id, customer_ids), _SKIPPED)
        | dict.fromkeys(near.undecided(session, connection_id, customer_ids), _IN_REVIEW)
        | dict.fromkeys(past_crm_ids(session, connection_id, Entity.CUSTOMER, customer_ids), _PARTED)
    )


def _are_pushed(connection_id: int) -> bool:
    setup = runs.setup_of(db.session(), connection_id, SyncedModule.CUSTOMERS)
    return setup is not None and setup.extent == Extent.BOTH


def _push(courier: Courier, customer_id: int) -> Link | None:
    courier.renew()
    connection = db.session.get_one(Connection, courier.connection_id)
    return push_one(connection, customer_id, courier.client)


def _with_primary_contacts(courier: Courier, accounts: Mapping[int, str]) -> dict[int, Party]:
    statement = (
        select(ContactPerson.customer_id, Link.crm_id)
        .join(Link, (Link.entity_id == ContactPerson.id) & (Link.entity == Entity.CONTACT_PERSON))
        .where(
            ContactPerson.customer_id.in_(accounts), ContactPerson.primary,
            Link.connection_id == courier.connection_id, Link.state == LinkState.ACTIVE,
        )
    )  # fmt: skip
    primary: dict[int, str] = dict(db.session.execute(statement).all())
    return {key: Party(crm_id, primary.get(key, "")) for key, crm_id in accounts.items()}


def _wants_account(courier: Courier, kind: Kind) -> bool:
    column = courier.modules[kind].shape.get("account")
    return column is not None and column.required


def _accounts_of(
    courier: Courier, kind: Kind, contacts: Mapping[int, str]
) -> tuple[dict[int, str], dict[int, Setback]]:
    """The accounts of individuals: the contact's, else the one that was made for their documents, else a new one."""
    records = courier.client.get_many(_CONTACTS, list(contacts.values()), ["Account_Name"])
    of_contact = {str(each["id"]): str(each["Account_Name"]["id"]) for each in records if each.get("Account_Name")}
    known = {key: of_contact[crm_id] for key, crm_id in contacts.items() if crm_id in of_contact}
    known |= _made_before(courier, contacts.keys() - known.keys())
    return _make_accounts(courier, kind, known, sorted(contacts.keys() - known.keys()))


def _made_before(courier: Courier, customer_ids: Collection[int]) -> dict[int, str]:
    statement = select(Link.entity_id, Link.crm_id).where(
        Link.connection_id == courier.connection_id, Link.entity == Entity.CUSTOMER,
        Link.entity_id.in_(customer_ids), Link.state == LinkState.APART, Link.reason == LinkReason.FOR_DOCUMENTS,
    ).order_by(Link.id)  # fmt: skip
    return dict(db.session.execute(statement).all())


def _make_accounts(
    courier: Courier, kind: Kind, known: dict[int, str], customer_ids: Sequence[int]
) -> tuple[dict[int, str], dict[int, Setback]]:
    names = {
        each.id: each.display_name for each in db.session.scalars(select(Customer).where(Customer.id.in_(customer_ids)))
    }
    found = _accounts_by_name(courier, names)
    missing = [key for key in names if key not in found]
    refused: dict[int, Setback] = {}
    if missing:
        records = [{"Account_Name": names[key]} for key in missing]
        trigger = courier.modules[kind].choices.fire_triggers
        for key, verdict in zip(missing, courier.client.insert(_ACCOUNTS, records, trigger=trigger), strict=True):
            if verdict.ok and verdict.crm_id:
                found[key] = verdict.crm_id
            else:
                said = refusal(verdict.code, verdict.message, verdict.details)
                refused[key] = Setback(said.reason, said.code, said.words)
    if found:
        _remember(courier, kind, found, names)
    return known | found, refused


def _accounts_by_name(courier: Courier, names: Mapping[int, str]) -> dict[int, str]:
    """Accounts of these names that are nobody's pair: one may be ours, from a push whose answer was lost."""
    there = exactly.having(courier.client, _ACCOUNTS, "Account_Name", names.values(), columns=())
    ids = [str(record["id"]) for record in there]
    taken = linked_crm_ids(db.session(), courier.connection_id, _ACCOUNTS, ids)
    free = {name_key(each["Account_Name"]): str(each["id"]) for each in there if str(each["id"]) not in taken}
    return {key: free[name_key(name)] for key, name in names.items() if name_key(name) in free}


def _remember(courier: Courier, kind: Kind, found: Mapping[int, str], names: Mapping[int, str]) -> None:
    with courier.unit(kind) as desk:
        desk.add_links(
            [
                desk.link_row(
                    Entity.CUSTOMER, key, _ACCOUNTS, crm_id, crm_name=names[key][:255], state=LinkState.APART,
                    reason=LinkReason.FOR_DOCUMENTS, made_by="billing", direction=Direction.OUT, seen_run_id=None,
                )
                for key, crm_id in found.items()
            ]
        )  # fmt: skip
