"""The conditions of a view: as rows of a form, as the CRM's criteria, and as words."""

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass

from werkzeug.datastructures import MultiDict

from zbweb.sandbox import criteria
from zbweb.sandbox.criteria import Comparator, Criterion, Group, Test
from zbweb.sandbox.pages.naming import Unclear, find_named
from zbweb.sandbox.schema import Field, Kind, Module
from zbweb.sandbox.state import Sandbox

MOST_ROWS = 5
WORDS: Mapping[Comparator, str] = {
    Comparator.EQUAL: "is",
    Comparator.NOT_EQUAL: "is not",
    Comparator.IN: "is one of (separate by commas)",
    Comparator.NOT_IN: "is none of (separate by commas)",
    Comparator.CONTAINS: "contains",
    Comparator.NOT_CONTAINS: "does not contain",
    Comparator.STARTS_WITH: "starts with",
    Comparator.ENDS_WITH: "ends with",
    Comparator.EMPTY: "is empty",
    Comparator.NOT_EMPTY: "is not empty",
    Comparator.LESS_THAN: "is less than or before",
    Comparator.LESS_EQUAL: "is at most or until",
    Comparator.GREATER_THAN: "is more than or after",
    Comparator.GREATER_EQUAL: "is at least or since",
}
_MANY = (Comparator.IN, Comparator.NOT_IN)
_ALONE = (Comparator.EMPTY, Comparator.NOT_EMPTY)
_CURRENT_USER = "${CURRENTUSER}"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the form, as it was typed."""

    field: str = ""
    comparator: str = Comparator.EQUAL
    value: str = ""


def typed_rows(form: MultiDict[str, str]) -> list[Row]:
    """Always MOST_ROWS of them; the empty ones choose no field."""
    names, words, values = (form.getlist(key)[:MOST_ROWS] for key in ("field", "comparator", "value"))
    rows = [Row(*parts) for parts in zip(names, words, values, strict=False)]
    return [*rows, *(Row() for _ in range(MOST_ROWS - len(rows)))]


def criterion(
    sandbox: Sandbox, connection: sqlite3.Connection, module: Module, *, rows: list[Row], operator: str
) -> Criterion | None:
    """What the rows mean together; None when no field was chosen. Raises Unclear with a sentence."""
    tests = [_test(sandbox, connection, module, row) for row in rows if row.field]
    if len(tests) < 2:
        return tests[0] if tests else None
    return Group("or" if operator == "or" else "and", tuple(tests))


def _test(sandbox: Sandbox, connection: sqlite3.Connection, module: Module, row: Row) -> Test:
    field = module.by_name.get(row.field)
    if field is None or row.comparator not in set(WORDS):
        raise Unclear("Choose a field and a comparison from the lists.")
    word = Comparator(row.comparator)
    if word in _ALONE:
        return Test(field.api_name, word)
    parts = [part.strip() for part in row.value.split(",")] if word in _MANY else [row.value.strip()]
    values = [_value(sandbox, connection, field, part) for part in parts if part]
    if not values:
        raise Unclear(f"Enter what {field.display_label} is compared with.")
    return Test(field.api_name, word, values if word in _MANY else values[0])


def _value(sandbox: Sandbox, connection: sqlite3.Connection, field: Field, text: str) -> str:
    """Names of users and records become their numbers; everything else stays as typed."""
    if field.kind is Kind.LOOKUP:
        return str(find_named(connection, sandbox.catalog.module(field.target or ""), text))
    if field.kind is not Kind.OWNER or text == _CURRENT_USER:
        return text
    wanted = text.casefold()
    members = sandbox.members.values()
    found = [one for one in members if wanted in (one.full_name.casefold(), one.email.casefold(), str(one.id))]
    if not found:
        raise Unclear(f"There is no user “{text}”. Type a name or an e-mail address.")
    return str(found[0].id)


def in_words(given: Mapping[str, object] | None, module: Module) -> str:
    """The criteria of a stored view as a sentence for its list."""
    return "All records" if given is None else _told(criteria.from_json(given), module)


def _told(part: Criterion, module: Module) -> str:
    if isinstance(part, Group):
        return f" {part.operator} ".join(_told(one, module) for one in part.parts)
    field = module.by_name.get(part.field)
    label = field.display_label if field else part.field
    word = WORDS.get(part.comparator, part.comparator.value.replace("_", " ")).partition(" (")[0]
    if part.comparator in _ALONE:
        return f"{label} {word}"
    value = ", ".join(map(str, part.value)) if isinstance(part.value, list) else str(part.value)
    return f"{label} {word} {value.replace(_CURRENT_USER, 'the current user')}"
