"""What a document says in the CRM and here in different words, and which of that is left so. Pure.

A document that was made in the CRM is left there as people made it: rows may carry taxes of their own, a date may
be missing, a price may be finer than ours. A snapshot therefore keeps, beside what the CRM said last, pairs of (our
value, the CRM's) that stand for each other while neither changes.

What the CRM makes of our value by itself is kept, too, once it has done so twice: telling it again would never end,
since each write of ours makes it say that something changed.
"""

from collections.abc import Mapping
from typing import Any

from zbweb.sync.core.documents import Paper, Shape, Ties, Values, compose

Pairs = dict[str, list[Any]]
SUMS = ("lines", "discount", "tax", "adjustment")
"""These come to the total together, so they are kept in the CRM's words together or not at all."""
_OWNERS = ("account", "contact")
_KEPT, _OBJECTED = "kept", "objected"


def said(paper: Paper, ties: Ties, shape: Shape, snapshot: Mapping[str, Any], *, made_in_crm: bool) -> Values:
    """The document as the CRM is to have it, in its own words where they stand for ours."""
    values = compose(paper, ties, shape, present_status=str(snapshot.get("status") or ""))
    if made_in_crm:
        values |= {key: snapshot.get(key) for key in _theirs_to_say(paper, values, snapshot) if key in values}
    return in_their_words(values, snapshot)


def _theirs_to_say(paper: Paper, values: Values, snapshot: Mapping[str, Any]) -> list[str]:
    """How it is named; which of its customer's records it belongs to; and what it was made from, unknown here."""
    keys = ["subject"]
    if any(snapshot.get(key) and snapshot[key] == values.get(key) for key in _OWNERS):
        keys += _OWNERS
    if paper.source_id is None:
        keys.append("source")
    return keys


def in_their_words(values: Values, snapshot: Mapping[str, Any]) -> Values:
    """Our values, those that are kept in the CRM's words as it says them."""
    pairs: Mapping[str, Any] = snapshot.get(_KEPT) or {}
    words = {
        key: theirs
        for key, (ours, theirs) in pairs.items()
        if key in values and values[key] == ours and snapshot.get(key) == theirs
    }
    if any(words.get(key, values[key]) != snapshot.get(key) for key in SUMS if key in values):
        words = {key: word for key, word in words.items() if key not in SUMS}
    return values | words


def differences(ours: Values, there: Mapping[str, Any]) -> Pairs:
    """Where the two say something else: (our value, the CRM's) by field."""
    return {key: [value, there.get(key)] for key, value in ours.items() if value != there.get(key)}


def agreed(there: Values, before: Mapping[str, Any]) -> Values:
    """The new snapshot; pairs of which the CRM's part has not changed are kept still."""
    pairs: Mapping[str, Any] = before.get(_KEPT) or {}
    return {**there, _KEPT: {key: pair for key, pair in pairs.items() if there.get(key) == pair[1]}}


def settled(snapshot: Mapping[str, Any], *, kept: Pairs, objected: Pairs) -> Values:
    """The snapshot with further pairs that stand for each other, and with those that the CRM is to change."""
    return {**snapshot, _KEPT: {**(snapshot.get(_KEPT) or {}), **kept}, _OBJECTED: objected}


def insisted(pairs: Pairs, told: Mapping[str, Any]) -> Pairs:
    """The differences that were there before, and are there again although the CRM was told our value since."""
    before: Mapping[str, Any] = told.get(_OBJECTED) or {}
    return {key: pair for key, pair in pairs.items() if before.get(key) == pair and told.get(key) == pair[0]}
