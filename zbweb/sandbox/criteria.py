"""Conditions on records: views, searches, exports and COQL all become this tree, and this tree becomes SQL."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from zbweb.sandbox.catalog import Catalog
from zbweb.sandbox.clock import parse_iso
from zbweb.sandbox.queries import EVERYTHING, LARGEST_ID, Clause
from zbweb.sandbox.schema import NUMBER_KINDS, TEXT_KINDS, Field, Kind, Module
from zbweb.sandbox.store import fold
from zbweb.sandbox.values import utc_text

DAY = 24 * 3600
_RELATIVE_DAY = re.compile(r"\$\{TODAY\}(?:([+-])(\d+))?")
_COLUMNS: Mapping[str, str] = {
    "id": "id", "Owner": "owner_id", "Created_By": "created_by", "Modified_By": "modified_by",
    "Created_Time": "created", "Modified_Time": "modified", "Change_Log_Time__s": "modified",
}  # fmt: skip


class Comparator(StrEnum):
    """The words of views and exports; search and COQL are translated to them."""

    EQUAL = "equal"
    NOT_EQUAL = "not_equal"
    IN = "in"
    NOT_IN = "not_in"
    LESS_THAN = "less_than"
    LESS_EQUAL = "less_equal"
    GREATER_THAN = "greater_than"
    GREATER_EQUAL = "greater_equal"
    BETWEEN = "between"
    NOT_BETWEEN = "not_between"
    CONTAINS = "contains"
    NOT_CONTAINS = "not_contains"
    STARTS_WITH = "starts_with"
    ENDS_WITH = "ends_with"
    LIKE = "like"
    NOT_LIKE = "not_like"
    EMPTY = "is_empty"
    NOT_EMPTY = "is_not_empty"


@dataclass(frozen=True, slots=True)
class Test:
    """One comparison; `field` may be dotted (`Account_Name.Billing_City`)."""

    field: str
    comparator: Comparator
    value: Any = None


@dataclass(frozen=True, slots=True)
class Group:
    """Several conditions of which all ("and") or any ("or") hold."""

    operator: str
    parts: tuple["Test | Group", ...]


Criterion = Test | Group


@dataclass(frozen=True, slots=True)
class Scope:
    """What a criterion is read against: whose `${CURRENTUSER}` it is and what `${TODAY}` means."""

    catalog: Catalog
    module: Module
    member_id: int
    now: int


class BadCriterion(ValueError):
    """A condition this organisation cannot answer."""

    def __init__(self, reason: str, *, api_name: str = "", operator: str = "", value: Any = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.details = {
            key: item
            for key, item in (("api_name", api_name), ("operator", operator), ("reason", reason), ("value", value))
            if item not in ("", None)
        }


def from_json(given: Any) -> Criterion:
    """`{"field": {"api_name"}, "comparator", "value"}` or `{"group_operator", "group": […]}`. Raises BadCriterion."""
    if not isinstance(given, Mapping):
        raise BadCriterion("a condition is an object", value=str(given))
    if "group" in given:
        operator, parts = str(given.get("group_operator", "and")).lower(), given["group"]
        if operator not in ("and", "or") or not isinstance(parts, list) or not parts:
            raise BadCriterion("a group wants group_operator and or or, and at least one condition")
        return Group(operator, tuple(from_json(part) for part in parts))
    field = given.get("field", given.get("api_name"))
    name = field.get("api_name") if isinstance(field, Mapping) else field
    word = str(given.get("comparator", "equal")).lower().replace("equals", "equal")
    if not name:
        raise BadCriterion("a condition wants a field")
    try:
        return _emptiness(Test(str(name), Comparator(word), given.get("value")))
    except ValueError:
        raise BadCriterion("unknown comparator", api_name=str(name), operator=word) from None


def _emptiness(test: Test) -> Test:
    empty = {"${EMPTY}": Comparator.EMPTY, "${NOTEMPTY}": Comparator.NOT_EMPTY}.get(str(test.value))
    if empty is None:
        return test
    is_negated = test.comparator in (Comparator.NOT_EQUAL, Comparator.NOT_IN)
    opposite = {Comparator.EMPTY: Comparator.NOT_EMPTY, Comparator.NOT_EMPTY: Comparator.EMPTY}
    return Test(test.field, opposite[empty] if is_negated else empty)


def where(criterion: Criterion | None, scope: Scope) -> Clause:
    """The SQL of a criterion over the table `record`. Raises BadCriterion."""
    if criterion is None:
        return EVERYTHING
    if isinstance(criterion, Test):
        return _test(criterion, scope)
    clauses = [where(part, scope) for part in criterion.parts]
    joined = f" {criterion.operator.upper()} ".join(f"({clause.sql})" for clause in clauses)
    return Clause(joined, tuple(param for clause in clauses for param in clause.params))


def field_of(path: str, scope: Scope) -> Field:
    """The field at the end of a dotted path. Raises BadCriterion."""
    module = scope.module
    *lookups, last = path.split(".")
    for step in lookups:
        lookup = module.by_name.get(step)
        if lookup is None or lookup.kind is not Kind.LOOKUP:
            raise BadCriterion("the field is not a lookup", api_name=path)
        module = scope.catalog.module(lookup.target or "")
    if last == "id":
        return Field("id", Kind.BIGINT)
    if last not in module.by_name:
        raise BadCriterion("the field is not available for search", api_name=path)
    return module.by_name[last]


def expression(path: str, scope: Scope, *, table: str = "record") -> str:
    """The SQL value of a field; a dotted path becomes a look at the record that the lookup points to."""
    field_of(path, scope)
    step, _, rest = path.partition(".")
    if not rest:
        column = _COLUMNS.get(step)
        return f"{table}.{column}" if column else f"json_extract({table}.body, '$.{step}')"
    target = scope.catalog.module(scope.module.by_name[step].target or "")
    inner = f"t{len(path.split('.'))}"
    value = expression(rest, Scope(scope.catalog, target, scope.member_id, scope.now), table=inner)
    link = f"CAST(json_extract({table}.body, '$.{step}') AS INTEGER)"
    return f"(SELECT {value} FROM record AS {inner} WHERE {inner}.id = {link})"


def _test(test: Test, scope: Scope) -> Clause:
    field = field_of(test.field, scope)
    if test.comparator in (Comparator.EMPTY, Comparator.NOT_EMPTY):
        return _empty(test, scope)
    if field.kind is Kind.SUBFORM:
        raise BadCriterion("the field is not available for search", api_name=test.field)
    if field.kind is Kind.LOOKUP and "." not in test.field and test.comparator in _BY_LINK:
        return _linked(test)
    value = expression(test.field, scope)
    if field.kind in TEXT_KINDS or field.kind in (Kind.PICKLIST, Kind.MULTIPICK):
        value = "record.name_key" if test.field == scope.module.name_field else f"fold({value})"
    if field.kind is Kind.BOOLEAN:
        value = f"coalesce({value}, 0)"
    build = _BUILDERS.get(test.comparator)
    if build is None:
        raise BadCriterion("the operator is not supported", api_name=test.field, operator=test.comparator)
    return build(value, _operands(field, test, scope))


def _empty(test: Test, scope: Scope) -> Clause:
    word = "IS NULL" if test.comparator is Comparator.EMPTY else "IS NOT NULL"
    return Clause(f"{expression(test.field, scope)} {word}")


_BY_LINK = {Comparator.EQUAL: "IN", Comparator.IN: "IN", Comparator.NOT_EQUAL: "NOT IN", Comparator.NOT_IN: "NOT IN"}


def _linked(test: Test) -> Clause:
    """A lookup compared with ids is answered from the index of lookups."""
    targets = [int(_identity(item, test)) for item in _listed(test.value)]
    marks = ", ".join("?" * len(targets))
    links = f"SELECT record_id FROM lookup WHERE field = ? AND target_id IN ({marks})"
    return Clause(f"record.id {_BY_LINK[test.comparator]} ({links})", (test.field, *targets))


def _listed(value: Any) -> list[Any]:
    if isinstance(value, str) and "," in value and value.replace(",", "").replace(" ", "").isdecimal():
        return [part.strip() for part in value.split(",")]
    return list(value) if isinstance(value, list | tuple) else [value]


def _identity(value: Any, test: Test) -> str:
    found = str(value.get("id") if isinstance(value, Mapping) else value)
    if not found.isdecimal() or int(found) > LARGEST_ID:
        raise BadCriterion("value given seems to be invalid for the column", api_name=test.field, value=found)
    return found


def _operands(field: Field, test: Test, scope: Scope) -> list[Any]:
    try:
        return [_operand(field, item, test, scope) for item in _listed(test.value)]
    except (TypeError, ValueError) as error:
        if isinstance(error, BadCriterion):
            raise
        reason = "value given seems to be invalid for the column"
        raise BadCriterion(reason, api_name=test.field, value=str(test.value)) from error


def _operand(field: Field, value: Any, test: Test, scope: Scope) -> Any:
    """The value as the column of this kind of field is compared with it."""
    if field.kind is Kind.OWNER:
        return scope.member_id if value in ("${CURRENTUSER}", "CURRENTUSER") else int(_identity(value, test))
    if field.kind in (Kind.LOOKUP, Kind.BIGINT):
        return int(_identity(value, test)) if field.api_name == "id" else _identity(value, test)
    if field.kind in (Kind.DATETIME, Kind.DATE):
        return _time_operand(field, _moment(str(value), scope))
    if field.kind in NUMBER_KINDS:
        return float(value)
    return int(str(value).lower() == "true") if field.kind is Kind.BOOLEAN else fold(str(value))


def _time_operand(field: Field, epoch: int) -> int | str:
    if field.kind is Kind.DATE:
        return utc_text(epoch)[:10]
    return epoch if field.api_name in _COLUMNS else utc_text(epoch)


def _moment(text: str, scope: Scope) -> int:
    relative = _RELATIVE_DAY.fullmatch(text)
    if relative is None:
        return parse_iso(text)
    days = int(relative[2] or 0) * (-1 if relative[1] == "-" else 1)
    return scope.now - scope.now % DAY + days * DAY


def _compared(sign: str) -> Callable[[str, list[Any]], Clause]:
    return lambda value, operands: Clause(f"{value} {sign} ?", (operands[0],))


def _matched(before: str, after: str, *, word: str = "LIKE") -> Callable[[str, list[Any]], Clause]:
    def build(value: str, operands: list[Any]) -> Clause:
        text = str(operands[0]).replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        return Clause(f"coalesce({value}, '') {word} ? ESCAPE '\\'", (f"{before}{text}{after}",))

    return build


def _among(word: str) -> Callable[[str, list[Any]], Clause]:
    def build(value: str, operands: list[Any]) -> Clause:
        return Clause(f"coalesce({value}, '') {word} ({', '.join('?' * len(operands))})", tuple(operands))

    return build


def _ranged(word: str) -> Callable[[str, list[Any]], Clause]:
    def build(value: str, operands: list[Any]) -> Clause:
        if len(operands) != 2:
            raise BadCriterion("between wants two values")
        return Clause(f"{value} {word} ? AND ?", tuple(operands))

    return build


def _wild(word: str) -> Callable[[str, list[Any]], Clause]:
    return lambda value, operands: Clause(f"coalesce({value}, '') {word} ?", (operands[0],))


_BUILDERS: Mapping[Comparator, Callable[[str, list[Any]], Clause]] = {
    Comparator.EQUAL: _compared("="),
    Comparator.NOT_EQUAL: _compared("IS NOT"),
    Comparator.LESS_THAN: _compared("<"),
    Comparator.LESS_EQUAL: _compared("<="),
    Comparator.GREATER_THAN: _compared(">"),
    Comparator.GREATER_EQUAL: _compared(">="),
    Comparator.IN: _among("IN"),
    Comparator.NOT_IN: _among("NOT IN"),
    Comparator.BETWEEN: _ranged("BETWEEN"),
    Comparator.NOT_BETWEEN: _ranged("NOT BETWEEN"),
    Comparator.CONTAINS: _matched("%", "%"),
    Comparator.NOT_CONTAINS: _matched("%", "%", word="NOT LIKE"),
    Comparator.STARTS_WITH: _matched("", "%"),
    Comparator.ENDS_WITH: _matched("%", ""),
    Comparator.LIKE: _wild("LIKE"),
    Comparator.NOT_LIKE: _wild("NOT LIKE"),
}


def to_json(criterion: Criterion) -> dict[str, Any]:
    """The CRM's own JSON of a criterion: what `from_json` reads."""
    if isinstance(criterion, Group):
        return {"group_operator": criterion.operator, "group": [to_json(part) for part in criterion.parts]}
    words = {Comparator.EMPTY: "${EMPTY}", Comparator.NOT_EMPTY: "${NOTEMPTY}"}
    word = words.get(criterion.comparator)
    comparator = Comparator.EQUAL if word else criterion.comparator
    value = word or criterion.value
    return {"field": {"api_name": criterion.field}, "comparator": comparator.value, "value": value}
