"""The pages. Each module is one blueprint: module name = blueprint name = template folder.

This list is the table of contents, in menu order.
"""

from importlib import import_module

from flask import Flask

PAGES = (
    "auth",
    "password",
    "organisations",
    "operations",
    "home",
    "search",
    "customers",
    "customer_bulk",
    "customer_links",
    "customer_merging",
    "customer_transactions",
    "items",
    "transactions",
    "editor",
    "crm_lookup",
    "crm_records",
    "potentials",
    "transaction_actions",
    "transaction_bulk",
    "payments",
    "reports",
    "outbox",
    "settings",
    "organisation",
    "users",
    "taxes",
    "payment_terms",
    "number_series",
    "custom_fields",
    "integrations",
    "crm_connect",
    "crm_setup",
    "transaction_setup",
    "transaction_sync",
    "automation",
    "crm_figures",
    "panel",
    "sync_history",
    "sync_preview",
    "sync_undo",
    "conflicts",
    "review",
    "hooks",
    "jobs",
)


def register(app: Flask) -> None:
    """Put every page on the app."""
    for name in PAGES:
        app.register_blueprint(import_module(f"zbweb.web.{name}").bp)
