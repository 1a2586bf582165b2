"""Up to when each CRM module has been read, and what was linked before: where a run's reading begins.

A watermark belongs to the choices it was read by: a setup saved anew begins without.
"""

from datetime import datetime

from sqlalchemy import select

from zbweb.sync import runs
from zbweb.sync.core.words import LinkState
from zbweb.sync.live import LiveRun
from zbweb.sync.models import Link


def mark_of(live: LiveRun, module: str) -> datetime | None:
    """Up to when this module has been read, if by the same choices."""
    setup = runs.setup_of(live.session, live.connection_id, "customers")
    text = setup.watermarks.get(module) if setup and setup.version == live.choices.version else None
    return datetime.fromisoformat(text) if text else None


def move(live: LiveRun, module: str) -> None:
    with live.unit() as (run, desk):
        setup = runs.setup_of(desk.session, live.connection_id, "customers")
        until = run.checkpoint.get("read_until", {}).get(module)
        if setup is not None and setup.version == live.choices.version and until:
            setup.watermarks = {**setup.watermarks, module: until}


def forget(live: LiveRun, module: str) -> None:
    with live.unit() as (_, desk):
        setup = runs.setup_of(desk.session, live.connection_id, "customers")
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


def new_accounts(live: LiveRun) -> list[str]:
    """Accounts that were linked by this run."""
    statement = (
        select(Link.crm_id)
        .where(
            Link.connection_id == live.connection_id,
            Link.crm_module == "Accounts",
            Link.state == LinkState.ACTIVE,
            Link.created_at >= live.started_at,
        )
        .order_by(Link.id)
    )
    return list(live.session.scalars(statement))
