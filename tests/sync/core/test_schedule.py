"""Slots of the automatic sync, and when a failed delivery is tried again."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zbweb.sync.core.schedule import next_slot, retry_at

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


@pytest.mark.parametrize(
    ("slot", "following"),
    [
        (None, NOON + minutes(120)),  # the first one
        (NOON, NOON + minutes(120)),  # just due
        (NOON - minutes(5), NOON + minutes(115)),  # a little late: the grid stays
        (NOON - minutes(1000), NOON + minutes(80)),  # away for hours: one run, not eight
        (NOON + minutes(30), NOON + minutes(30)),  # not due yet
        (NOON + minutes(500), NOON + minutes(120)),  # the interval was shortened
    ],
)
def test_the_next_slot_lies_on_the_grid(slot, following):
    assert next_slot(slot, NOON, 120) == following


@given(st.integers(-100_000, 100_000), st.integers(1, 10_080))
def test_the_next_slot_is_ahead_but_never_further_than_one_interval(offset, interval):
    following = next_slot(NOON + minutes(offset), NOON, interval)
    assert NOON < following <= NOON + minutes(interval)


@pytest.mark.parametrize(
    ("attempts", "seconds"),
    [(1, 5), (2, 10), (5, 80), (30, 3600)],
)
def test_waiting_doubles_up_to_an_hour(attempts, seconds):
    assert retry_at(attempts, NOON, jitter=0.5) == NOON + timedelta(seconds=seconds)


def test_the_crms_own_hint_is_honoured():
    assert retry_at(1, NOON, jitter=0.0, hint_seconds=90) == NOON + timedelta(seconds=90)
