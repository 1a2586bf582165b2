"""Two units of work at once: the second begins while the first has not committed, and waits for it if it must."""

import threading
import time
from collections.abc import Callable

from flask import Flask
from sqlalchemy import text
from sqlalchemy.orm import Session

from zbweb.db import db, organisation_of, unit_of_work, work_for

_WAITING = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
_PATIENCE = 20.0
Work = Callable[[Session], object]


def overtaken(app: Flask, first: Work, second: Work, *, at_last: Work | None = None) -> Exception | None:
    """Do `second` in another thread before `first` has committed; what it raised, if it did.

    `at_last` is done by the first once the second is through or waits for it.
    """
    troubles: list[Exception] = []
    organisation_id = organisation_of(db.session())

    def follow() -> None:
        with app.app_context():
            try:
                with unit_of_work() as session:
                    work_for(session, organisation_id)
                    second(session)
            except Exception as trouble:  # the test asks what became of it
                troubles.append(trouble)
            finally:
                db.session.remove()

    thread = threading.Thread(target=follow)
    with unit_of_work() as session:
        first(session)
        thread.start()
        wait_until_stuck(thread)
        if at_last is not None:
            at_last(session)
    thread.join(60)
    db.session().expire_all()
    return troubles[0] if troubles else None


def wait_until_stuck(thread: threading.Thread) -> None:
    """Until a thread has ended or waits for a lock of the database."""
    if db.engine.dialect.name == "sqlite":  # its second writer waits at the door
        thread.join(0.3)
        return
    until = time.monotonic() + _PATIENCE
    while thread.is_alive() and time.monotonic() < until:
        with db.engine.connect() as onlooker:
            if onlooker.scalar(_WAITING):
                return
        time.sleep(0.02)
