"""How stored records look on the wire: lookups with names, owners with e-mail, times with the org's offset."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from zbweb.sandbox import queries
from zbweb.sandbox.catalog import ID_BASE
from zbweb.sandbox.clock import iso
from zbweb.sandbox.queries import Row
from zbweb.sandbox.schema import Field, Kind, Module
from zbweb.sandbox.state import Sandbox

STANDARD_LAYOUT_ID = ID_BASE + 91_011
LONGEST_TEXT_IN_LISTS = 500
_PLAIN = ("Quantity", "List_Price", "Total", "Discount", "Total_After_Discount", "Tax", "Net_Total")
_ROUTE = {"approve": False, "reject": False, "resubmit": False}

Getter = Callable[[Row], Any]


class Renderer:
    """Renders rows of one module; `connection` is used to name the records that lookups point at."""

    def __init__(self, sandbox: Sandbox, connection: Any, module: Module) -> None:
        self.org = sandbox.organisation
        self._members = sandbox.members
        self._connection = connection
        self._module = module
        self.zone = sandbox.organisation.time_zone
        self._names: dict[int, str] = {}

    def listed(self, rows: Sequence[Row], fields: Iterable[str]) -> list[dict[str, Any]]:
        """The asked fields and the id; subforms are left out and unknown names ignored, as in the CRM's lists."""
        wanted = dict.fromkeys(fields)
        known = [self._module.by_name[name] for name in wanted if name in self._module.by_name]
        plain = [field for field in known if field.kind is not Kind.SUBFORM]
        self._learn_names(rows, plain)
        getters = [(field.api_name, self._getter(field)) for field in plain]
        records = [{name: getter(row) for name, getter in getters} | {"id": str(row.id)} for row in rows]
        for field in plain:
            if field.kind is Kind.TEXTAREA:
                _shorten(records, field.api_name)
        return records

    def full(self, rows: Sequence[Row]) -> list[dict[str, Any]]:
        """Every field, subforms and the CRM's own `$` keys included."""
        self._learn_names(rows, self._module.fields)
        getters = [(field.api_name, self._getter(field)) for field in self._module.fields]
        return [{name: getter(row) for name, getter in getters} | self._system_keys(row) for row in rows]

    def bare(self, api_name: str) -> Getter:
        """Reads one field, references by their id only (`{"id": …}`), as COQL and exports give them."""
        if api_name == "id":
            return lambda row: str(row.id)
        field = self._module.by_name[api_name]
        if field.kind is Kind.LOOKUP:
            return lambda row: {"id": row.body[api_name]} if row.body.get(api_name) else None
        shown = self._getter(field)
        if field.kind is not Kind.OWNER:
            return shown
        return lambda row: {"id": value["id"]} if (value := shown(row)) else None

    def _learn_names(self, rows: Sequence[Row], fields: Iterable[Field]) -> None:
        wanted: set[int] = set()
        for field in fields:
            if field.kind is Kind.LOOKUP:
                wanted.update(int(row.body[field.api_name]) for row in rows if row.body.get(field.api_name))
            if field.kind is Kind.SUBFORM:
                items = (item for row in rows for item in row.body.get(field.api_name, []))
                wanted.update(int(item["Product_Name"]) for item in items)
        self._names.update(queries.names(self._connection, wanted - self._names.keys()))

    def _getter(self, field: Field) -> Getter:
        name = field.api_name
        if name in _COMPUTED:
            return lambda row: _COMPUTED[name](self, row)
        show, nothing = _SHOWN.get(field.kind), _EMPTY.get(field.kind)
        if show is None:
            return lambda row: row.body.get(name, nothing)
        return lambda row: show(self, row, row.body.get(name))

    def lookup(self, target: str | None) -> dict[str, str] | None:
        if not target or int(target) not in self._names:
            return None
        return {"name": self._names[int(target)], "id": target}

    def member(self, member_id: int | str | None) -> dict[str, str] | None:
        member = self._members.get(int(member_id)) if member_id else None
        return member.reference() if member else None

    def moment(self, stored: str | None) -> str | None:
        if not stored:
            return None
        return iso(int(datetime.fromisoformat(stored).replace(tzinfo=UTC).timestamp()), self.zone)

    def item(self, row: Row, item: dict[str, Any]) -> dict[str, Any]:
        """One line item."""
        product_id = int(item["Product_Name"])
        product = queries.get(self._connection, "Products", product_id)
        details = product.body if product else {}
        return {
            "id": item["id"],
            "Product_Name": {
                "name": self._names.get(product_id, "(deleted product)"),
                "id": item["Product_Name"],
                "Product_Code": details.get("Product_Code"),
                "Unit_Price": details.get("Unit_Price"),
                "Qty_in_Stock": details.get("Qty_in_Stock"),
                "Taxable": details.get("Taxable", False),
                "Tax": details.get("Tax", []),
            },
            **{name: item.get(name) for name in _PLAIN},
            "Description": item.get("Description"),
            "Line_Tax": [{"id": None, **tax} for tax in item.get("Line_Tax", [])],
            "Price_Book_Name": None,
            "Sequence_Number": item.get("Sequence_Number"),
            "Parent_Id": {"name": row.name, "id": str(row.id)},
            "Created_Time": iso(item["created"], self.zone),
            "Modified_Time": iso(item["modified"], self.zone),
        }

    def _system_keys(self, row: Row) -> dict[str, Any]:
        items = self._module.items_field
        return {
            "id": str(row.id),
            "Layout": {"name": "Standard", "id": str(STANDARD_LAYOUT_ID + self._module.id % 1000)},
            "$currency_symbol": self.org.money.symbol,
            "$field_states": None,
            "$sharing_permission": "full_access",
            "$approval": {"delegate": False, "takeover": False, **_ROUTE},
            "$approval_state": "approved",
            "$state": "save",
            "$editable": True,
            "$review": None,
            "$review_process": dict(_ROUTE),
            "$process_flow": False,
            "$orchestration": False,
            "$pathfinder": False,
            "$in_merge": False,
            "$locked_for_me": False,
            "$wizard_connection_path": None,
            "$zia_visions": None,
            "$zia_owner_assignment": "owner_recommendation_unavailable",
            "$has_more": {items.api_name: False} if items else {},
            "$canvas_id": None,
            **({"$line_tax": row.body.get("$line_tax", [])} if items else {}),
        }


