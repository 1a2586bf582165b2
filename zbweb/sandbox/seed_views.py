"""The views that people of the demo organisation made for themselves."""

from typing import Any


def _is(field: str, comparator: str, value: Any) -> dict[str, Any]:
    return {"field": {"api_name": field}, "comparator": comparator, "value": value}


_EUROPE = ["Germany", "France", "Poland", "Spain", "Ireland", "Denmark", "United Kingdom"]

DEMO_VIEWS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("Accounts", "Customers in Europe", _is("Billing_Country", "in", _EUROPE)),
    ("Accounts", "Key Accounts", _is("Annual_Revenue", "greater_equal", 20_000_000)),
    ("Accounts", "US & India, with a shipping address", {
        "group_operator": "and",
        "group": [
            _is("Billing_Country", "in", ["United States", "India"]),
            _is("Shipping_City", "equal", "${NOTEMPTY}"),
        ],
    }),
    ("Contacts", "Contacts with Email", _is("Email", "equal", "${NOTEMPTY}")),
    ("Contacts", "Contacts without Account", _is("Account_Name", "equal", "${EMPTY}")),
    ("Contacts", "Finance Contacts", _is("Department", "equal", "Finance")),
    ("Deals", "Open Deals", _is("Stage", "not_in", ["Closed Won", "Closed Lost", "Closed Lost to Competition"])),
    ("Deals", "Big Deals", _is("Amount", "greater_than", 50_000)),
)  # fmt: skip
