"""One running CRM: its store, its clock, its misbehaviour and what it knows by heart.

`Sandbox.changing(actor)` is the unit of work for records; `Sandbox.reading()` a connection for looking.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import cast

from flask import current_app, has_request_context, request

from zbweb.sandbox.catalog import Catalog, load_catalog
from zbweb.sandbox.clock import Clock
from zbweb.sandbox.faults import Faults
from zbweb.sandbox.members import Member, all_members
from zbweb.sandbox.notifier import Notifier
from zbweb.sandbox.organisation import Organisation, load_organisation
from zbweb.sandbox.store import Store
from zbweb.sandbox.traffic import Traffic
from zbweb.sandbox.work import Work


class Sandbox:
    """Everything one `create_sandbox()` owns. Safe to share between threads."""

    def __init__(self, data_dir: Path, *, base_url: str | None = None) -> None:
        self.data_dir = data_dir
        self.store = Store(data_dir / "sandbox.sqlite")
        self.clock = Clock()
        self.faults = Faults()
        self.traffic = Traffic()
        self.notifier = Notifier(self.faults)
        self._base_url = base_url
        self.refresh()

    def refresh(self) -> None:
        """Re-read what is kept in memory: call after users, fields or the organisation changed."""
        with self.store.read() as connection:
            self.organisation: Organisation = load_organisation(connection)
            self.members: dict[int, Member] = all_members(connection)
            self.catalog: Catalog = load_catalog(connection, multi_currency=self.organisation.mc_status)

    def reading(self) -> AbstractContextManager[sqlite3.Connection]:
        return self.store.read()

    @contextmanager
    def changing(self, actor: Member) -> Iterator[Work]:
        """A unit of work on records. Its changes are announced after the commit; an exception undoes it."""
        with self.store.write() as connection:
            work = Work(
                connection=connection,
                catalog=self.catalog,
                organisation=self.organisation,
                members=self.members,
                actor=actor,
                now=self.clock.now(),
            )
            yield work
        self.notifier.announce(self, work.changes)

    @property
    def admin(self) -> Member:
        """The administrator whom the demo credentials belong to."""
        return next(member for member in self.members.values() if member.is_admin)

    @property
    def base_url(self) -> str:
        """Where this CRM is reached, without a trailing slash."""
        if self._base_url is None and has_request_context():
            return request.host_url.rstrip("/")
        return (self._base_url or "http://127.0.0.1").rstrip("/")

    def close(self) -> None:
        self.notifier.stop()
        self.store.close()


def current_sandbox() -> Sandbox:
    """The CRM that this request is for."""
    return cast(Sandbox, current_app.extensions["sandbox"])
