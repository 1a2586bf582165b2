"""Configure Now for quotes, sales orders and invoices: whether, which way, and what of ours goes where."""

from flask import Blueprint, flash, request, url_for
from flask.typing import ResponseReturnValue

from zbweb.billing.status import Status
from zbweb.billing.words import Kind, Role
from zbweb.crm.errors import CrmError
from zbweb.db import db, unit_of_work
from zbweb.sync import clients, runs
from zbweb.sync import connection as connections
from zbweb.sync.core.document_words import CRM_MODULES, STATUS_OUT
from zbweb.sync.core.words import Extent
from zbweb.sync.documents import setups, shapes
from zbweb.sync.errors import SyncError
from zbweb.sync.models import Connection, ModuleSetup
from zbweb.web import access, crm_words, htmx
from zbweb.web.forms.transaction_setup import TransactionSetupForm
from zbweb.web.kinds import PAGES, PATH, speak_kinds

bp = Blueprint("transaction_setup", __name__, url_prefix="/settings/integrations/zoho-crm")
bp.context_processor(crm_words.navigation)
speak_kinds(bp)

_OURS = {
    Kind.QUOTE: {
        "Number": "Subject", "Customer": "Account Name, Contact Name", "Potential": "Deal Name",
        "Status": "Quote Stage", "Expiry Date": "Valid Till", "Lines": "Quoted Items",
    },
    Kind.SALES_ORDER: {
        "Number": "Subject", "Customer": "Account Name, Contact Name", "Potential": "Deal Name", "Status": "Status",
        "Quote it was made from": "Quote Name", "Expected Shipment": "Due Date", "Reference": "Purchase Order",
        "Lines": "Ordered Items",
    },
    Kind.INVOICE: {
        "Number": "Subject", "Customer": "Account Name, Contact Name", "Status": "Status",
        "Sales order it bills": "Sales Order", "Invoice Date": "Invoice Date", "Due Date": "Due Date",
        "Reference": "Purchase Order", "Lines": "Invoiced Items",
    },
}  # fmt: skip
_ALL = {
    "Items": "Products (by SKU, then by name; made where there is none)",
    "Discount of the document": "Discount",
    "Tax that is added": "Tax",
    "Shipping, adjustment, finer rounding": "Adjustment, so that Grand Total is our total",
    "Notes": "Description",
    "Terms and Conditions": "Terms and Conditions",
    "Addresses": "Billing Street, Shipping Street",
}
"""What of a document goes into which field of the CRM, for people to read."""


@bp.route(PATH, methods=["GET", "POST"])
@access.allow(Role.ADMIN)
def edit(kind: Kind) -> ResponseReturnValue:
    """The choices of one kind of document; saving asks the CRM which fields it has."""
    connection = connections.active_or_refuse(db.session())
    form = TransactionSetupForm(obj=_shown(runs.setup_of(db.session(), connection.id, kind)))
    if not form.validate_on_submit():
        return _page(connection, kind, form)
    if problem := _save(connection, kind, form):
        return _page(connection, kind, form, problem=problem)
    flash(_said(kind, form), "success")
    return htmx.redirect(url_for("integrations.zoho_crm"))


def _page(connection: Connection, kind: Kind, form: TransactionSetupForm, *, problem: str = "") -> ResponseReturnValue:
    return htmx.page(
        "transaction_setup/edit.html",
        status=422 if request.method == "POST" else 200,
        form=form,
        page=PAGES[kind],
        problem=problem,
        unsent=setups.unsent(db.session(), connection, kind),
        mapping=_OURS[kind] | _ALL,
        statuses=[(Status(status).value, word) for status, word in STATUS_OUT[kind].items() if status != Status.DRAFT],
        crm_module=CRM_MODULES[kind].replace("_", " "),
    )


def _shown(setup: ModuleSetup | None) -> ModuleSetup | None:
    return setup if setup is not None and setup.is_saved else None


def _save(connection: Connection, kind: Kind, form: TransactionSetupForm) -> str:
    """Ask the CRM and save; a sentence when the CRM did not answer, with everything left as it was."""
    try:
        client = clients.client_for_page(connection)
        sight = setups.Sight(shapes.describe(client, kind), client.ahead)
    except (CrmError, SyncError) as error:
        return error.message
    with unit_of_work() as session:
        present = connections.active_or_refuse(session)
        actor = access.person().actor
        setups.save(session, present, kind, form.choices(), sight=sight, actor=actor)
    return ""


def _said(kind: Kind, form: TransactionSetupForm) -> str:
    title = PAGES[kind].title
    if not form.enabled.data:
        return f"Saved. {title} are not sent to Zoho CRM."
    ways = "are synced both ways" if form.extent.data is Extent.BOTH else "are sent to Zoho CRM"
    return f"Saved. {title} {ways} from now on."
