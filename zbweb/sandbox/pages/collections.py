"""Which modules have pages, under which address, and what people may do there: one row each."""

from dataclasses import dataclass
from typing import Any

from flask import abort, url_for

from zbweb.sandbox.schema import Module
from zbweb.sandbox.state import Sandbox


@dataclass(frozen=True, slots=True)
class Collection:
    """The records of one module as pages; `columns` are what its list shows."""

    slug: str
    module: str
    columns: tuple[str, ...]
    is_edited: bool = True
    can_merge: bool = False


COLLECTIONS = (
    Collection(
        "accounts", "Accounts", ("Account_Name", "Phone", "Account_Type", "Billing_City", "Owner", "Modified_Time"),
        can_merge=True,
    ),
    Collection(
        "contacts", "Contacts", ("Full_Name", "Account_Name", "Email", "Phone", "Owner", "Modified_Time"),
        can_merge=True,
    ),
    Collection("deals", "Deals", ("Deal_Name", "Account_Name", "Stage", "Amount", "Closing_Date", "Modified_Time")),
    Collection(
        "products", "Products", ("Product_Name", "Product_Code", "Unit_Price", "Product_Active", "Modified_Time"),
    ),
    Collection(
        "quotes", "Quotes", ("Subject", "Quote_Number", "Account_Name", "Quote_Stage", "Grand_Total", "Modified_Time"),
        is_edited=False,
    ),
    Collection(
        "sales-orders", "Sales_Orders",
        ("Subject", "SO_Number", "Account_Name", "Status", "Grand_Total", "Modified_Time"), is_edited=False,
    ),
    Collection(
        "invoices", "Invoices", ("Subject", "Invoice_Number", "Account_Name", "Status", "Grand_Total", "Modified_Time"),
        is_edited=False,
    ),
)  # fmt: skip
BY_SLUG = {collection.slug: collection for collection in COLLECTIONS}
_BY_MODULE = {collection.module: collection for collection in COLLECTIONS}
SLUG = f"<any({', '.join(repr(collection.slug) for collection in COLLECTIONS)}):slug>"
MERGED_SLUG = f"<any({', '.join(repr(item.slug) for item in COLLECTIONS if item.can_merge)}):slug>"


def module_of(sandbox: Sandbox, slug: str, *, to_edit: bool = False) -> Module:
    """The module behind an address; 404 where there is nothing to edit."""
    collection = BY_SLUG[slug]
    if to_edit and not collection.is_edited:
        abort(404)
    return sandbox.catalog.module(collection.module)


def record_url(module: str | None, record_id: int | str) -> str | None:
    """Where a record is shown, or None when its module has no pages."""
    collection = _BY_MODULE.get(module or "")
    return url_for("pages.records.show", slug=collection.slug, record_id=int(record_id)) if collection else None


def list_url(module: str, **query: Any) -> str | None:
    collection = _BY_MODULE.get(module)
    return url_for("pages.records.index", slug=collection.slug, **query) if collection else None
