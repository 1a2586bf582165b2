"""Which modules this organisation has, with their numbers and the custom fields people added to them."""

import json
import sqlite3
from collections.abc import Iterator
from dataclasses import asdict, replace

from zbweb.sandbox.pipeline import STAGES
from zbweb.sandbox.schema import Field, Kind, Module
from zbweb.sandbox.tables import ACCOUNTS, CAMPAIGNS, CONTACTS, DEALS, MONEY_FIELDS, PRODUCTS, VENDORS
from zbweb.sandbox.transactions import (
    INVOICED_ITEMS,
    INVOICES,
    ORDERED_ITEMS,
    QUOTED_ITEMS,
    QUOTES,
    SALES_ORDERS,
)

ID_BASE = 5_725_767_000_000_000_000
FIRST_RECORD_ID = ID_BASE + 1_000_001
_MODULES = (
    ACCOUNTS, CONTACTS, DEALS, PRODUCTS, QUOTES, SALES_ORDERS, INVOICES, VENDORS, CAMPAIGNS,
    QUOTED_ITEMS, ORDERED_ITEMS, INVOICED_ITEMS,
)  # fmt: skip
_PRICED = ("Accounts", "Deals", "Quotes", "Sales_Orders", "Invoices")


class UnknownModule(LookupError):
    """No module of that name: the API answers INVALID_MODULE."""


class Catalog:
    """A snapshot of the organisation's modules; made anew when a field is added."""

    def __init__(self, custom: dict[str, tuple[Field, ...]], *, multi_currency: bool) -> None:
        self._modules = {
            module.api_name: _numbered(position, module, custom.get(module.api_name, ()), multi_currency=multi_currency)
            for position, module in enumerate(_MODULES)
        }

    def module(self, api_name: str) -> Module:
        """Raises UnknownModule."""
        try:
            return self._modules[api_name]
        except KeyError:
            raise UnknownModule(api_name) from None

    def find(self, name_or_id: str) -> Module | None:
        return next((m for m in self._modules.values() if name_or_id in (m.api_name, str(m.id))), None)

    def has_records(self, api_name: str) -> bool:
        return api_name in self._modules and self._modules[api_name].is_listed

    def listed(self) -> Iterator[Module]:
        return (module for module in self._modules.values() if module.is_listed)


def load_catalog(connection: sqlite3.Connection, *, multi_currency: bool) -> Catalog:
    custom: dict[str, tuple[Field, ...]] = {}
    for row in connection.execute("SELECT module, body FROM custom_field ORDER BY id"):
        custom[row["module"]] = (*custom.get(row["module"], ()), _field_from(json.loads(row["body"])))
    return Catalog(custom, multi_currency=multi_currency)


def add_custom_field(connection: sqlite3.Connection, module: Module, field: Field) -> None:
    """Store the field; a unique one gets an index, so that checking it stays cheap in a large module."""
    connection.execute(
        "INSERT INTO custom_field (id, module, api_name, body) VALUES (?, ?, ?, ?)",
        (field.id, module.api_name, field.api_name, json.dumps(asdict(field))),
    )
    if field.unique:
        index = f"unique_{module.api_name}_{field.api_name}"
        path = f"'$.{field.api_name}'"
        connection.execute(
            f'CREATE INDEX IF NOT EXISTS "{index}" ON record (module, fold(json_extract(body, {path}))) '
            f"WHERE json_extract(body, {path}) IS NOT NULL"
        )


def _field_from(values: dict[str, object]) -> Field:
    choices = values.pop("choices", ())
    kind = Kind(str(values.pop("kind")))
    return Field(**values, kind=kind, choices=tuple(choices))  # type: ignore[arg-type]


def _numbered(position: int, module: Module, custom: tuple[Field, ...], *, multi_currency: bool) -> Module:
    fields = module.fields
    if multi_currency and module.api_name in _PRICED:
        fields = (*fields, *MONEY_FIELDS)
    first = ID_BASE + 10_001 + position * 1000
    numbered = tuple(replace(_with_stages(field), id=first + index) for index, field in enumerate(fields))
    numbered = (*numbered, *custom)
    return replace(
        module,
        id=ID_BASE + 2001 + 2 * position,
        fields=numbered,
        by_name={field.api_name: field for field in numbered},
        items_field=next((field for field in numbered if field.kind is Kind.SUBFORM), None),
    )


def _with_stages(field: Field) -> Field:
    if field.api_name == "Stage":
        return replace(field, choices=tuple(stage.actual for stage in STAGES))
    return field
