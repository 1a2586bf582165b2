"""Looking a customer up here and in Zoho CRM: for the pop-up, and for the editor of a browser without JavaScript."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from zbweb.billing.models import Customer
from zbweb.billing.queries import offers
from zbweb.crm.port import CrmClient
from zbweb.db import db
from zbweb.errors import AppError, NotFound
from zbweb.sync import connection
from zbweb.sync.clients import client_for_page
from zbweb.sync.models import Connection
from zbweb.sync.pull import picking, searching
from zbweb.sync.pull.searching import Found
from zbweb.web import access

_HERE_SHOWN = 20
_PICK = "pick"
_NOBODY = "Zoho CRM has no account or contact named “{}”. Try another part of the name."


@dataclass(frozen=True, slots=True)
class Choice:
    """Somebody to pick; `fields` say who it is, `key` is unique on the page."""

    key: str
    name: str
    detail: str
    is_here: bool
    fields: Mapping[str, Any]

    @property
    def op(self) -> str:
        """The same as the value of a button in a form that says other things too; see `picked`."""
        return "-".join([_PICK, *map(str, self.fields.values())])


@dataclass(frozen=True, slots=True)
class Answer:
    """What Zoho CRM finds; or that it finds nobody, or why it could not be asked, as a sentence."""

    found: Sequence[Choice] = ()
    nobody: str = ""
    problem: str = ""


def here(typed: str) -> list[Choice]:
    """Customers who are here."""
    return [_local(customer) for customer in offers.customers(db.session(), typed, limit=_HERE_SHOWN)]


def standing() -> str:
    """Why Zoho CRM cannot be searched now, as far as one knows without asking it."""
    try:
        picking.ensure_open(connection.active_or_refuse(db.session()))
    except AppError as refusal:
        return refusal.message
    return ""


def in_crm(typed: str) -> Answer:
    """Accounts and contacts of Zoho CRM, those who are customers here already among them."""
    if len(typed) < searching.SHORTEST:
        return Answer(problem=searching.TOO_SHORT)
    try:
        live, client = asked()
        found = [_remote(each) for each in searching.search(db.session(), live, client, typed)]
    except AppError as refusal:
        return Answer(problem=refusal.message)
    return Answer(found, nobody="" if found else _NOBODY.format(typed))


def fetch(crm_module: str, crm_id: str) -> int:
    """Fetch a record of Zoho CRM; the id of the customer it becomes."""
    live, client = asked()
    if not crm_module or not crm_id:
        raise NotFound("Choose one of the records found.")
    return picking.fetch_one(live, crm_module, crm_id, actor=access.person().actor, client=client)


def picked(op: str) -> tuple[int | None, str]:
    """Whom the pressed button picks, or why they could not be fetched; nobody where it is another button."""
    act, _, who = op.partition("-")
    if act != _PICK:
        return None, ""
    try:
        return (int(who) if who.isdecimal() else fetch(*who.partition("-")[::2])), ""
    except AppError as refusal:
        return None, refusal.message


def asked() -> tuple[Connection, CrmClient]:
    """The connection and a client that speaks for it, while a person waits; raises NotConnected or Paused."""
    live = connection.active_or_refuse(db.session())
    picking.ensure_open(live)
    return live, client_for_page(live)


def _local(customer: Customer) -> Choice:
    detail = " · ".join(filter(None, (customer.email, customer.billing_city)))
    return Choice(f"here-{customer.id}", customer.display_name, detail, True, {"customer_id": customer.id})  # noqa: FBT003


def _remote(found: Found) -> Choice:
    detail = " · ".join(filter(None, (found.crm_module.removesuffix("s"), found.detail)))
    fields: dict[str, Any] = {"crm_module": found.crm_module, "crm_id": found.crm_id}
    if found.customer_id is not None:
        fields = {"customer_id": found.customer_id}
    return Choice(f"crm-{found.crm_id}", found.name, detail, found.customer_id is not None, fields)
