"""The CRM's query language: a SELECT is read into a Query, and answered from the store.

Understood: columns (dotted through lookups), aliases, COUNT SUM AVG MIN MAX, WHERE with all comparators and
brackets, GROUP BY, ORDER BY, LIMIT with OFFSET in both spellings. WHERE is mandatory, as at the CRM.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from zbweb.sandbox.criteria import Comparator, Criterion, Group, Test

LARGEST_LIMIT = 2_000
LARGEST_OFFSET = 100_000
MOST_COLUMNS = 50
MOST_CRITERIA = 25
MOST_SORTS = 10
AGGREGATES = ("count", "sum", "avg", "min", "max")
_TOKEN = re.compile(r"\s*('(?:[^'\\]|\\.|'')*'|\"(?:[^\"\\]|\\.)*\"|<=|>=|!=|<>|[=<>(),]|[^\s=<>!(),]+)")
_SIGNS: Mapping[str, Comparator] = {
    "=": Comparator.EQUAL, "!=": Comparator.NOT_EQUAL, "<>": Comparator.NOT_EQUAL, "<": Comparator.LESS_THAN,
    ">": Comparator.GREATER_THAN, "<=": Comparator.LESS_EQUAL, ">=": Comparator.GREATER_EQUAL,
}  # fmt: skip


class CoqlError(ValueError):
    """The query is refused; `code`, `message` and `details` are what the wire says."""

    def __init__(self, code: str, message: str, details: dict[str, Any]) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.details = details


@dataclass(frozen=True, slots=True)
class Column:
    """One selected column: a field path, or an aggregate of one; `name` is its key in the answer."""

    path: str
    name: str
    aggregate: str | None = None


@dataclass(frozen=True, slots=True)
class Sort:
    """One column of ORDER BY."""

    path: str
    descending: bool


@dataclass(frozen=True, slots=True)
class Query:
    """A COQL SELECT."""

    columns: tuple[Column, ...]
    module: str
    where: Criterion
    group_by: tuple[str, ...] = ()
    order_by: tuple[Sort, ...] = ()
    limit: int = 200
    offset: int = 0

    @property
    def is_aggregate(self) -> bool:
        return bool(self.group_by) or any(column.aggregate for column in self.columns)


def parse(text: str) -> Query:
    """Raises CoqlError."""
    return _Parser(text).query()


class _Parser:
    """A reader of tokens, one method for each clause."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = [match.group(1) for match in _TOKEN.finditer(text.strip().rstrip(";"))]
        self._at = 0
        self._criteria = 0

    def query(self) -> Query:
        self._expect("select")
        columns = self._columns()
        self._expect("from")
        module = self._take()
        if not self._accept("where"):
            raise CoqlError("SYNTAX_ERROR", "missing clause", {"clause": "where"})
        where = self._condition()
        group_by = self._paths() if self._accept("group") else ()
        order_by = self._sorts() if self._accept("order") else ()
        limit, offset = self._window()
        if self._peek():
            raise self._error()
        return Query(columns, module, where, group_by, order_by, limit, offset)

    def _columns(self) -> tuple[Column, ...]:
        columns: dict[str, Column] = {}
        while True:
            column = self._column()
            if column.name in columns:
                raise CoqlError("DUPLICATE_DATA", "duplicate select column", {"column_name": column.name})
            columns[column.name] = column
            if not self._accept(","):
                break
        if len(columns) > MOST_COLUMNS:
            raise CoqlError("LIMIT_EXCEEDED", "select column limit exceeded", {"limit": MOST_COLUMNS})
        return tuple(columns.values())

    def _column(self) -> Column:
        word = self._take()
        aggregate = word.lower() if word.lower() in AGGREGATES and self._peek() == "(" else None
        path = word
        if aggregate:
            self._expect("(")
            path = self._take()
            self._expect(")")
        name = f"{aggregate.upper()}({path})" if aggregate else path
        return Column(path, self._take() if self._accept("as") else name, aggregate)

    def _condition(self) -> Criterion:
        parts = [self._term()]
        operators: list[str] = []
        while self._peek().lower() in ("and", "or"):
            operators.append(self._take().lower())
            parts.append(self._term())
        if not operators:
            return parts[0]
        if len(operators) > 1:  # the CRM wants further conditions nested, two in a pair of brackets
            raise self._error()
        return Group(operators[0], tuple(parts))

    def _term(self) -> Criterion:
        if self._accept("("):
            inner = self._condition()
            self._expect(")")
            return inner
        return self._comparison()

    def _comparison(self) -> Test:
        self._criteria += 1
        if self._criteria > MOST_CRITERIA:
            raise CoqlError("LIMIT_EXCEEDED", "criteria limit exceeded", {"limit": MOST_CRITERIA})
        path = self._take()
        sign = self._take().lower()
        if sign in _SIGNS:
            return Test(path, _SIGNS[sign], self._value())
        if sign == "is":
            is_negated = self._accept("not")
            self._expect("null")
            return Test(path, Comparator.NOT_EMPTY if is_negated else Comparator.EMPTY)
        is_negated = sign == "not"
        word = self._take().lower() if is_negated else sign
        if word == "in":
            return Test(path, Comparator.NOT_IN if is_negated else Comparator.IN, self._values())
        if word == "like":
            return Test(path, Comparator.NOT_LIKE if is_negated else Comparator.LIKE, self._value())
        if word == "between":
            low = self._value()
            self._expect("and")
            return Test(path, Comparator.NOT_BETWEEN if is_negated else Comparator.BETWEEN, [low, self._value()])
        raise self._error()

    def _value(self) -> str:
        token = self._take()
        if token[0] in "'\"":
            if len(token) < 2 or token[-1] != token[0]:
                raise self._error()
            return re.sub(r"\\(.)|'(')", r"\1\2", token[1:-1])
        return token

    def _values(self) -> list[str]:
        self._expect("(")
        values = [self._value()]
        while self._accept(","):
            values.append(self._value())
        self._expect(")")
        return values

    def _paths(self) -> tuple[str, ...]:
        self._expect("by")
        paths = [self._take()]
        while self._accept(","):
            paths.append(self._take())
        return tuple(paths)

    def _sorts(self) -> tuple[Sort, ...]:
        self._expect("by")
        sorts = []
        while True:
            path = self._take()
            descending = self._accept("desc")
            if not descending:
                self._accept("asc")
            sorts.append(Sort(path, descending))
            if not self._accept(","):
                break
        if len(sorts) > MOST_SORTS:
            raise CoqlError("LIMIT_EXCEEDED", "order by limit exceeded", {"limit": MOST_SORTS})
        return tuple(sorts)

    def _window(self) -> tuple[int, int]:
        limit, offset = 200, 0
        if self._accept("limit"):
            limit = self._whole("limit")
            if self._accept(","):
                offset, limit = limit, self._whole("limit")
        if self._accept("offset"):
            offset = self._whole("offset")
        if limit > LARGEST_LIMIT or offset > LARGEST_OFFSET:
            clause = "limit" if limit > LARGEST_LIMIT else "offset"
            raise CoqlError("LIMIT_EXCEEDED", "limit exceeded", {"clause": clause, "limit": LARGEST_LIMIT})
        return limit, offset

    def _whole(self, clause: str) -> int:
        token = self._take()
        if not token.isdecimal():
            raise CoqlError("INVALID_QUERY", "invalid query formed", {clause: token})
        return int(token)

    def _peek(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _take(self) -> str:
        token = self._peek()
        if not token:
            raise self._error()
        self._at += 1
        return token

    def _accept(self, word: str) -> bool:
        is_next = self._peek().lower() == word
        self._at += is_next
        return is_next

    def _expect(self, word: str) -> None:
        if not self._accept(word):
            raise self._error()

    def _error(self) -> CoqlError:
        near = self._peek()
        column = self._text.find(near) + 1 if near else len(self._text)
        return CoqlError("SYNTAX_ERROR", "invalid query formed", {"line": 1, "column": column, "near": near or "end"})
