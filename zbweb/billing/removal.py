"""What else must happen when a record is deleted, in the same unit of work.

Billing does not know the sync, yet a link must not outlive its record: the composition root registers
the listener that archives it.
"""

from collections.abc import Callable

from sqlalchemy.orm import Session

Listener = Callable[[Session, str, int], None]
_listeners: list[Listener] = []


def on_removal(listener: Listener) -> None:
    """Have `listener(session, entity, entity_id)` called whenever a record is about to be deleted."""
    _listeners[:] = [listener]


def announce(session: Session, entity: str, entity_id: int) -> None:
    """Say that the record is going; called by the services that delete."""
    for listener in _listeners:
        listener(session, entity, entity_id)
