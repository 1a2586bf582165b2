"""What a module and a field are. The rows themselves stand in tables.py and transactions.py."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Kind(StrEnum):
    """A field's `data_type` on the wire."""

    TEXT = "text"
    TEXTAREA = "textarea"
    EMAIL = "email"
    PHONE = "phone"
    WEBSITE = "website"
    PICKLIST = "picklist"
    MULTIPICK = "multiselectpicklist"
    DATE = "date"
    DATETIME = "datetime"
    INTEGER = "integer"
    BIGINT = "bigint"
    DOUBLE = "double"
    CURRENCY = "currency"
    PERCENT = "percent"
    BOOLEAN = "boolean"
    AUTONUMBER = "autonumber"
    LOOKUP = "lookup"
    OWNER = "ownerlookup"
    SUBFORM = "subform"
    FORMULA = "formula"
    IMAGE = "profileimage"


JSON_TYPES: Mapping[Kind, str] = {
    Kind.INTEGER: "integer",
    Kind.DOUBLE: "double",
    Kind.CURRENCY: "double",
    Kind.PERCENT: "double",
    Kind.FORMULA: "double",
    Kind.BOOLEAN: "boolean",
    Kind.LOOKUP: "jsonobject",
    Kind.OWNER: "jsonobject",
    Kind.MULTIPICK: "jsonarray",
    Kind.SUBFORM: "jsonarray",
}
TEXT_KINDS = frozenset({Kind.TEXT, Kind.TEXTAREA, Kind.EMAIL, Kind.PHONE, Kind.WEBSITE, Kind.AUTONUMBER})
NUMBER_KINDS = frozenset({Kind.INTEGER, Kind.DOUBLE, Kind.CURRENCY, Kind.PERCENT, Kind.FORMULA})
DEFAULT_LENGTHS: Mapping[Kind, int] = {
    Kind.TEXT: 120,
    Kind.TEXTAREA: 32000,
    Kind.EMAIL: 100,
    Kind.PHONE: 30,
    Kind.WEBSITE: 450,
    Kind.PICKLIST: 120,
    Kind.INTEGER: 9,
    Kind.BIGINT: 18,
    Kind.DOUBLE: 16,
    Kind.CURRENCY: 16,
    Kind.PERCENT: 5,
    Kind.DATE: 20,
    Kind.DATETIME: 120,
    Kind.BOOLEAN: 5,
}


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a module. `target` is the module a lookup points to or whose rows a subform holds."""

    api_name: str
    kind: Kind = Kind.TEXT
    label: str = ""
    length: int = 0
    decimals: int | None = None
    choices: tuple[str, ...] = ()
    target: str | None = None
    mandatory: bool = False
    read_only: bool = False
    unique: bool = False
    custom: bool = False
    searchable: bool = False
    id: int = 0

    @property
    def display_label(self) -> str:
        return self.label or self.api_name.removesuffix("__s").replace("_", " ")

    @property
    def json_type(self) -> str:
        return JSON_TYPES.get(self.kind, "string")

    @property
    def max_length(self) -> int:
        return self.length or DEFAULT_LENGTHS.get(self.kind, 120)


@dataclass(frozen=True, slots=True)
class RelatedList:
    """Records of `module` whose lookup `field` points at the parent."""

    api_name: str
    module: str
    field: str
    label: str = ""


@dataclass(frozen=True, slots=True)
class Module:
    """One module: `name_field` is what people call its records; `number_field` counts up by itself.

    `by_name`, `items_field` (the subform with the line items) and the ids are filled in by the catalog.
    """

    api_name: str
    singular: str
    plural: str
    name_field: str
    fields: tuple[Field, ...]
    related: tuple[RelatedList, ...] = ()
    duplicate_field: str | None = None
    number_field: str | None = None
    legacy_name: str | None = None
    is_listed: bool = True
    id: int = 0
    by_name: Mapping[str, Field] = field(default_factory=dict, compare=False, repr=False)
    items_field: Field | None = None

    @property
    def system_duplicate_field(self) -> str:
        """The field that upsert compares when it is not told which."""
        return self.duplicate_field or self.name_field
