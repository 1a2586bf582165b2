"""The one clock: every time in the program comes from here, aware and in UTC."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo


def now() -> datetime:
    """The present moment, aware, in UTC."""
    return datetime.now(UTC)


def today(time_zone: str) -> date:
    """The calendar day it is for a business in `time_zone` (IANA name): due dates end with its day, not UTC's."""
    return now().astimezone(ZoneInfo(time_zone)).date()
