"""Up to when each CRM module has been read, and what was linked before: where a run's reading begins.

A watermark belongs to the choices it was read by: a setup saved anew begins without.
"""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from zbweb.clock import now
from zbweb.sync import runs
from zbweb.sync.core.words import Direction, LinkState, SyncedModule
from zbweb.sync.live import LiveRun
from zbweb.sync.models import Link, ModuleSetup

NEWCOMERS = "newcomers"
"""Beside the modules' marks: up to when contacts of newly linked accounts have been looked for, by our clock."""


def mark_of(live: LiveRun, module: str) -> datetime | None:
    """Up to when this module has been read, if by the same choices."""
    setup = runs.setup_of(live.session, live.connection_id, SyncedModule.CUSTOMERS)
    text = setup.watermarks.get(module) if setup and setup.version == live.choices.version else None
    return datetime.fromisoformat(text) if text else None


def move(live: LiveRun, module: str) -> None:
    """Note that this module has been read up to when this run began to; by choices that were replaced, it was not."""
    with live.unit() as (run, desk):
        setup = runs.setup_of(desk.session, live.connection_id, SyncedModule.CUSTOMERS, lock=True)
        until = run.checkpoint.get("read_until", {}).get(module)
        if setup is not None and setup.version == live.choices.version and until:
            told = {NEWCOMERS: now().isoformat()} if module == "Contacts" else {}
            setup.watermarks = {**setup.watermarks, module: until, **told}


def forget(live: LiveRun, module: str) -> None:
    """Have the next run read this module as if for the first time."""
    with live.unit() as (_, desk):
        setup = runs.setup_of(desk.session, live.connection_id, SyncedModule.CUSTOMERS, lock=True)
        if setup is not None:
            setup.watermarks = {name: mark for name, mark in setup.watermarks.items() if name != module}


def has_links(live: LiveRun, module: str) -> bool:
    """Whether anything was linked before this run began."""
    statement = select(Link.id).where(
        Link.connection_id == live.connection_id,
        Link.crm_module == module,
        Link.state == LinkState.ACTIVE,
        Link.created_at < live.started_at,
    )
    return live.session.scalars(statement.limit(1)).first() is not None


def newcomers_since(setup: ModuleSetup | None, started_at: datetime) -> datetime:
    """From when on linked accounts may have contacts that nobody has read, by our clock."""
    text = setup.watermarks.get(NEWCOMERS) if setup else None
    return datetime.fromisoformat(text) if text else started_at


def new_accounts(session: Session, connection_id: int, since: datetime) -> list[str]:
    """Accounts that were linked since, by this run or by one that came to no good end, but not made by us there."""
    statement = (
        select(Link.crm_id)
        .where(
            Link.connection_id == connection_id,
            Link.crm_module == "Accounts",
            Link.state == LinkState.ACTIVE,
            Link.created_at >= since,
            Link.direction != Direction.OUT,
        )
        .order_by(Link.id)
    )
    return list(session.scalars(statement))
