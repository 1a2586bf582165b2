"""Link Potential: the sidebar with a customer's CRM details and potentials, and tying documents to one of them.

A saved document is tied at once. One that is not saved yet, or whose customer was changed in the editor and not
saved, is tied when it is saved: the answer fills the editor's hidden fields.
"""

from dataclasses import dataclass, replace
from typing import Any

from flask import Blueprint, Response, flash, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from zbweb.billing import books, customers, standing, transactions
from zbweb.billing.drafts import Potential
from zbweb.billing.models import Transaction
from zbweb.billing.queries.potentials import Progress
from zbweb.crm.port import CrmClient
from zbweb.db import db, unit_of_work
from zbweb.errors import AppError
from zbweb.sync import connection
from zbweb.sync.clients import client_for_page
from zbweb.sync.models import Connection
from zbweb.sync.potentials import linking
from zbweb.sync.potentials.linking import CrmDetails, PotentialView
from zbweb.web import access, htmx

bp = Blueprint("potentials", __name__)
_PAGE = "potentials/sidebar.html"


@dataclass(frozen=True, slots=True)
class Place:
    """Whose potentials are shown, for which document (none while it is new), and whether from its editor."""

    customer_id: int
    transaction_id: int | None
    editor: str

    @classmethod
    def asked(cls) -> "Place":
        """As the request says."""
        said = request.values
        return cls(said.get("customer_id", 0, type=int), said.get("transaction_id", type=int), said.get("editor", ""))


@dataclass(frozen=True, slots=True)
class Sight:
    """What the CRM says of a customer. `problem`: it could not be asked; `trouble`: its potentials could not."""

    details: CrmDetails | None = None
    potentials: tuple[PotentialView, ...] | None = None
    problem: str = ""
    trouble: str = ""


@bp.get("/potentials")
@access.allow()
def sidebar() -> ResponseReturnValue:
    """The sidebar; it opens at once, and then asks the CRM what it shows."""
    place, session = Place.asked(), db.session()
    customer = customers.find(session, place.customer_id)
    if htmx.is_htmx() and "details" not in request.args:
        return htmx.block(_PAGE, "sidebar", customer=customer, waits=True)
    linked, sight = _linked(session, place), _look(session, place.customer_id)
    known = linking.known_here(session, place.customer_id) if sight.potentials is None else sight.potentials
    return htmx.page_or_block(
        _PAGE, "details", customer=customer, waits=False, place=place, sight=sight, linked=linked,
        shown=linking.with_linked(known, linked), base_currency=books.own(session).base_currency,
        nav_active="customers",
    )  # fmt: skip


@bp.post("/potentials/associate")
@access.allow()
def associate() -> ResponseReturnValue:
    """Tie a document to a potential of its customer."""
    place, session = Place.asked(), db.session()
    live, client = _client(session)
    potential_id = request.form.get("potential_id", "")
    chosen = linking.find(session, live, client, place.customer_id, potential_id)
    return _tie(place, chosen)


@bp.post("/potentials/dissociate")
@access.allow()
def dissociate() -> ResponseReturnValue:
    """Untie a document from its potential; the CRM is not asked."""
    return _tie(Place.asked(), None)


# --- looking ----------------------------------------------------------------------------------------


def _client(session: Session) -> tuple[Connection, CrmClient]:
    live = connection.active_or_refuse(session)
    return live, client_for_page(live)


def _look(session: Session, customer_id: int) -> Sight:
    """What the CRM says; a CRM that is away is not asked twice."""
    try:
        live, client = _client(session)
        details = linking.crm_details(session, live, client, customer_id)
    except AppError as refusal:
        return Sight(problem=refusal.message)
    try:
        found = linking.for_customer(session, live, client, customer_id)
    except AppError as refusal:
        return Sight(details=details, trouble=refusal.message)
    return Sight(details=details, potentials=tuple(found))


def _linked(session: Session, place: Place) -> PotentialView | None:
    """The potential that the document is tied to: as the editor says, else as it is saved."""
    said = request.args
    if place.editor:
        potential_id, name, stage = (said.get(f"potential_{part}", "") for part in ("id", "name", "stage"))
    elif place.transaction_id:
        saved = transactions.find(session, place.transaction_id)
        potential_id, name, stage = saved.potential_id or "", saved.potential_name, saved.potential_stage
    else:
        return None
    if not potential_id:
        return None
    known = {each.id: each for each in linking.known_here(session, place.customer_id)}
    return replace(
        known.get(potential_id, PotentialView(potential_id, name, stage, Progress())), name=name, stage=stage
    )


# --- tying ------------------------------------------------------------------------------------------


def _tie(place: Place, chosen: Potential | None) -> ResponseReturnValue:
    saved, version = _write(place, chosen) if place.transaction_id else (None, None)
    if place.editor and htmx.is_htmx():
        return _in_editor(place, chosen, version)
    if saved is None:
        return htmx.redirect(url_for("customers.show", customer_id=place.customer_id))
    flash(f"Linked to the potential {chosen.name}." if chosen else "The potential is dissociated.", "success")
    return htmx.redirect(url_for("transactions.show", kind=saved.kind, transaction_id=saved.id))


def _write(place: Place, chosen: Potential | None) -> tuple[Transaction, int | None]:
    """Write it on the saved document, and the version that the open editor may go on with, if it was up to date."""
    actor = access.person().actor
    with unit_of_work() as session:
        saved = standing.lock(session, transactions.find(session, place.transaction_id or 0).id)
        is_current = request.form.get("version") == str(saved.version)
        if place.editor and saved.customer_id != place.customer_id:
            return saved, None
        if chosen is None:
            transactions.dissociate_potential(session, saved, actor=actor)
        else:
            linking.associate(session, saved, chosen, customer_id=place.customer_id, actor=actor)
        return saved, saved.version if is_current else None


def _in_editor(place: Place, chosen: Potential | None, version: int | None) -> Response:
    values: dict[str, Any] = {
        "customer_id": place.customer_id, "transaction_id": place.transaction_id, "potential": chosen,
    }  # fmt: skip
    field = htmx.block("potentials/answer.html", "answer", **values, version=version)
    return htmx.trigger(field, "closeDialog")