def _shorten(records: list[dict[str, Any]], name: str) -> None:
    for record in records:
        if record[name] is not None:
            record[name] = record[name][:LONGEST_TEXT_IN_LISTS]


def tag_id(name: str) -> int:
    """Tags are kept by name only; the same name always gets the same id."""
    return ID_BASE + 500_000 + sum(ord(letter) * (place + 1) for place, letter in enumerate(name)) % 400_000


def _tags(row: Row) -> list[dict[str, Any]]:
    names: list[str] = row.body.get("Tag", [])
    return [{"name": name, "id": str(tag_id(name)), "color_code": None} for name in names]


Computed = Callable[[Renderer, Row], Any]
Shown = Callable[[Renderer, Row, Any], Any]

_EMPTY: Mapping[Kind, Any] = {Kind.MULTIPICK: (), Kind.BOOLEAN: False}
_SHOWN: Mapping[Kind, Shown] = {
    Kind.LOOKUP: lambda renderer, _row, stored: renderer.lookup(stored),
    Kind.OWNER: lambda renderer, _row, stored: renderer.member(stored),
    Kind.DATETIME: lambda renderer, _row, stored: renderer.moment(stored),
    Kind.SUBFORM: lambda renderer, row, stored: [renderer.item(row, item) for item in stored or ()],
}
_COMPUTED: Mapping[str, Computed] = {
    "Owner": lambda renderer, row: renderer.member(row.owner_id),
    "Created_By": lambda renderer, row: renderer.member(row.created_by),
    "Modified_By": lambda renderer, row: renderer.member(row.modified_by),
    "Created_Time": lambda renderer, row: iso(row.created, renderer.zone),
    "Modified_Time": lambda renderer, row: iso(row.modified, renderer.zone),
    "Change_Log_Time__s": lambda renderer, row: iso(row.modified, renderer.zone),
    "Currency": lambda renderer, row: row.body.get("Currency", renderer.org.iso_code),
    "Exchange_Rate": lambda renderer, row: float(renderer.org.rate_of(row.body.get("Currency", renderer.org.iso_code))),
    "Locked__s": lambda _renderer, _row: False,
    "Record_Status__s": lambda _renderer, _row: "Available",
    "Tag": lambda _renderer, row: _tags(row),
}
