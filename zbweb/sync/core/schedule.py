"""When the next automatic run is due, and when a failed delivery is tried again: the sums; slots are rows."""

from datetime import datetime, timedelta


def next_slot(slot: datetime | None, now: datetime, interval_minutes: int) -> datetime:
    """The first slot after `now` on the grid that `slot` began; slots missed while away are dropped, not stacked."""
    interval = timedelta(minutes=interval_minutes)
    if slot is None or slot > now + interval:
        return now + interval
    if slot > now:
        return slot
    missed = (now - slot) // interval
    return slot + (missed + 1) * interval


def retry_at(attempts: int, now: datetime, *, jitter: float, hint_seconds: float | None = None) -> datetime:
    """When to try again after `attempts` failures: 5 s doubling to an hour, spread by `jitter` (0 to 1),
    never before the CRM's own hint."""
    seconds = min(5.0 * 2 ** max(attempts - 1, 0), 3600.0) * (0.75 + 0.5 * jitter)
    return now + timedelta(seconds=max(seconds, hint_seconds or 0.0))
