"""What RQ calls: ids in, one use case, nothing else. The decorator does what all of them need."""

import os
import socket
import time
from collections.abc import Callable
from functools import wraps

import structlog
from rq import get_current_job

from zbweb.billing import post
from zbweb.db import db, work_for
from zbweb.jobs import queue
from zbweb.sync import execution, withdrawal
from zbweb.sync.documents import delivery
from zbweb.sync.notifications import channels, events

log = structlog.get_logger()

_LONGEST_SECONDS = 3600.0
"""A run makes room after this long in any case, well before the queue would break its job off."""
_SLICE_SECONDS = 10.0
"""A run makes room after this long when other runs wait, so that one large first sync delays nobody for long."""


def _task(task: Callable[[int], None]) -> Callable[[int], None]:
    """Every job: log lines that name it, a session of its own for no organisation yet, and a clean end."""

    @wraps(task)
    def wrapped(row_id: int) -> None:
        job = get_current_job()
        name = task.__name__
        with structlog.contextvars.bound_contextvars(task=name, row_id=row_id, job_id=job.id if job else None):
            work_for(db.session(), None)
            started = time.monotonic()
            try:
                task(row_id)
            except Exception:
                log.exception("job_failed")
                raise
            finally:
                db.session.remove()
            log.info("job_done", seconds=round(time.monotonic() - started, 3))

    return wrapped


def owner() -> str:
    """The name of this process, unique while it lives; a lease carries it."""
    return f"{socket.gethostname()}-{os.getpid()}-{time.monotonic_ns()}"[-64:]


@_task
def run_sync(run_id: int) -> None:
    """Do a run, or a slice of it."""
    began = time.monotonic()

    def should_yield() -> bool:
        worked = time.monotonic() - began
        is_long = worked > _LONGEST_SECONDS or (worked > _SLICE_SECONDS and queue.is_waiting(queue.SYNC))
        return is_long or queue.is_told_to_stop()

    if not execution.execute(run_id, execution.Shift(owner(), should_yield=should_yield)):
        queue.run_sync(run_id)


@_task
def push(organisation_id: int) -> None:
    """Tell the CRM what waits in an organisation's outbox."""
    delivery.deliver(organisation_id)


@_task
def send_email(email_id: int) -> None:
    """Send an e-mail that waits."""
    post.send(email_id)


@_task
def handle_event(event_id: int) -> None:
    """Handle a notification of the CRM."""
    events.handle(event_id)


@_task
def keep_channel(connection_id: int) -> None:
    """See to the order for notifications."""
    channels.keep(connection_id)


@_task
def withdraw_token(credential_id: int) -> None:
    """Withdraw a refresh token that nothing uses any more."""
    withdrawal.withdraw(credential_id)
