"""Custom views: the ones every module has from the start, and the ones people made."""

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from zbweb.sandbox import criteria
from zbweb.sandbox.catalog import ID_BASE, Catalog
from zbweb.sandbox.clock import iso
from zbweb.sandbox.criteria import Scope
from zbweb.sandbox.members import Member
from zbweb.sandbox.queries import EVERYTHING, Clause
from zbweb.sandbox.schema import Module

FIRST_VIEW_ID = ID_BASE + 87_501
RECENT_DAYS = 30
TRANSLATION = {
    "public_views": "Public Views",
    "other_users_views": "Other User's Views",
    "shared_with_me": "Shared With Me",
    "created_by_me": "Created By Me",
}
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "Accounts": ("Account_Name", "Phone", "Website", "Industry", "Billing_City", "Owner"),
    "Contacts": ("Full_Name", "Account_Name", "Email", "Phone", "Title", "Owner"),
    "Deals": ("Deal_Name", "Account_Name", "Stage", "Amount", "Closing_Date", "Owner"),
    "Products": ("Product_Name", "Product_Code", "Unit_Price", "Product_Active", "Owner"),
    "Quotes": ("Subject", "Quote_Number", "Account_Name", "Quote_Stage", "Valid_Till", "Grand_Total", "Owner"),
    "Sales_Orders": ("Subject", "SO_Number", "Account_Name", "Status", "Due_Date", "Grand_Total", "Owner"),
    "Invoices": ("Subject", "Invoice_Number", "Account_Name", "Status", "Due_Date", "Grand_Total", "Owner"),
    "Vendors": ("Vendor_Name", "Email", "Phone", "Owner"),
    "Campaigns": ("Campaign_Name", "Type", "Start_Date", "End_Date", "Owner"),
}


@dataclass(frozen=True, slots=True)
class View:
    """A named choice of records. `criteria` is in the CRM's own JSON; None chooses all."""

    id: int
    module: str
    name: str
    criteria: dict[str, Any] | None = None
    system_name: str | None = None
    created_by: int | None = None
    created: int | None = None

    @property
    def is_system(self) -> bool:
        return self.system_name is not None

    @property
    def is_default(self) -> bool:
        return self.system_name == "ALLVIEWS"


@dataclass(frozen=True, slots=True)
class _Predefined:
    label: str
    system_name: str
    criteria: dict[str, Any] | None = None


def _since(field: str) -> dict[str, Any]:
    return {"field": {"api_name": field}, "comparator": "greater_equal", "value": f"${{TODAY}}-{RECENT_DAYS}"}


_PREDEFINED = (
    _Predefined("All {}", "ALLVIEWS"),
    _Predefined("My {}", "MYVIEWS",
                {"field": {"api_name": "Owner"}, "comparator": "equal", "value": "${CURRENTUSER}"}),
    _Predefined("Recently Created {}", "RECENTLYCREATED", _since("Created_Time")),
    _Predefined("Recently Modified {}", "RECENTLYMODIFIED", _since("Modified_Time")),
)  # fmt: skip


def views_of(connection: sqlite3.Connection, module: Module) -> list[View]:
    """The predefined views, then the made ones in the order they were made."""
    first = FIRST_VIEW_ID + (module.id - ID_BASE - 2001) * 10
    fixed = [
        View(first + place, module.api_name, item.label.format(module.plural), item.criteria, item.system_name)
        for place, item in enumerate(_PREDEFINED)
    ]
    rows = connection.execute("SELECT body FROM custom_view WHERE module = ? ORDER BY id", (module.api_name,))
    return [*fixed, *(View(**json.loads(row["body"])) for row in rows)]


def find_view(connection: sqlite3.Connection, module: Module, view_id: str) -> View | None:
    return next((view for view in views_of(connection, module) if str(view.id) == view_id), None)


def add_view(connection: sqlite3.Connection, view: View, scope: Scope) -> None:
    """Store a made view; raises criteria.BadCriterion when its condition cannot be answered."""
    clause(view, scope)
    connection.execute(
        "INSERT INTO custom_view (id, module, name, body) VALUES (?, ?, ?, ?)",
        (view.id, view.module, view.name, json.dumps(asdict(view))),
    )


def remove_view(connection: sqlite3.Connection, view_id: int) -> bool:
    """Delete a view that somebody made; False when there is none."""
    return connection.execute("DELETE FROM custom_view WHERE id = ?", (view_id,)).rowcount == 1


def clause(view: View | None, scope: Scope) -> Clause:
    """Which records the view shows to this member."""
    if view is None or view.criteria is None:
        return EVERYTHING
    return criteria.where(criteria.from_json(view.criteria), scope)


def as_json(view: View, module: Module, *, member: Member, members: Mapping[int, Member], zone: str) -> dict[str, Any]:
    """The summary of a view, as the list of views shows it."""
    author = members.get(view.created_by) if view.created_by else None
    moment = iso(view.created, zone) if view.created is not None else None
    return {
        "id": str(view.id),
        "name": view.name,
        "display_value": view.name,
        "system_name": view.system_name,
        "system_defined": view.is_system,
        "category": _category(view, member),
        "default": view.is_default,
        "access_type": "public",
        "locked": False,
        "favorite": None,
        "offline": False,
        "created_by": author.reference() if author else None,
        "created_time": moment,
        "modified_by": author.reference() if author else None,
        "modified_time": moment,
        "last_accessed_time": None,
        "module": {"api_name": module.api_name, "id": str(module.id), "name": module.api_name},
    }


def details(view: View, module: Module, catalog: Catalog) -> dict[str, Any]:
    """What the single view tells beyond its summary."""
    columns = [name for name in COLUMNS[view.module] if name in module.by_name]
    return {
        "criteria": _with_ids(view.criteria, catalog.module(view.module)),
        "fields": [{"api_name": name, "id": str(module.by_name[name].id), "_pin": False} for name in columns],
        "sort_by": None,
        "sort_order": None,
        "shared_to": [],
    }


def _category(view: View, member: Member) -> str:
    if view.is_system:
        return "public_views"
    return "created_by_me" if view.created_by == member.id else "other_users_views"


def _with_ids(given: dict[str, Any] | None, module: Module) -> dict[str, Any] | None:
    if given is None:
        return None
    if "group" in given:
        operator = given.get("group_operator", "and")
        return {"group_operator": operator, "group": [_with_ids(part, module) for part in given["group"]]}
    field = given["field"]
    name = field["api_name"] if isinstance(field, dict) else field
    known = module.by_name.get(name)
    numbered = {"api_name": name, "id": str(known.id) if known else None}
    return {"comparator": given["comparator"], "field": numbered, "value": given.get("value"), "type": "value"}
