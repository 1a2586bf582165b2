"""Three-way merge: fields changed on one side flow, fields changed on both are decided by the winner rule.

`snapshot` holds what both sides agreed on last. After a merge it holds, per field, what the CRM says now,
so that whatever still differs here is a change of ours to be pushed; fields in conflict keep the old
agreement until somebody decides.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from zbweb.sync.core.fieldtypes import Value
from zbweb.sync.core.words import Extent, Winner

_EMPTY = ("", None)
_UNKNOWN = object()


@dataclass(frozen=True, slots=True)
class Rule:
    """How far values flow, who wins, and (for `newest`) whether the CRM's change is the later one."""

    extent: Extent
    winner: Winner = Winner.CRM
    crm_is_newer: bool = True


@dataclass(slots=True)
class Merge:
    """What a merge found: values to take over, ours that lost, ours that stay, and fields to ask about.

    `lost` and `conflicts` map a field to (ours, the CRM's).
    """

    take: dict[str, Value] = field(default_factory=dict)
    lost: dict[str, tuple[Value, Value]] = field(default_factory=dict)
    keep: dict[str, Value] = field(default_factory=dict)
    conflicts: dict[str, tuple[Value, Value]] = field(default_factory=dict)
    snapshot: dict[str, Value] = field(default_factory=dict)


def merge(remote: Mapping[str, Value], local: Mapping[str, Value], snapshot: Mapping[str, Value], rule: Rule) -> Merge:
    """Merge one record's mapped values, field by field."""
    result = Merge()
    for name, theirs in remote.items():
        ours, agreed = local.get(name), snapshot.get(name, _UNKNOWN)
        result.snapshot[name] = theirs
        if ours == theirs or (ours in _EMPTY and theirs in _EMPTY):
            continue
        _settle(result, name, ours=ours, theirs=theirs, agreed=agreed, rule=rule)
    return result


def _settle(result: Merge, name: str, *, ours: Value, theirs: Value, agreed: object, rule: Rule) -> None:
    if agreed is _UNKNOWN:  # never compared before: a value beats an empty field
        ours_changed, theirs_changed = ours not in _EMPTY, theirs not in _EMPTY
    else:
        ours_changed, theirs_changed = ours != agreed, theirs != agreed
    if not theirs_changed:
        result.keep[name] = ours
    elif not ours_changed:
        result.take[name] = theirs
    else:
        _contest(result, name, ours=ours, theirs=theirs, agreed=agreed, rule=rule)


def _contest(result: Merge, name: str, *, ours: Value, theirs: Value, agreed: object, rule: Rule) -> None:
    if _crm_wins(rule):
        result.take[name] = theirs
        result.lost[name] = (ours, theirs)
    elif rule.winner is Winner.ASK:
        result.conflicts[name] = (ours, theirs)
        if agreed is _UNKNOWN:
            del result.snapshot[name]
        else:
            result.snapshot[name] = agreed  # type: ignore[assignment]  # it came out of a snapshot
    else:
        result.keep[name] = ours


def _crm_wins(rule: Rule) -> bool:
    if rule.extent is Extent.FETCH or rule.winner is Winner.CRM:
        return True
    return rule.winner is Winner.NEWEST and rule.crm_is_newer
