"""Search Contacts in CRM: the pop-up beside Customer Name, and a page of its own for browsers without JavaScript."""

from dataclasses import asdict, dataclass
from typing import Any

from flask import Blueprint, Response, flash, request, url_for
from flask.typing import ResponseReturnValue

from zbweb.billing import customers
from zbweb.billing.models import Customer
from zbweb.billing.queries import offers
from zbweb.billing.words import Kind
from zbweb.db import db
from zbweb.errors import AppError, NotFound
from zbweb.sync import connection
from zbweb.sync.clients import client_for_page
from zbweb.sync.pull import picking, searching
from zbweb.sync.pull.searching import Found
from zbweb.web import access, htmx

bp = Blueprint("crm_lookup", __name__)
_PAGE = "crm_lookup/dialog.html"
_HERE_SHOWN = 20
_KINDS = frozenset(map(str, Kind))


@dataclass(frozen=True, slots=True)
class Opener:
    """Where the pop-up was opened: in a document's editor (of which kind, of which saved document), or elsewhere."""

    editor: str
    kind: str
    transaction_id: int | None

    @classmethod
    def asked(cls) -> "Opener":
        """As the request says."""
        said = request.values
        kind = said.get("kind", "")
        return cls(said.get("editor", ""), kind if kind in _KINDS else "", said.get("transaction_id", type=int))

    def values(self) -> dict[str, Any]:
        """What the pop-up's own forms hand on."""
        return {name: value for name, value in asdict(self).items() if value}


@dataclass(frozen=True, slots=True)
class Choice:
    """Somebody to pick; `fields` say who it is, `key` is unique on the page."""

    key: str
    name: str
    detail: str
    is_here: bool
    fields: dict[str, Any]


@bp.get("/customers/lookup")
@access.allow()
def dialog() -> ResponseReturnValue:
    """The pop-up: customers who are here, and a search in Zoho CRM."""
    typed = "" if request.args.get("customer_id") else request.args.get("customer_name", "").strip()
    return htmx.page_or_block(_PAGE, "dialog", **_context(typed, problem=_standing()))


@bp.get("/customers/lookup/search")
@access.allow()
def search() -> ResponseReturnValue:
    """The customers here that a name finds; or what Zoho CRM finds, or why it could not be asked."""
    typed = request.args.get("q", "").strip()
    if request.args.get("source") != "crm":
        return htmx.page_or_block(_PAGE, "here", **_context(typed, problem=_standing()))
    found, problem = _asked_crm(typed)
    return htmx.page_or_block(_PAGE, "there", **_context(typed, problem=problem), found=found, source="crm")


@bp.post("/customers/lookup/pick")
@access.allow()
def pick() -> ResponseReturnValue:
    """Choose a customer who is here, or fetch a record of Zoho CRM and choose what it becomes."""
    try:
        customer = customers.find(db.session(), _picked())
    except AppError as refusal:
        return _refused(refusal)
    return _chosen(customer, Opener.asked())


def _context(typed: str, *, problem: str) -> dict[str, Any]:
    """What every part of the pop-up needs; `problem` is why Zoho CRM cannot be searched."""
    here = [_local(customer) for customer in offers.customers(db.session(), typed, limit=_HERE_SHOWN)]
    return {"opener": Opener.asked(), "typed": typed, "here": here, "problem": problem, "nav_active": "customers"}


def _local(customer: Customer) -> Choice:
    detail = " · ".join(filter(None, (customer.email, customer.billing_city)))
    return Choice(f"here-{customer.id}", customer.display_name, detail, True, {"customer_id": customer.id})  # noqa: FBT003


def _remote(found: Found) -> Choice:
    detail = " · ".join(filter(None, (found.crm_module.removesuffix("s"), found.detail)))
    fields: dict[str, Any] = {"crm_module": found.crm_module, "crm_id": found.crm_id}
    if found.customer_id is not None:
        fields = {"customer_id": found.customer_id}
    return Choice(f"crm-{found.crm_id}", found.name, detail, found.customer_id is not None, fields)


def _standing() -> str:
    """Why Zoho CRM cannot be searched now, as far as one knows without asking it."""
    try:
        picking.ensure_open(connection.active_or_refuse(db.session()))
    except AppError as refusal:
        return refusal.message
    return ""


def _asked_crm(typed: str) -> tuple[list[Choice], str]:
    """What Zoho CRM finds; or nothing, and a sentence that says why it could not be asked."""
    if len(typed) < searching.SHORTEST:
        return [], searching.TOO_SHORT
    try:
        live = connection.active_or_refuse(db.session())
        picking.ensure_open(live)
        client = client_for_page(live)
        return [_remote(found) for found in searching.search(db.session(), live, client, typed)], ""
    except AppError as refusal:
        return [], refusal.message


def _picked() -> int:
    """The customer's id; a record of Zoho CRM is fetched first."""
    said = request.form
    if customer_id := said.get("customer_id", type=int):
        return customer_id
    live = connection.active_or_refuse(db.session())
    picking.ensure_open(live)
    client = client_for_page(live)
    wanted = said.get("crm_module", ""), said.get("crm_id", "")
    if not all(wanted):
        raise NotFound("Choose one of the records found.")
    return picking.fetch_one(live, *wanted, actor=access.person().actor, client=client)


def _chosen(customer: Customer, opener: Opener) -> Response:
    """Back to where the pop-up was opened: in the editor only the customer changes, whatever else was typed."""
    if opener.editor and htmx.is_htmx():
        field = htmx.page("transactions/_customer_field.html", customer=customer, transaction_id=opener.transaction_id)
        if "crm_id" in request.form:
            htmx.toast(field, f"{customer.display_name} is chosen, as fetched from Zoho CRM.")
        return htmx.trigger(field, "closeDialog")
    if opener.kind and opener.transaction_id is None:
        return htmx.redirect(url_for("transactions.new", kind=opener.kind, customer_id=customer.id))
    flash(f"{customer.display_name} is a customer here and can be chosen in documents.", "success")
    return htmx.redirect(url_for("customers.show", customer_id=customer.id))


def _refused(refusal: AppError) -> Response:
    """The reason stands in the pop-up, above what was found and typed."""
    context = _context(request.form.get("q", ""), problem=_standing())
    page = htmx.page_or_block(_PAGE, "refusal", status=422, **context, refusal=refusal.message, source="crm")
    return htmx.retarget(page, "#lookup-refusal")
