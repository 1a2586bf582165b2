"""A run's lease, kept up by a thread of its own for as long as its worker lives."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from zbweb.db import db, side_unit_of_work
from zbweb.sync import runs

log = structlog.get_logger()


@contextmanager
def heartbeat(run_id: int, owner: str) -> Iterator[None]:
    """Extend the lease while the run works, waits or fetches; a dead process extends nothing."""
    engine, stop = db.engine, threading.Event()

    def beat() -> None:
        while not stop.wait(runs.HEARTBEAT_SECONDS):
            _beat_once(engine, run_id, owner)

    thread = threading.Thread(target=beat, name=f"lease-{run_id}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _beat_once(engine: Engine, run_id: int, owner: str) -> None:
    try:
        with side_unit_of_work(engine) as session:
            runs.keep_alive(session, run_id, owner)
    except SQLAlchemyError as error:  # the database, or no connection free in the pool: a later beat may do, and
        # if none does, another worker takes the run over
        log.warning("heartbeat_missed", run_id=run_id, error=str(error))
