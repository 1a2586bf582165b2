"""The CRM organisation itself: its plan, its base currency, its time zone, its service key."""

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from decimal import Decimal
from enum import StrEnum
from typing import Any

from zbweb.sandbox.clock import iso

_DAY = 24 * 3600
_YEAR = 365 * _DAY


class Plan(StrEnum):
    """`paid_type` on the wire."""

    FREE = "free"
    STANDARD = "standard"
    PROFESSIONAL = "professional"
    ENTERPRISE = "enterprise"
    ULTIMATE = "ultimate"
    CRMPLUS = "crmplus"
    CRMPLUS_STARTER = "crmplusstarter"
    ZOHO_ONE_ENTERPRISE = "zohooneenterprise"
    ZOHO_ONE_STANDARD = "zohoonestandard"


@dataclass(frozen=True, slots=True)
class Money:
    """A currency as people read it; `rate` is how much of it one US dollar buys."""

    name: str
    symbol: str
    decimals: int
    rate: str


CURRENCIES = {
    "USD": Money("US Dollar", "$", 2, "1.000000000"),
    "EUR": Money("Euro", "€", 2, "0.921300000"),
    "GBP": Money("British Pound", "£", 2, "0.789200000"),
    "INR": Money("Indian Rupee", "Rs.", 2, "84.120000000"),
    "JPY": Money("Japanese Yen", "¥", 0, "152.300000000"),
    "AUD": Money("Australian Dollar", "A$", 2, "1.524000000"),
    "CAD": Money("Canadian Dollar", "C$", 2, "1.391000000"),
}


@dataclass(frozen=True, slots=True)
class Organisation:
    """What GET /org tells. `created` is in epoch seconds."""

    company_name: str = "Zylker Instruments"
    primary_email: str = "admin@crm.example"
    paid_type: Plan = Plan.ENTERPRISE
    trial_type: str | None = None
    iso_code: str = "USD"
    mc_status: bool = False
    time_zone: str = "America/Los_Angeles"
    users_license: int = 10
    id: int = 5_725_767_000_000_020_005
    zgid: str = "808232144"
    created: int = 1_681_290_485

    @property
    def money(self) -> Money:
        return CURRENCIES.get(self.iso_code, Money(self.iso_code, self.iso_code, 2, "1.000000000"))

    def rate_of(self, code: str) -> Decimal:
        """How much of a currency one unit of the base currency buys, to nine places."""
        known = CURRENCIES.get(code)
        if known is None or code == self.iso_code:
            return Decimal(1)
        return (Decimal(known.rate) / Decimal(self.money.rate)).quantize(Decimal("1e-9"))

    @property
    def currency_label(self) -> str:
        return f"{self.money.name} - {self.iso_code}"


def load_organisation(connection: sqlite3.Connection) -> Organisation:
    values = read_setting(connection, "organisation") or {}
    if "paid_type" in values:
        values["paid_type"] = Plan(values["paid_type"])
    return Organisation(**values)


_PLAIN: Mapping[type, type] = {bool: bool, int: int}


def change_organisation(connection: sqlite3.Connection, changes: dict[str, Any]) -> Organisation:
    """Raises ValueError on a key, a plan or a kind of value that no organisation has."""
    known = {item.name: type(item.default) for item in fields(Organisation)}
    if unknown := sorted(set(changes) - set(known)):
        raise ValueError(f"an organisation has no {', '.join(unknown)}")
    for name, value in changes.items():
        wanted = (str, type(None)) if name == "trial_type" else _PLAIN.get(known[name], str)
        if not isinstance(value, wanted) or (wanted is int and isinstance(value, bool)):
            raise ValueError(f"{name} cannot be {value!r}")
    merged = Organisation(**{**asdict(load_organisation(connection)), **changes})
    Plan(merged.paid_type)
    write_setting(connection, "organisation", asdict(merged))
    return load_organisation(connection)


def read_setting(connection: sqlite3.Connection, key: str) -> Any:
    row = connection.execute("SELECT value FROM setting WHERE key = ?", (key,)).fetchone()
    return None if row is None else json.loads(row["value"])


def write_setting(connection: sqlite3.Connection, key: str, value: Any) -> None:
    connection.execute(
        "INSERT INTO setting (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        (key, json.dumps(value)),
    )


def as_json(org: Organisation, *, now: int) -> dict[str, Any]:
    """The one object of GET /org."""
    empty = dict.fromkeys(
        ("photo_id", "city", "description", "street", "alias", "state", "fax", "zip", "website", "mobile")
    )
    flags = dict.fromkeys(
        ("gapps_enabled", "lite_users_enabled", "translation_enabled", "deletable_org_account",
         "privacy_settings", "hipaa_compliance_enabled", "oauth_presence"), False,
    )  # fmt: skip
    return {
        **empty,
        **flags,
        "id": str(org.id),
        "company_name": org.company_name,
        "primary_email": org.primary_email,
        "type": "Production",
        "mc_status": org.mc_status,
        "domain_name": f"org{org.zgid}",
        "country": "USA",
        "country_code": "US",
        "phone": "+1 555 0100",
        "employee_count": "120",
        "time_zone": org.time_zone,
        "created_time": iso(org.created, org.time_zone),
        "currency": org.currency_label,
        "currency_symbol": org.money.symbol,
        "currency_locale": "en_US",
        "iso_code": org.iso_code,
        "zgid": org.zgid,
        "ezgid": f"{int(org.zgid):x}",
        "zia_zgid": int(org.zgid),
        "zia_portal_id": "814461734",
        "primary_zuid": "808233918",
        "call_icon": "default",
        "max_per_page": 100,
        "checkin_preferences": {"restricted_event_types": None},
        "hierarchy_preferences": {"type": "Role_Hierarchy", "strictly_reporting": False},
        "license_details": _license(org, now),
    }


def _license(org: Organisation, now: int) -> dict[str, Any]:
    """What the organisation has paid for; a subscription and a trial end at midnight UTC, not with each second anew."""
    is_trial, today = org.trial_type is not None, now - now % _DAY
    return {
        "paid": not is_trial and org.paid_type is not Plan.FREE,
        "paid_type": org.paid_type.value,
        "paid_expiry": iso(today + _YEAR, org.time_zone),
        "users_license_purchased": org.users_license,
        "portal_users_license_purchased": 0,
        "trial_type": org.trial_type,
        "trial_expiry": iso(today + 15 * _DAY, org.time_zone) if is_trial else None,
        "trial_action": None,
    }
