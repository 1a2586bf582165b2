"""What a local record says in the CRM's words, and how much of it the CRM has not been told.

A contact's last name is mandatory in the CRM, and its full name is put together there. `presented` says
our values as the CRM would say them back, so that neither looks like a change of anybody's.
"""

from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType

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
        ours[full] = _whole(ours, first, last)
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


def agreed(
    told: Mapping[str, Value], rows: Sequence[Row], before: Mapping[str, Value] = MappingProxyType({})
) -> dict[str, Value]:
    """What both sides agree on, over what they agreed on before, once the CRM was told `told`.

    That includes fields that read the same CRM field, and the full name that the CRM makes of its parts.
    """
    news = {row.key: told[row.key] for row in rows if row.writes and row.key in told}
    by_crm = {row.crm: news[row.key] for row in rows if row.key in news}
    shared = {row.key: _normal(row, by_crm[row.crm]) for row in rows if not row.writes and row.crm in by_crm}
    after = {**before, **shared, **news}
    if not by_crm.keys() & {FIRST_NAME, LAST_NAME}:
        return after
    keys = {row.crm: row.key for row in reversed(rows)}
    whole = _whole(after, keys.get(FIRST_NAME), keys.get(LAST_NAME))
    return after | {row.key: whole for row in rows if row.crm == FULL_NAME}


def _whole(values: Mapping[str, Value], *keys: str | None) -> str:
    parts = (values.get(key) for key in keys if key is not None)
    return " ".join(str(part) for part in parts if part not in _EMPTY)
