"""How a test makes the CRM misbehave. A fault stays until it is used up or set anew; a reset clears all.

latency_ms               every API and token call takes this much longer
fail_next                [{"status": 500, "count": 3, "path": "/crm/v8/Accounts", "method": "GET", "code": "…",
                         "after_applying": false, "retry_after": 5}]: the next matching calls fail; a path matches
                         itself and what lies below it, no path matches every API call, and a module's name or
                         "users" stands for /crm/v8/…
retry                    the next n API calls answer 429 with Retry-After; a number or {"count", "after_seconds"}
drop_connections         the next n API calls lose their connection before anything is done
apply_then_drop          the next n writes are done, then the connection is closed without an answer
malformed                the next n API answers are cut off in the middle of their JSON
expire_tokens            every access token given out so far is expired (refresh works)
token_throttle           false lifts the limit of ten tokens in ten minutes
clock_skew_seconds       the CRM's clock, its Date header included, is ahead by this much
credits_remaining        this many calls are left of today's allowance; null for the plan's own count
concurrency              this many calls may run at once; null for the plan's own limit
revoke_user              this e-mail address no longer belongs to an active user ("" restores everyone)
revoke_zsc_key           true makes a new service key, the old one dies at once
forbid_module            the module (or list of modules) the user may not see; null lifts it
search_delay_seconds     search does not find what was written this recently
bulk_delay_ms            exports take this long before they are completed
notifications            deliver, drop, duplicate
strict_keys              unknown keys in a written record are refused instead of ignored
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any
from urllib.parse import urlsplit

WRITES = frozenset({"POST", "PUT", "PATCH", "DELETE"})
ROOT = "/crm"


@dataclass(frozen=True, slots=True)
class Failure:
    """The next `count` calls that match answer `status`."""

    status: int
    count: int = 1
    path: str = ROOT
    method: str | None = None
    code: str | None = None
    after_applying: bool = False
    retry_after: int | None = None

    def matches(self, method: str, path: str) -> bool:
        is_below = path == self.path or path.startswith(self.path.rstrip("/") + "/")
        return self.count > 0 and is_below and self.method in (None, method)


@dataclass
class Faults:
    """The faults in force. Reading an attribute is safe from any thread; counting down takes the lock."""

    latency_ms: float = 0
    fail_next: tuple[Failure, ...] = ()
    drop_connections: int = 0
    apply_then_drop: int = 0
    malformed: int = 0
    token_throttle: bool = True
    credits_remaining: int | None = None
    concurrency: int | None = None
    forbid_module: frozenset[str] = frozenset()
    search_delay_seconds: int = 0
    bulk_delay_ms: float = 0
    notifications: str = "deliver"
    strict_keys: bool = False

    def __post_init__(self) -> None:
        self._lock = threading.Lock()

    def set(self, wishes: dict[str, Any]) -> None:
        """Set the named faults only. Raises ValueError on a value that a fault does not take."""
        values = {name: _READERS[name](value) for name, value in wishes.items() if name in _READERS}
        with self._lock:
            for name, value in values.items():
                setattr(self, name, value)
            if "retry" in wishes:
                self.fail_next = (*self.fail_next, _retry(wishes["retry"]))

    def clear(self) -> None:
        self.set(dict(_CALM))

    def take(self, name: str) -> bool:
        """Use up one of a counted fault; False when none is left."""
        with self._lock:
            left = int(getattr(self, name))
            if left > 0:
                setattr(self, name, left - 1)
            return left > 0

    def take_failure(self, method: str, path: str, *, after_applying: bool) -> Failure | None:
        """Use up one of the failures meant for this call."""
        with self._lock:
            for index, failure in enumerate(self.fail_next):
                if failure.after_applying is after_applying and failure.matches(method, path):
                    spent = replace(failure, count=failure.count - 1)
                    self.fail_next = (*self.fail_next[:index], spent, *self.fail_next[index + 1 :])
                    return failure
        return None

    def spend_credits(self, cost: int) -> int | None:
        """Take `cost` from an explicitly set allowance: what is left, None when none was set."""
        with self._lock:
            if self.credits_remaining is None:
                return None
            left = self.credits_remaining - cost
            self.credits_remaining = max(0, left)
            return left

    def as_json(self) -> dict[str, Any]:
        """The faults in force, as GET /_sandbox/faults shows them."""
        values = {name: getattr(self, name) for name in _CALM}
        return {
            **values,
            "fail_next": [asdict(failure) for failure in self.fail_next if failure.count],
            "forbid_module": sorted(self.forbid_module),
        }


def _failures(value: Any) -> tuple[Failure, ...]:
    entries = value if isinstance(value, list) else [value]
    try:
        return tuple(_failure(dict(entry)) for entry in entries if entry)
    except (TypeError, AttributeError) as error:
        raise ValueError(f"fail_next wants a list of {{status, count, path, method, …}}: {error}") from error


def _failure(entry: dict[str, Any]) -> Failure:
    """What is null counts as not said."""
    said = Failure(**{name: value for name, value in entry.items() if value is not None})
    method = said.method and said.method.upper()
    return replace(said, status=int(said.status), count=int(said.count), path=_full_path(said.path), method=method)


def _full_path(path: str) -> str:
    """The path of a call, however it was named: `Accounts`, `/Accounts` and `/crm/v8/Accounts?page=1` are one."""
    plain = "/" + urlsplit(path).path.strip("/*")
    return plain if plain.startswith((ROOT, "/oauth")) else f"{ROOT}/v8{plain}" if plain != "/" else ROOT


def _retry(value: Any) -> Failure:
    wish = value if isinstance(value, dict) else {"count": value}
    return Failure(
        status=429, count=int(wish.get("count", 1)), retry_after=int(wish.get("after_seconds", 1)),
        path=_full_path(str(wish.get("path") or ROOT)),
    )  # fmt: skip


def _names(value: Any) -> frozenset[str]:
    return frozenset([value] if isinstance(value, str) and value else value or ())


def _optional(value: Any) -> int | None:
    return None if value is None else int(value)


def _delivery(value: Any) -> str:
    if value not in ("deliver", "drop", "duplicate"):
        raise ValueError("notifications is one of deliver, drop, duplicate")
    return str(value)


_READERS: Mapping[str, Callable[[Any], Any]] = {
    "latency_ms": lambda value: float(value or 0),
    "fail_next": _failures,
    "drop_connections": lambda value: int(value or 0),
    "apply_then_drop": lambda value: int(value or 0),
    "malformed": lambda value: int(value or 0),
    "token_throttle": bool,
    "credits_remaining": _optional,
    "concurrency": _optional,
    "forbid_module": _names,
    "search_delay_seconds": lambda value: int(value or 0),
    "bulk_delay_ms": lambda value: float(value or 0),
    "notifications": _delivery,
    "strict_keys": bool,
}
_CALM: Mapping[str, Any] = {
    "latency_ms": 0, "fail_next": [], "drop_connections": 0, "apply_then_drop": 0, "malformed": 0,
    "token_throttle": True, "credits_remaining": None, "concurrency": None, "forbid_module": None,
    "search_delay_seconds": 0, "bulk_delay_ms": 0, "notifications": "deliver", "strict_keys": False,
}  # fmt: skip
KNOWN = frozenset({*_READERS, "retry", "expire_tokens", "clock_skew_seconds", "revoke_user", "revoke_zsc_key"})
