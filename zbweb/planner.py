"""What SQLite's planner is told of the tables. PostgreSQL gathers that by itself.

Every row of a business shares its organisation and connection. A planner that knows nothing takes such an index for
a choice of ten rows and reads the whole table by it, so that a first sync would slow down with each batch.
"""

from collections.abc import Sequence

from sqlalchemy import Connection, Engine

_ROWS = 100_000
"""How large a table is taken to be while nobody has seen a row of it."""
_ROWS_OF_A_PART = 100
"""How much an index holds that leaves most rows out."""
_SHARED = frozenset({"organisation_id", "connection_id"})
_FEW_VALUES = frozenset(
    {"crm_module", "direction", "entity", "kind", "module", "operation", "outcome", "state", "status", "type"}
)


def inform(engine: Engine) -> None:
    """Count what the tables hold, and say of empty ones what they are going to hold."""
    if engine.dialect.name != "sqlite":
        return
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA analysis_limit=400")
        connection.exec_driver_sql("ANALYZE")
        guesses = [
            (table, index, guess(columns, is_partial=is_partial))
            for (table, index, is_partial), columns in _uncounted(connection).items()
        ]
        if guesses:
            connection.exec_driver_sql("INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES (?, ?, ?)", guesses)
            connection.exec_driver_sql("ANALYZE sqlite_schema")
        connection.commit()


def guess(columns: Sequence[str], *, is_partial: bool = False) -> str:
    """An index' line of statistics: its rows, then how many of them share the first column, the first two, …"""
    left = _ROWS_OF_A_PART if is_partial else _ROWS
    shares = [left]
    for name in columns:
        if name in _FEW_VALUES:
            left = max(left // 3, 1)
        elif name not in _SHARED:
            left = min(left, 2)
        shares.append(left)
    return " ".join(map(str, shares))


def _uncounted(connection: Connection) -> dict[tuple[str, str, bool], list[str]]:
    """Indexes of which ANALYZE says nothing, since their tables are empty: (table, index, is partial) to columns.

    Unique ones count as whole, however few rows they are for: those rows are what a sync works with.
    """
    rows = connection.exec_driver_sql(
        'SELECT m.name, i.name, i.partial AND NOT i."unique", c.name FROM sqlite_schema AS m,'
        " pragma_index_list(m.name) AS i, pragma_index_info(i.name) AS c"
        " WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite%'"
        " AND NOT EXISTS (SELECT 1 FROM sqlite_stat1 AS s WHERE s.tbl = m.name AND s.idx IS NOT NULL)"
        " ORDER BY i.name, c.seqno"
    )
    found: dict[tuple[str, str, bool], list[str]] = {}
    for table, index, is_partial, column in rows:
        found.setdefault((table, index, bool(is_partial)), []).append(column or "")
    return found
