"""What callers did since the last reset, and how much of their allowance that used."""

import threading
import time
from collections import deque
from dataclasses import dataclass

LONGEST_LOG = 100_000


@dataclass(frozen=True, slots=True)
class Call:
    """One API or token call; `at` is epoch seconds, `milliseconds` what it took here."""

    method: str
    path: str
    status: int
    query: str
    at: float
    milliseconds: float
    credits: int
    records: int


class Traffic:
    """A bounded log of calls, the credits they cost and how many run right now."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._calls: deque[Call] = deque(maxlen=LONGEST_LOG)
        self._used = 0
        self._running: dict[str, int] = {}

    def enter(self, lane: str) -> int:
        """Count a call in; the answer is how many run in this lane now, this one included."""
        with self._lock:
            self._running[lane] = self._running.get(lane, 0) + 1
            return self._running[lane]

    def leave(self, lane: str) -> None:
        with self._lock:
            self._running[lane] -= 1

    def record(self, call: Call) -> None:
        with self._lock:
            self._calls.append(call)
            self._used += call.credits

    def calls(self) -> list[Call]:
        with self._lock:
            return list(self._calls)

    @property
    def credits_used(self) -> int:
        return self._used

    def forget(self) -> None:
        with self._lock:
            self._calls.clear()
            self._used = 0


def stopwatch() -> float:
    """Milliseconds on a clock that only runs forward."""
    return time.perf_counter() * 1000
