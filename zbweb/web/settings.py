"""The settings' front page: what can be set, each with a sentence."""

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from zbweb.billing.words import Role
from zbweb.web import access

bp = Blueprint("settings", __name__)

SECTIONS = (
    ("Organisation", (
        ("Organisation", "organisation.edit", "building", "Name, address, base currency, time zone, tax rounding."),
        ("Users", "users.index", "users", "Who may sign in, and as what."),
    )),
    ("Sales", (
        ("Taxes", "taxes.index", "tag", "Names and rates for items and transactions."),
        ("Payment Terms", "payment_terms.index", "calendar", "When invoices fall due."),
        ("Number Series", "number_series.index", "copy", "How quotes, orders, invoices and payments are numbered."),
        ("Custom Fields", "custom_fields.index", "edit", "Fields of your own; they can be mapped to Zoho CRM's."),
    )),
    ("Integrations", (
        ("Zoho Apps", "integrations.zoho_apps", "plug", "Connect Zoho CRM and choose what is synced."),
    )),
    ("Operation", (
        ("Jobs", "jobs.index", "clock", "Work in the background: what waits, who works, what failed."),
    )),
)  # fmt: skip
"""Heading → (label, endpoint, icon, sentence); a page the application does not have is left out."""


@bp.get("/settings")
@access.allow(Role.ADMIN)
def index() -> ResponseReturnValue:
    """Everything that can be set."""
    return render_template("settings/index.html", sections=SECTIONS, nav_active="settings")
