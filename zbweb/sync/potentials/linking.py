"""Link Potentials to Transactions: a customer's potentials in the CRM, each with the money it led to here.

The CRM is asked for what it knows and never told anything; a link is a note on our document, with the
potential's name and stage, so that pages can show it while the CRM is away.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy.orm import Session

from zbweb.billing import books, customers, transactions
from zbweb.billing.drafts import Potential
from zbweb.billing.journal import Actor
from zbweb.billing.models import Transaction
from zbweb.billing.queries import potentials as money
from zbweb.billing.queries.potentials import Progress
from zbweb.crm.port import CrmClient, Record
from zbweb.errors import Conflict, NotFound
from zbweb.sync.core.words import Entity
from zbweb.sync.models import Connection, Link
from zbweb.sync.pairs import links_of

_MODULE = "Deals"
_NAME = "Deal_Name"
_SHOWN = (_NAME, "Stage", "Amount", "Currency", "Closing_Date", "Owner", "Account_Name", "Contact_Name")
_LEADS_TO = {"Accounts": "Account_Name", "Contacts": "Contact_Name"}
"""The field by which a potential belongs to a record of the customer's module."""
_DETAILS = {
    "Accounts": (
        ("Account_Name", "Account"), ("Phone", "Phone"), ("Website", "Website"), ("Account_Type", "Type"),
        ("Industry", "Industry"), ("Billing_City", "City"), ("Billing_Country", "Country"), ("Owner", "Owner"),
    ),
    "Contacts": (
        ("Full_Name", "Contact"), ("Account_Name", "Account"), ("Email", "Email"), ("Phone", "Phone"),
        ("Mobile", "Mobile"), ("Title", "Title"), ("Mailing_City", "City"), ("Mailing_Country", "Country"),
        ("Owner", "Owner"),
    ),
}  # fmt: skip
"""What is shown of the customer's CRM record: field and label, its name first."""


@dataclass(frozen=True, slots=True)
class PotentialView:
    """A potential as the CRM has it (or as it was last known here), and what it came to here, in the base currency."""

    id: str
    name: str
    stage: str
    progress: Progress
    amount: Decimal | None = None
    currency: str = ""
    closing_date: date | None = None
    owner: str = ""


@dataclass(frozen=True, slots=True)
class CrmDetails:
    """A customer's CRM record for people to read; `facts` are (label, value), empty ones left out."""

    crm_module: str
    crm_id: str
    name: str
    facts: tuple[tuple[str, str], ...]


def crm_details(session: Session, connection: Connection, client: CrmClient, customer_id: int) -> CrmDetails:
    """What the CRM says of a customer; raises CrmError, or Conflict when the customer has no record there."""
    link = _link(session, connection, customer_id)
    fields = _DETAILS[link.crm_module]
    records = client.get_many(link.crm_module, [link.crm_id], [name for name, _ in fields])
    if not records:
        raise NotFound("Zoho CRM does not have this customer's record any more. The next sync says what became of it.")
    values = [(label, _text(records[0].get(name))) for name, label in fields]
    facts = tuple((label, value) for label, value in values if value)
    return CrmDetails(link.crm_module, link.crm_id, values[0][1] or link.crm_name, facts)


def for_customer(session: Session, connection: Connection, client: CrmClient, customer_id: int) -> list[PotentialView]:
    """The customer's potentials in the CRM, those that close last first; raises as `crm_details` does."""
    link = _link(session, connection, customer_id)
    records = client.related(link.crm_module, link.crm_id, _MODULE, _SHOWN)
    progress = _progress(session, [str(record["id"]) for record in records])
    views = [_view(record, connection, progress) for record in records]
    return sorted(views, key=lambda view: (view.closing_date or date.min, view.name), reverse=True)


def known_here(session: Session, customer_id: int) -> list[PotentialView]:
    """The potentials that the customer's documents are tied to, without asking the CRM."""
    known = money.of_customer(session, customer_id)
    progress = _progress(session, [each.id for each in known])
    return [PotentialView(each.id, each.name, each.stage, progress.get(each.id, Progress())) for each in known]


def find(session: Session, connection: Connection, client: CrmClient, customer_id: int, potential_id: str) -> Potential:
    """A potential of this customer as the CRM has it now; raises CrmError, NotFound, or Conflict if it is another's."""
    link = _link(session, connection, customer_id)
    records = client.get_many(_MODULE, [potential_id], _SHOWN) if potential_id.isdecimal() else []
    if not records:
        raise NotFound("There is no such potential in Zoho CRM any more. Open the list again.")
    owner = records[0].get(_LEADS_TO[link.crm_module])
    if not isinstance(owner, dict) or str(owner.get("id")) != link.crm_id:
        raise Conflict(f"The potential {_text(records[0].get(_NAME))} belongs to somebody else in Zoho CRM.")
    return Potential(potential_id, _text(records[0].get(_NAME)), _text(records[0].get("Stage")))


def associate(
    session: Session, transaction: Transaction, potential: Potential, *, customer_id: int, actor: Actor
) -> None:
    """Tie a saved document to a potential that `find` gave for its customer."""
    if transaction.customer_id != customer_id:
        raise Conflict("The document belongs to another customer by now. Reload the page.")
    transactions.link_potential(session, transaction, potential, actor=actor)


def _link(session: Session, connection: Connection, customer_id: int) -> Link:
    customer = customers.find(session, customer_id)
    link = links_of(session, connection.id, Entity.CUSTOMER, [customer_id]).get(customer_id)
    if link is None:
        raise Conflict(
            f"{customer.display_name} is not linked to a record in Zoho CRM, so there are no potentials to show. "
            "Open the customer and choose “Link to…”."
        )
    return link


def _progress(session: Session, potential_ids: Sequence[str]) -> dict[str, Progress]:
    return money.progress(session, potential_ids, today=books.today(session))


def _view(record: Record, connection: Connection, progress: dict[str, Progress]) -> PotentialView:
    potential_id, amount, closing = str(record["id"]), record.get("Amount"), record.get("Closing_Date")
    return PotentialView(
        id=potential_id,
        name=_text(record.get(_NAME)),
        stage=_text(record.get("Stage")),
        progress=progress.get(potential_id, Progress()),
        amount=None if amount is None else Decimal(amount),
        currency=_text(record.get("Currency")) or connection.crm_currency,
        closing_date=date.fromisoformat(closing) if closing else None,
        owner=_text(record.get("Owner")),
    )


def _text(value: Any) -> str:
    """A value as people read it: a lookup by its name."""
    if isinstance(value, dict):
        value = value.get("name")
    return "" if value is None else str(value)


def with_linked(views: Iterable[PotentialView], linked: PotentialView | None) -> list[PotentialView]:
    """The potentials with the linked one first, even where the CRM does not list it (any more)."""
    others = list(views)
    if linked is None:
        return others
    mine = next((view for view in others if view.id == linked.id), linked)
    return [mine, *(view for view in others if view.id != linked.id)]
