"""Tells whoever counts how each request to the CRM ended. Nobody counts unless a composition root says so.

An outcome is the HTTP status, or the name of the error when there was none; sign-ins are `sign-in …`.
"""

from collections.abc import Callable

_listeners: list[Callable[[str], None]] = []


def on_call(listener: Callable[[str], None]) -> None:
    """Have `listener(outcome)` called after each request; it must be quick and must not raise."""
    _listeners[:] = [listener]


def called(outcome: str) -> None:
    """A request ended."""
    for listener in _listeners:
        listener(outcome)
