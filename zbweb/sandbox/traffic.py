"""What callers did since the last reset, and how much of their allowance that used."""

import threading
import time
from collections import deque
from dataclasses import dataclass
from itertools import count, takewhile

LONGEST_LOG = 100_000
MOST_EXCHANGES = 300
LONGEST_BODY = 16_000


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


@dataclass(frozen=True, slots=True)
class Exchange:
    """What a call other than a look said and was told; both bodies may be cut short. `number` counts up."""

    number: int
    call: Call
    sent: str
    answered: str


class Traffic:
    """A bounded log of calls, of the latest bodies, the credits they cost and how many run right now."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._calls: deque[Call] = deque(maxlen=LONGEST_LOG)
        self._exchanges: deque[Exchange] = deque(maxlen=MOST_EXCHANGES)
        self._numbers = count(1)
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

    def keep(self, call: Call, *, sent: bytes, answered: bytes) -> None:
        """Remember the bodies of a call. The token endpoint's are never given here: they are secrets."""
        with self._lock:
            self._exchanges.append(Exchange(next(self._numbers), call, _shortened(sent), _shortened(answered)))

    def exchanges(self) -> list[Exchange]:
        """The latest ones, oldest first."""
        with self._lock:
            return list(self._exchanges)

    def calls(self) -> list[Call]:
        with self._lock:
            return list(self._calls)

    def answered_since(self, moment: float, *, under: str, ending: str) -> int:
        """How many calls to such paths were answered well since `moment` (epoch seconds)."""
        recent = takewhile(lambda call: call.at >= moment, reversed(self.calls()))
        return sum(call.status == 200 and call.path.startswith(under) and call.path.endswith(ending) for call in recent)

    @property
    def credits_used(self) -> int:
        return self._used

    def forget(self) -> None:
        with self._lock:
            self._calls.clear()
            self._exchanges.clear()
            self._used = 0


def _shortened(body: bytes) -> str:
    text = body[:LONGEST_BODY].decode("utf-8", "replace")
    return text if len(body) <= LONGEST_BODY else f"{text} …"


def stopwatch() -> float:
    """Milliseconds on a clock that only runs forward."""
    return time.perf_counter() * 1000
