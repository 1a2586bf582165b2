"""How a record's values read to people: labels, money, dates, links. Values come in the wire's own form."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from zbweb.sandbox.organisation import CURRENCIES, Money, Organisation
from zbweb.sandbox.pages.collections import record_url
from zbweb.sandbox.pipeline import stage_of
from zbweb.sandbox.schema import Field, Kind, Module

_ADDRESS = re.compile(r"(Billing|Shipping|Mailing|Other)_(Street|City|State|Code|Zip|Country)")
_HISTORY = ("Created_Time", "Created_By", "Modified_Time", "Modified_By")
_NEVER = ("Change_Log_Time__s", "Locked__s", "Record_Status__s", "Exchange_Rate")
SECTIONS = ("Information", "Custom fields", "Addresses", "Description")
_ALWAYS = ("Information", "Custom fields")
TOTALS = ("Sub_Total", "Discount", "Tax", "Adjustment", "Grand_Total")
ITEM_COLUMNS = ("Product_Name", "Quantity", "List_Price", "Discount", "Tax", "Net_Total")


@dataclass(frozen=True, slots=True)
class Shown:
    """One value as text; `moment` is the machine-readable time of a date, `href` where a reference leads."""

    api_name: str
    label: str
    text: str
    href: str | None = None
    moment: str | None = None
    is_number: bool = False


@dataclass(frozen=True, slots=True)
class Section:
    """Values that belong together."""

    title: str
    items: list[Shown]


def shown(field: Field, value: Any, money: Money) -> Shown:
    """One field of a rendered record."""
    href = moment = None
    if isinstance(value, dict) and field.kind is Kind.LOOKUP:
        href = record_url(field.target, value["id"])
    if field.kind in (Kind.DATE, Kind.DATETIME) and value:
        moment = value
    if field.kind is Kind.EMAIL and value:
        href = f"mailto:{value}"
    text = "" if value in (None, "", []) else _text(field, value, money)
    return Shown(field.api_name, field.display_label, text, href, moment, is_number=field.kind in _NUMBERS)


_NUMBERS = (Kind.CURRENCY, Kind.FORMULA, Kind.DOUBLE, Kind.PERCENT, Kind.INTEGER)


def _text(field: Field, value: Any, money: Money) -> str:
    if isinstance(value, dict):
        return str(value["name"])
    if isinstance(value, list):
        return ", ".join(str(item["name"] if isinstance(item, dict) else item) for item in value)
    if field.api_name == "Stage":
        return stage_label(value)
    make = _TEXTS.get(field.kind)
    return make(value, money) if make else str(value)


def stage_label(actual: str) -> str:
    """A deal's stage under the name that people gave it, which need not be the stored one."""
    stage = stage_of(actual)
    return stage.display if stage else actual


def amount(value: float, money: Money) -> str:
    """`-$1,234.50`."""
    return f"{'-' if value < 0 else ''}{money.symbol}{abs(value):,.{money.decimals}f}"


def plain_number(value: float) -> str:
    """As few decimals as the number needs: `1,200`, `12.5`."""
    whole, _, rest = f"{value:,.6f}".partition(".")
    rest = rest.rstrip("0")
    return f"{whole}.{rest}" if rest else whole


def day(text: str) -> str:
    """`2026-11-23` as `23 Nov 2026`."""
    when = date.fromisoformat(text[:10])
    return f"{when.day} {when:%b %Y}"


def time_of(text: str) -> str:
    """`2026-11-23T10:00:07-08:00` as `23 Nov 2026, 10:00:07`: to the second, as the CRM compares times."""
    return f"{day(text)}, {datetime.fromisoformat(text):%H:%M:%S}"


_TEXTS: Mapping[Kind, Callable[[Any, Money], str]] = {
    Kind.BOOLEAN: lambda value, _: "Yes" if value else "No",
    Kind.CURRENCY: amount,
    Kind.FORMULA: amount,
    Kind.PERCENT: lambda value, _: f"{plain_number(value)} %",
    Kind.DOUBLE: lambda value, _: plain_number(value),
    Kind.DATE: lambda value, _: day(value),
    Kind.DATETIME: lambda value, _: time_of(value),
}


def money_of(record: dict[str, Any], org: Organisation) -> Money:
    """The record's own currency where the organisation has several, else the base currency."""
    return CURRENCIES.get(str(record.get("Currency")), org.money)


def sections(module: Module, record: dict[str, Any], org: Organisation) -> list[Section]:
    """Everything but line items, totals and history; what cannot be filled in here only where it holds something."""
    groups: dict[str, list[Shown]] = {title: [] for title in SECTIONS}
    money = money_of(record, org)
    for field in (field for field in module.fields if not _is_told_elsewhere(field, module)):
        item = shown(field, record.get(field.api_name), money)
        if item.text or not field.read_only:
            groups[section_of(field)].append(item)
    is_kept = {title: title in _ALWAYS or any(item.text for item in items) for title, items in groups.items()}
    return [Section(title, items) for title, items in groups.items() if items and is_kept[title]]


def section_of(field: Field) -> str:
    """The heading under which a field stands, on its record's page and in its form."""
    if field.custom:
        return "Custom fields"
    if field.kind is Kind.TEXTAREA:
        return "Description"
    return "Addresses" if _ADDRESS.fullmatch(field.api_name) else "Information"


def _is_told_elsewhere(field: Field, module: Module) -> bool:
    is_total = module.items_field is not None and field.api_name in TOTALS
    return field.kind is Kind.SUBFORM or is_total or field.api_name in (*_HISTORY, *_NEVER)


def history(module: Module, record: dict[str, Any], org: Organisation) -> list[Shown]:
    """When and by whom the record was made and last changed."""
    return [shown(module.by_name[name], record.get(name), org.money) for name in _HISTORY]


def totals(module: Module, record: dict[str, Any], org: Organisation) -> list[Shown]:
    """Sub total to grand total of a transaction; empty for other modules."""
    if module.items_field is None:
        return []
    money = money_of(record, org)
    return [shown(module.by_name[name], record.get(name), money) for name in TOTALS]


def lines(module: Module, rows: Module | None, record: dict[str, Any], org: Organisation) -> list[list[Shown]]:
    """The line items of a transaction, one list of values each; `rows` is the module of its items."""
    if module.items_field is None or rows is None:
        return []
    money = money_of(record, org)
    items = record[module.items_field.api_name]
    return [[shown(rows.by_name[name], item.get(name), money) for name in ITEM_COLUMNS] for item in items]
