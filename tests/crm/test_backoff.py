"""How long to wait before asking again."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zbweb.crm.backoff import LONGEST_WAIT, retry_after_seconds, wait_before_retry
from zbweb.crm.errors import AnswerLost, AuthExpired, RateLimited, Refused, TimedOut, Unavailable

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("error", "attempt", "left", "wait"),
    [
        # doubles; the spread of 0 takes the lower half
        (Unavailable("x"), 1, 120, 0.25),
        (Unavailable("x"), 2, 120, 0.5),
        (Unavailable("x"), 3, 120, 1.0),
        (Unavailable("x"), 50, 120, LONGEST_WAIT / 2),
        # a CRM that asks to slow down is given more time
        (RateLimited("x"), 1, 120, 1.0),
        # its own hint is never undercut
        (RateLimited("x", retry_after=17), 1, 120, 17),
        (Unavailable("x", retry_after=0), 1, 120, 0.25),
        # patience is never overdrawn
        (RateLimited("x", retry_after=17), 1, 10, None),
        (Unavailable("x"), 1, 0.2, None),
        (TimedOut("x"), 1, -3, None),
        # trying again cannot help
        (Refused("x"), 1, 120, None),
        (AuthExpired("x"), 1, 120, None),
        (AnswerLost("x"), 1, 120, None),
    ],
)
def test_wait_before_retry(error, attempt, left, wait):
    assert wait_before_retry(error, attempt, left=left, spread=0.0) == wait


@given(st.integers(1, 100), st.floats(0, 1, exclude_max=True), st.floats(0.001, 1000))
def test_a_wait_is_never_longer_than_the_patience_left(attempt, spread, left):
    wait = wait_before_retry(Unavailable("x"), attempt, left=left, spread=spread)
    assert wait is None or 0 < wait < left
    assert wait is None or wait <= LONGEST_WAIT


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("30", 30.0),
        ("0", 0.0),
        ("Mon, 23 Nov 2026 12:01:30 GMT", 90.0),
        ("Mon, 23 Nov 2026 11:00:00 GMT", 0.0),
        ("later", None),
        ("", None),
        (None, None),
    ],
)
def test_retry_after_seconds(header, seconds):
    assert retry_after_seconds(header, at=NOON) == seconds
