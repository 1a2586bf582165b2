"""Texts of the CRM's two query languages, with values escaped so that a name cannot change a question."""

from collections.abc import Sequence


def equals(field: str, value: str) -> str:
    """A search criterion; the CRM reads it as "contains", so compare again what comes back."""
    return f"({field}:equals:{_escape(value)})"


def starts_with(field: str, value: str) -> str:
    """A search criterion on a text's beginning."""
    return f"({field}:starts_with:{_escape(value)})"


def one_of(field: str, values: Sequence[str]) -> str:
    """A search criterion on a value being among `values` (at most 100)."""
    return f"({field}:in:{','.join(_escape(value) for value in values)})"


def all_of(*criteria: str) -> str:
    """Criteria that must all hold."""
    return _joined("and", criteria)


def any_of(*criteria: str) -> str:
    """Criteria of which one must hold."""
    return _joined("or", criteria)


def coql_text(value: str) -> str:
    """`value` as a quoted COQL text."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _joined(word: str, criteria: Sequence[str]) -> str:
    return criteria[0] if len(criteria) == 1 else f"({word.join(criteria)})"


def _escape(value: str) -> str:
    return "".join(f"\\{char}" if char in "\\()," else char for char in value)
