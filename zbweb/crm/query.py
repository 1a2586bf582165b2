"""Texts of the CRM's query language, with values escaped so that a name cannot change a question."""


def coql_text(value: str) -> str:
    """`value` as a quoted COQL text."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
