"""A stand-in CRM that answers late, for tests of pages that do not wait for it."""

import time
from contextlib import contextmanager

from tests.sandbox_server import SandboxServer

PATIENCE_SECONDS = 0.2
"""Less than the CRM takes."""
_LATENCY_MS = 600


@contextmanager
def slow(sandbox: SandboxServer):
    """Every call takes longer than PATIENCE_SECONDS. Those given up end before the next test counts calls."""
    sandbox.faults(latency_ms=_LATENCY_MS)
    try:
        yield
    finally:
        sandbox.faults(latency_ms=0)
        time.sleep(2 * _LATENCY_MS / 1000)
