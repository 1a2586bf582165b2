"""Search Contacts in CRM: accounts and contacts by name, each with the customer that it is here already."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from zbweb.billing.naming import name_key
from zbweb.crm.port import CrmClient, Record
from zbweb.crm.query import coql_text
from zbweb.sync.core.words import Scope
from zbweb.sync.models import Connection
from zbweb.sync.pull.gather import gather
from zbweb.sync.pull.picking import account_of, choices_for, customers_of, ensure_open
from zbweb.sync.pull.record import crm_name

SHORTEST = 2
"""Letters the CRM's search wants at least."""
TOO_SHORT = "Type at least two letters of the name."
_MOST = 20
_SHOWN = {
    "Accounts": ("Account_Name", "Phone", "Billing_City"),
    "Contacts": ("Full_Name", "Account_Name", "Email", "Mailing_City"),
}
"""What a result shows of a record, its name first."""


@dataclass(frozen=True, slots=True)
class Found:
    """A record of the CRM; `customer_id` is set when it leads to a customer who is here already."""

    crm_module: str
    crm_id: str
    name: str
    detail: str
    customer_id: int | None


def search(session: Session, connection: Connection, client: CrmClient, query: str) -> list[Found]:
    """The accounts and contacts that go by a name, best match first; raises CrmError, NotConnected or Paused.

    Where the setup makes customers of accounts, a contact leads to its account's customer.
    """
    ensure_open(connection)
    by_account = choices_for(session, connection).scope is not Scope.CONTACTS
    modules = ("Accounts", "Contacts") if by_account else ("Contacts",)
    records = {name: client.search(name, word=query, fields=_SHOWN[name], limit=_MOST) for name in modules}
    if not any(records.values()):  # what was made a moment ago is not in the search index yet
        records = {name: client.coql(_by_name(name, query))[:_MOST] for name in modules}
    here = _here(session, connection.id, records, by_account=by_account)
    found = [_found(name, record, here) for name in modules for record in records[name]]
    return sorted(found, key=lambda each: (_distance(each.name, query), each.crm_module, name_key(each.name)))


def _by_name(crm_module: str, query: str) -> str:
    columns, like = ", ".join(_SHOWN[crm_module]), coql_text(f"%{query}%")
    return f"select {columns} from {crm_module} where {_SHOWN[crm_module][0]} like {like}"  # noqa: S608  escaped


def _found(crm_module: str, record: Record, here: Mapping[str, int]) -> Found:
    shown = [record.get(name) for name in _SHOWN[crm_module][1:]]
    texts = [each.get("name") if isinstance(each, dict) else each for each in shown]
    crm_id = str(record["id"])
    detail = " · ".join(str(text) for text in texts if text)
    return Found(crm_module, crm_id, crm_name(record) or crm_id, detail, here.get(crm_id))


def _distance(name: str, query: str) -> int:
    """How far a name is from what was typed; the CRM also finds by e-mail, phone and place."""
    name, query = name_key(name), name_key(query)
    tests = (name == query, name.startswith(query), query in name)
    return next((at for at, holds in enumerate(tests) if holds), len(tests))


def _here(
    session: Session, connection_id: int, records: Mapping[str, Sequence[Record]], *, by_account: bool
) -> dict[str, int]:
    """CRM id → the customer that the record is, belongs to, or would lead to."""
    contacts = records.get("Contacts", ())
    belonging = {str(each["id"]): account_of(each) for each in contacts if by_account and account_of(each)}
    account_ids = [str(each["id"]) for each in records.get("Accounts", ())] + list(belonging.values())
    accounts = customers_of(session, gather(session, connection_id, "Accounts", account_ids).owners)
    own = customers_of(
        session, gather(session, connection_id, "Contacts", [str(each["id"]) for each in contacts]).owners
    )
    led = {crm_id: accounts[account_id] for crm_id, account_id in belonging.items() if account_id in accounts}
    return accounts | led | own
