"""Potentials: what their fate does here."""

from zbweb.sync.live import LiveRun


def poll(live: LiveRun) -> None:
    """Look for potentials that were won or lost since the last look."""
