"""The CRM's own clock: it may be asked to run ahead of or behind ours, as a far server's clock does."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import formatdate
from functools import lru_cache
from zoneinfo import ZoneInfo


@dataclass(slots=True)
class Clock:
    """Seconds since the epoch, UTC, shifted by `skew_seconds`."""

    skew_seconds: int = 0

    def now(self) -> int:
        return int(time.time()) + self.skew_seconds

    def http_date(self) -> str:
        return formatdate(self.now(), usegmt=True)


@lru_cache(maxsize=65536)
def iso(epoch: int, zone: str) -> str:
    """`2026-11-23T10:00:00-08:00`: to the second, with a numeric offset, as the CRM writes it."""
    return datetime.fromtimestamp(epoch, ZoneInfo(zone)).isoformat()


def parse_iso(text: str) -> int:
    """Epoch seconds of an ISO time; a time without an offset is read as UTC. Raises ValueError."""
    moment = datetime.fromisoformat(text.strip().replace(" ", "+"))
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return int(moment.timestamp())
