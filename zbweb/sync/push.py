"""The push half for customers."""

from zbweb.sync.live import LiveRun


def push_customers(live: LiveRun) -> None:
    """Tell the CRM what changed here."""
