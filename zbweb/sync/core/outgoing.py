"""What a local record says in the CRM's words, and how much of it the CRM has not been told.

A contact's last name is mandatory in the CRM, and its full name is put together there. `presented` says
our values as the CRM would say them back, so that neither looks like a change of anybody's.
"""

from collections.abc import Collection, Mapping, Sequence

from zbweb.sync.core.fieldtypes import Unmappable, Value
from zbweb.sync.core.mapping import Row

FULL_NAME, FIRST_NAME, LAST_NAME = "Full_Name", "First_Name", "Last_Name"
_EMPTY = ("", None)
_UNKNOWN = object()


def presented(values: Mapping[str, Value], rows: Sequence[Row], *, name: str) -> dict[str, Value]:
    """Our values in their normal form and in the CRM's words; `name` stands in for a last name that is missing."""
    ours = {row.key: _normal(row, values[row.key]) for row in rows if row.key in values}
    keys = {row.crm: row.key for row in reversed(rows) if row.key in ours}
    last, first, full = keys.get(LAST_NAME), keys.get(FIRST_NAME), keys.get(FULL_NAME)
    if last is None:
        return ours
    if ours[last] in _EMPTY:
        ours[last] = name
        if first is not None:
            ours[first] = ""
    if full is not None:
        parts = (ours[first] if first is not None else "", ours[last])
        ours[full] = " ".join(str(part) for part in parts if part not in _EMPTY)
    return ours


def _normal(row: Row, value: Value) -> Value:
    try:
        return row.parse(value)
    except Unmappable:
        return value


def unseen(
    ours: Mapping[str, Value], snapshot: Mapping[str, Value], rows: Sequence[Row], *, held: Collection[str] = ()
) -> dict[str, Value]:
    """Our values that the CRM has yet to be told, as far as it can be; fields in `held` await a person's choice."""
    return {
        row.key: ours[row.key]
        for row in rows
        if row.writes and row.key in ours and row.key not in held and _differs(ours[row.key], snapshot, row.key)
    }


def _differs(value: Value, snapshot: Mapping[str, Value], key: str) -> bool:
    agreed = snapshot.get(key, _UNKNOWN)
    if value in _EMPTY:
        return agreed is not _UNKNOWN and agreed not in _EMPTY
    return value != agreed


def agreed(told: Mapping[str, Value], rows: Sequence[Row]) -> dict[str, Value]:
    """What both sides agree on once the CRM was told `told`: also for fields that read the same CRM field."""
    by_crm = {row.crm: told[row.key] for row in rows if row.writes and row.key in told}
    shared = {row.key: _normal(row, by_crm[row.crm]) for row in rows if not row.writes and row.crm in by_crm}
    full = {row.key: told[row.key] for row in rows if row.crm == FULL_NAME and row.key in told}
    return {**shared, **full, **{row.key: told[row.key] for row in rows if row.writes and row.key in told}}
