"""How long to wait before asking again. Pure: the same numbers give the same answer.

Waiting doubles with each attempt and is spread at random, so that many workers do not come back
together; the CRM's own hint is never undercut; the caller's patience is never overdrawn.
"""

from datetime import datetime

from zbweb.crm.errors import CrmError, RateLimited
from zbweb.crm.wire import parse_http_date

FIRST_WAIT = 0.5
FIRST_WAIT_WHEN_LIMITED = 2.0
LONGEST_WAIT = 30.0


def wait_before_retry(error: CrmError, attempt: int, *, left: float, spread: float) -> float | None:
    """Seconds to wait after failed attempt number `attempt` (from 1), or None to give up.

    `left` is the patience that remains in seconds, `spread` a random number in [0, 1).
    """
    if not error.retryable:
        return None
    first = FIRST_WAIT_WHEN_LIMITED if isinstance(error, RateLimited) else FIRST_WAIT
    ceiling = min(LONGEST_WAIT, first * 2 ** min(attempt - 1, 16))
    wait = max(ceiling * (0.5 + spread / 2), error.retry_after or 0.0)
    return wait if wait < left else None


def retry_after_seconds(header: str | None, *, at: datetime) -> float | None:
    """What a Retry-After header asks for, in seconds from `at`; None when it is absent or nonsense."""
    if not header:
        return None
    if header.strip().isdecimal():
        return float(header)
    moment = parse_http_date(header)
    return max(0.0, (moment - at).total_seconds()) if moment else None
