"""The controls of a record's form, and what was typed into them as the values that the API takes.

Only what a person changed is written: every control says in a hidden `was.…` what it showed first, so that a sync
that wrote other fields meanwhile is not undone.
"""

import re
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from werkzeug.datastructures import MultiDict

from zbweb.sandbox.pages import naming
from zbweb.sandbox.pages.display import SECTIONS, section_of, stage_label
from zbweb.sandbox.pages.naming import Unclear
from zbweb.sandbox.queries import Row
from zbweb.sandbox.schema import NUMBER_KINDS, Field, Kind, Module
from zbweb.sandbox.state import Sandbox

_NUMBER = re.compile(r"-?\d+(\.\d+)?")
_LINES = "\n"
_INPUTS: Mapping[Kind, str] = {
    Kind.TEXTAREA: "textarea", Kind.PICKLIST: "select", Kind.OWNER: "select", Kind.MULTIPICK: "multiple",
    Kind.BOOLEAN: "checkbox", Kind.DATE: "date", Kind.DATETIME: "datetime-local", Kind.EMAIL: "email",
    Kind.PHONE: "tel", Kind.LOOKUP: "lookup",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Control:
    """One input: `shape` is its HTML kind, `options` pairs of value and label, `was` what it showed first."""

    name: str
    label: str
    shape: str
    value: str
    was: str
    options: list[tuple[str, str]]
    is_required: bool = False
    max_length: int | None = None
    error: str = ""

    @property
    def values(self) -> list[str]:
        """What is chosen in a list of several."""
        return [part for part in self.value.split(_LINES) if part]


@dataclass(frozen=True, slots=True)
class Group:
    """Controls under one heading."""

    title: str
    controls: list[Control]


def editable(module: Module) -> list[Field]:
    return [
        field
        for field in module.fields
        if not field.read_only and field.kind is not Kind.SUBFORM and field.api_name != "Tag"
    ]


class RecordForm:
    """The form of an existing record, or of a new one that will belong to `owner_id`."""

    def __init__(
        self, sandbox: Sandbox, connection: sqlite3.Connection, module: Module, *, current: Row | None, owner_id: int
    ) -> None:
        self._sandbox = sandbox
        self._connection = connection
        self.module = module
        self._zone = ZoneInfo(sandbox.organisation.time_zone)
        self._stored = self._texts(current) if current else {"Owner": str(owner_id)}

    def changes(self, given: MultiDict[str, str]) -> tuple[dict[str, Any], dict[str, str]]:
        """The wire values of what was changed, and the sentences for what cannot be read, both by field."""
        values: dict[str, Any] = {}
        errors: dict[str, str] = {}
        for field in editable(self.module):
            text = _typed(field, given)
            if text is None or text == _normal(given.get(f"was.{field.api_name}", "")):
                continue
            try:
                values[field.api_name] = self._wire(field, text)
            except Unclear as unclear:
                errors[field.api_name] = str(unclear)
        return values, errors

    def groups(
        self, *, given: MultiDict[str, str] | None = None, errors: Mapping[str, str] | None = None
    ) -> list[Group]:
        """The controls in the order of the record's page, with what was typed and what is wrong with it."""
        fields = editable(self.module)
        grouped = {title: [field for field in fields if section_of(field) == title] for title in SECTIONS}
        return [
            Group(title, [self._control(field, given, (errors or {}).get(field.api_name, "")) for field in chosen])
            for title, chosen in grouped.items()
            if chosen
        ]

    def _control(self, field: Field, given: MultiDict[str, str] | None, error: str) -> Control:
        name, stored = field.api_name, self._stored.get(field.api_name, "")
        typed = None if given is None else _typed(field, given)
        return Control(
            name=name,
            label=field.display_label,
            shape="number" if field.kind in NUMBER_KINDS else _INPUTS.get(field.kind, "text"),
            value=stored if typed is None else typed,
            was=stored if given is None else given.get(f"was.{name}", ""),
            options=self._options(field, stored),
            is_required=field.mandatory,
            max_length=field.max_length if field.kind in _LIMITED else None,
            error=error,
        )

    def _options(self, field: Field, stored: str) -> list[tuple[str, str]]:
        if field.kind is Kind.OWNER:
            return [(str(one.id), one.full_name) for one in self._sandbox.members.values() if one.is_active]
        if field.kind is Kind.LOOKUP:
            target = self._sandbox.catalog.module(field.target or "")
            return [(name, name) for name in naming.offered(self._connection, target)]
        known = [*field.choices, *(part for part in stored.split(_LINES) if part and part not in field.choices)]
        return [(choice, stage_label(choice) if field.api_name == "Stage" else choice) for choice in known]

    def _texts(self, current: Row) -> dict[str, str]:
        body = {**current.body, "Owner": str(current.owner_id)}
        return {
            field.api_name: self._text(field, body[field.api_name])
            for field in editable(self.module)
            if field.api_name in body
        }

    def _text(self, field: Field, value: Any) -> str:
        if field.kind is Kind.LOOKUP:
            return naming.name_for_form(self._connection, self._sandbox.catalog.module(field.target or ""), value)
        if field.kind is Kind.DATETIME:
            moment = datetime.fromisoformat(value).replace(tzinfo=UTC).astimezone(self._zone)
            return moment.strftime("%Y-%m-%dT%H:%M")
        make = _TEXTS.get(field.kind)
        return make(value) if make else _normal(str(value))

    def _wire(self, field: Field, text: str) -> Any:
        if field.kind is Kind.BOOLEAN:
            return text == "on"
        if not text:
            return None
        if field.kind is Kind.LOOKUP:
            target = self._sandbox.catalog.module(field.target or "")
            return {"id": str(naming.find_named(self._connection, target, text))}
        if field.kind is Kind.DATETIME:
            return _moment(text, self._zone)
        make = _WIRES.get(field.kind)
        return make(text) if make else text


_LIMITED = (Kind.TEXT, Kind.TEXTAREA, Kind.EMAIL, Kind.PHONE, Kind.WEBSITE)
_TEXTS: Mapping[Kind, Callable[[Any], str]] = {
    Kind.BOOLEAN: lambda value: "on" if value else "",
    Kind.MULTIPICK: _LINES.join,
    **{kind: lambda value: format(Decimal(str(value)).normalize(), "f") for kind in NUMBER_KINDS},
}


def _typed(field: Field, given: MultiDict[str, str]) -> str | None:
    """What the form says about a field; None when it does not speak of it."""
    name = field.api_name
    if field.kind is Kind.MULTIPICK and (name in given or f"was.{name}" in given):
        return _LINES.join(given.getlist(name))
    if field.kind is Kind.BOOLEAN and f"was.{name}" in given:
        return given.get(name, "")
    return _normal(given[name]) if name in given else None


def _normal(text: str) -> str:
    """Browsers send line ends as two characters, and people leave spaces behind."""
    return text.replace("\r\n", _LINES).strip()


def _number(text: str) -> int | float | str:
    """A number where it is one; any other text is left to the CRM to refuse."""
    plain = text.replace(",", "")
    if not _NUMBER.fullmatch(plain):
        return text
    return float(plain) if "." in plain else int(plain)


def _moment(text: str, zone: ZoneInfo) -> str:
    try:
        return datetime.fromisoformat(text).replace(tzinfo=zone).isoformat()
    except ValueError:
        return text


_WIRES: Mapping[Kind, Callable[[str], Any]] = {
    Kind.OWNER: lambda text: {"id": text},
    Kind.MULTIPICK: lambda text: text.split(_LINES),
    **dict.fromkeys(NUMBER_KINDS, _number),
}
