"""From a record's name here to its own page in Zoho CRM."""

from flask import Blueprint, abort, redirect
from flask.typing import ResponseReturnValue

from zbweb.db import db
from zbweb.sync import connection
from zbweb.web import access

bp = Blueprint("crm_records", __name__)
MODULES = frozenset({"Accounts", "Contacts", "Deals", "Products", "Quotes", "Sales_Orders", "Invoices"})


@bp.get("/crm-records/<module>/<crm_id>")
@access.allow()
def show(module: str, crm_id: str) -> ResponseReturnValue:
    """Go there; the address depends on the data centre that the sign-in belongs to."""
    if module not in MODULES or not crm_id.isdecimal():
        abort(404)
    return redirect(connection.page_of_record(db.session(), module, crm_id))
