"""Search Contacts in CRM: the pop-up beside Customer Name, and a page of its own for browsers without JavaScript."""

from dataclasses import asdict, dataclass
from typing import Any

from flask import Blueprint, Response, flash, request, url_for
from flask.typing import ResponseReturnValue

from zbweb.billing import customers
from zbweb.billing.models import Customer
from zbweb.db import db
from zbweb.errors import AppError
from zbweb.web import access, htmx, lookup

bp = Blueprint("crm_lookup", __name__)
_PAGE = "crm_lookup/dialog.html"


@dataclass(frozen=True, slots=True)
class Opener:
    """Where the pop-up was opened: in a document's editor (of which saved document), or elsewhere."""

    editor: str
    transaction_id: int | None

    @classmethod
    def asked(cls) -> "Opener":
        """As the request says."""
        said = request.values
        return cls(said.get("editor", ""), said.get("transaction_id", type=int))

    def values(self) -> dict[str, Any]:
        """What the pop-up's own forms hand on."""
        return {name: value for name, value in asdict(self).items() if value}


@bp.get("/customers/lookup")
@access.allow()
def dialog() -> ResponseReturnValue:
    """The pop-up: customers who are here, and a search in Zoho CRM."""
    typed = "" if request.args.get("customer_id") else request.args.get("customer_name", "").strip()
    return htmx.page_or_block(_PAGE, "dialog", **_context(typed, problem=lookup.standing()))


@bp.get("/customers/lookup/search")
@access.allow()
def search() -> ResponseReturnValue:
    """The customers here that a name finds; or what Zoho CRM finds, or why it could not be asked."""
    typed = request.args.get("q", "").strip()
    if request.args.get("source") != "crm":
        return htmx.page_or_block(_PAGE, "here", **_context(typed, problem=lookup.standing()))
    there = lookup.in_crm(typed)
    return htmx.page_or_block(_PAGE, "there", **_context(typed, problem=there.problem), there=there, source="crm")


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
    return {
        "opener": Opener.asked(), "typed": typed, "here": lookup.here(typed), "problem": problem,
        "nav_active": "customers",
    }  # fmt: skip


def _picked() -> int:
    """The customer's id; a record of Zoho CRM is fetched first."""
    said = request.form
    if customer_id := said.get("customer_id", type=int):
        return customer_id
    return lookup.fetch(said.get("crm_module", ""), said.get("crm_id", ""))


def _chosen(customer: Customer, opener: Opener) -> Response:
    """Back to where the pop-up was opened: in the editor only the customer changes, whatever else was typed."""
    if opener.editor and htmx.is_htmx():
        field = htmx.page("transactions/_customer_field.html", customer=customer, transaction_id=opener.transaction_id)
        if "crm_id" in request.form:
            htmx.toast(field, f"{customer.display_name} is chosen, as fetched from Zoho CRM.")
        return htmx.trigger(field, "closeDialog")
    flash(f"{customer.display_name} is a customer here and can be chosen in documents.", "success")
    return htmx.redirect(url_for("customers.show", customer_id=customer.id))


def _refused(refusal: AppError) -> Response:
    """The reason stands in the pop-up, above what was found and typed."""
    context = _context(request.form.get("q", ""), problem=lookup.standing())
    page = htmx.page_or_block(_PAGE, "refusal", status=422, **context, refusal=refusal.message, source="crm")
    return htmx.retarget(page, "#lookup-refusal")
