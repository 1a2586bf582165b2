"""The three-way merge: what flows, what stays, what is contested; and that two rounds are one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zbweb.sync.core.merge import Rule, merge
from zbweb.sync.core.words import Extent, Winner

FETCH = Rule(Extent.FETCH)
CRM = Rule(Extent.BOTH, Winner.CRM)
BILLING = Rule(Extent.BOTH, Winner.BILLING)
ASK = Rule(Extent.BOTH, Winner.ASK)
NEWER_THERE = Rule(Extent.BOTH, Winner.NEWEST, crm_is_newer=True)
NEWER_HERE = Rule(Extent.BOTH, Winner.NEWEST, crm_is_newer=False)

TABLE = [
    # rule, CRM, here, agreed on -> taken over, kept, contested
    # nothing changed
    (CRM, "a", "a", "a", None, None, None),
    # changed on one side only: it flows, whatever the rule
    (FETCH, "b", "a", "a", "b", None, None),
    (BILLING, "b", "a", "a", "b", None, None),
    (CRM, "a", "b", "a", None, "b", None),
    (FETCH, "a", "b", "a", None, "b", None),
    # cleared on one side
    (CRM, "", "a", "a", "", None, None),
    (CRM, "a", "", "a", None, "", None),
    # both changed to the same
    (ASK, "b", "b", "a", None, None, None),
    # both changed: the rule decides
    (FETCH, "b", "c", "a", "b", None, None),
    (CRM, "b", "c", "a", "b", None, None),
    (BILLING, "b", "c", "a", None, "c", None),
    (NEWER_THERE, "b", "c", "a", "b", None, None),
    (NEWER_HERE, "b", "c", "a", None, "c", None),
    (ASK, "b", "c", "a", None, None, ("c", "b")),
    # empty is empty, however it is written
    (ASK, None, "", "a", None, None, None),
]


@pytest.mark.parametrize(("rule", "theirs", "ours", "agreed", "taken", "kept", "contested"), TABLE)
def test_a_field_flows_stays_or_is_contested(rule, theirs, ours, agreed, taken, kept, contested):
    result = merge({"phone": theirs}, {"phone": ours}, {"phone": agreed}, rule)
    assert result.take.get("phone") == taken
    assert result.keep.get("phone") == kept
    assert result.conflicts.get("phone") == contested


@pytest.mark.parametrize(
    ("rule", "theirs", "ours", "taken", "kept"),
    [
        # a field that was never compared: a value beats an empty field
        (FETCH, "b", "", "b", None),
        (CRM, "", "c", None, "c"),
        # two values: the rule decides
        (CRM, "b", "c", "b", None),
        (BILLING, "b", "c", None, "c"),
    ],
)
def test_a_newly_mapped_field_is_filled_but_not_emptied(rule, theirs, ours, taken, kept):
    result = merge({"phone": theirs}, {"phone": ours}, {}, rule)
    assert (result.take.get("phone"), result.keep.get("phone")) == (taken, kept)


def test_what_the_crm_overwrote_is_kept_in_the_result():
    result = merge({"phone": "b"}, {"phone": "c"}, {"phone": "a"}, FETCH)
    assert result.lost == {"phone": ("c", "b")}


def test_a_contested_field_keeps_its_old_agreement_until_somebody_decides():
    first = merge({"phone": "b"}, {"phone": "c"}, {"phone": "a"}, ASK)
    assert first.snapshot == {"phone": "a"}
    assert merge({"phone": "b"}, {"phone": "c"}, first.snapshot, ASK).conflicts == first.conflicts


values = st.dictionaries(st.sampled_from("abcd"), st.sampled_from(["", "x", "y", "z"]), min_size=4, max_size=4)
rules = st.builds(
    Rule,
    st.sampled_from(Extent),
    st.sampled_from([w for w in Winner if w is not Winner.ASK]),
    crm_is_newer=st.booleans(),
)


@given(values, values, values, rules)
def test_a_second_merge_right_after_the_first_takes_nothing(theirs, ours, agreed, rule):
    first = merge(theirs, ours, agreed, rule)
    after = {**ours, **first.take}
    second = merge(theirs, after, {**agreed, **first.snapshot}, rule)
    assert second.take == {}
    assert second.conflicts == {}


@given(values, values, values, rules)
def test_once_what_was_kept_is_pushed_both_sides_are_equal(theirs, ours, agreed, rule):
    first = merge(theirs, ours, agreed, rule)
    here = {**ours, **first.take}
    there = {**theirs, **first.keep}
    assert here == there


@given(values, values, values, rules)
def test_no_value_is_lost_without_being_told(theirs, ours, agreed, rule):
    result = merge(theirs, ours, agreed, rule)
    for name, value in ours.items():
        changed_here = value != agreed[name]
        if changed_here and name in result.take and result.take[name] != value:
            assert name in result.lost
