"""The search endpoint's own little language, and how loosely it matches.

`((Account_Name:equals:Acme)and(Billing_City:starts_with:Che))`; in a search, `equals` on a text finds what
*contains* it, as the CRM's search index does. Whoever wants exact answers uses COQL.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from zbweb.sandbox.criteria import BadCriterion, Comparator, Criterion, Group, Scope, Test, field_of
from zbweb.sandbox.queries import Clause
from zbweb.sandbox.schema import TEXT_KINDS, Kind
from zbweb.sandbox.store import fold

MOST_CRITERIA = 10
SHORTEST_WORD = 2
_OPERATORS: Mapping[str, Comparator] = {
    "equals": Comparator.EQUAL,
    "not_equal": Comparator.NOT_EQUAL,
    "starts_with": Comparator.STARTS_WITH,
    "in": Comparator.IN,
    "between": Comparator.BETWEEN,
    "greater_than": Comparator.GREATER_THAN,
    "greater_equal": Comparator.GREATER_EQUAL,
    "less_than": Comparator.LESS_THAN,
    "less_equal": Comparator.LESS_EQUAL,
}
_MANY = (Comparator.IN, Comparator.BETWEEN)
_LOOSE_KINDS = TEXT_KINDS - {Kind.AUTONUMBER}


@dataclass(slots=True)
class _Reader:
    """A position in the text; `\\` takes the next character literally."""

    text: str
    at: int = 0

    def peek(self) -> str:
        return self.text[self.at : self.at + 1]

    def expect(self, sign: str) -> None:
        if self.peek() != sign:
            raise BadCriterion(f"expected {sign}", value=self.text)
        self.at += 1

    def take_word(self, word: str) -> bool:
        found = self.text[self.at :].lstrip().lower().startswith(word)
        if found:
            self.at += len(self.text[self.at :]) - len(self.text[self.at :].lstrip()) + len(word)
        return found

    def skip_spaces(self) -> None:
        while self.peek().isspace():
            self.at += 1

    def parts(self) -> list[list[str]]:
        """Up to the closing bracket: texts between colons (at most two), the last one split at commas."""
        texts: list[list[str]] = [[""]]
        while self.peek() not in ("", ")"):
            sign = self.peek()
            self.at += 1
            if sign == "\\" and self.peek():
                texts[-1][-1] += self.peek()
                self.at += 1
            elif sign == ":" and len(texts) < 3:
                texts.append([""])
            elif sign == "," and len(texts) == 3:
                texts[-1].append("")
            else:
                texts[-1][-1] += sign
        return texts


def parse(text: str, scope: Scope) -> Criterion:
    """The criterion that a text spells for this module. Raises BadCriterion."""
    reader = _Reader(text.strip())
    criterion = _sequence(reader, scope)
    reader.skip_spaces()
    if reader.peek():
        raise BadCriterion("unexpected text after the criteria", value=reader.text)
    if _count(criterion) > MOST_CRITERIA:
        raise BadCriterion("too many criteria")
    return criterion


def loosened(criterion: Criterion, scope: Scope) -> Criterion:
    """A criterion as the search takes it: texts that are to equal a value contain it. Raises BadCriterion."""
    if isinstance(criterion, Group):
        return Group(criterion.operator, tuple(loosened(part, scope) for part in criterion.parts))
    if field_of(criterion.field, scope).kind not in _LOOSE_KINDS:
        return criterion
    if isinstance(criterion.value, str) and len(criterion.value) < SHORTEST_WORD:
        raise BadCriterion("the value is too short to be searched for", api_name=criterion.field, value=criterion.value)
    is_equality = criterion.comparator is Comparator.EQUAL
    return replace(criterion, comparator=Comparator.CONTAINS) if is_equality else criterion


def word_clause(text: str) -> Clause:
    """The records in which any searchable field contains the word."""
    escaped = str(fold(text)).replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return Clause("search_text LIKE ? ESCAPE '\\'", (f"%{escaped}%",))


def _sequence(reader: _Reader, scope: Scope) -> Criterion:
    parts = [_bracket(reader, scope)]
    operators: list[str] = []
    while operator := next((word for word in ("and", "or") if reader.take_word(word)), None):
        operators.append(operator)
        reader.skip_spaces()
        parts.append(_bracket(reader, scope))
    if len(set(operators)) > 1:
        raise BadCriterion("and and or may not stand side by side without brackets", value=reader.text)
    return Group(operators[0], tuple(parts)) if operators else parts[0]


def _bracket(reader: _Reader, scope: Scope) -> Criterion:
    reader.expect("(")
    reader.skip_spaces()
    criterion = _sequence(reader, scope) if reader.peek() == "(" else _comparison(reader, scope)
    reader.skip_spaces()
    reader.expect(")")
    return criterion


def _comparison(reader: _Reader, scope: Scope) -> Test:
    texts = reader.parts()
    if len(texts) < 3:
        raise BadCriterion("a criterion is field:operator:value", value=reader.text)
    name, operator, values = texts[0][0].strip(), texts[1][0].strip(), texts[2]
    if operator not in _OPERATORS:
        raise BadCriterion("the operator is not supported", api_name=name, operator=operator)
    comparator = _OPERATORS[operator]
    value: str | list[str] = values if comparator in _MANY else ",".join(values)
    field_of(name, scope)  # refuses a field that the module does not have
    return Test(name, comparator, value)


def _count(criterion: Criterion) -> int:
    if isinstance(criterion, Test):
        return 1
    return sum(_count(part) for part in criterion.parts)
