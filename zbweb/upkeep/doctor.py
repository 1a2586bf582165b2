"""Is this installation well? Each check looks at one thing and says, in a line, what it found or what to do.

A check that breaks off is a finding, too: the others go on.
"""

import shutil
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta

from redis.exceptions import RedisError
from sqlalchemy import select, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from zbweb.clock import now
from zbweb.config import Config, beside_run, current, use
from zbweb.crm.credentials import CrmCredential, grant_in
from zbweb.crm.errors import CrmError
from zbweb.errors import AppError
from zbweb.jobs import queue
from zbweb.sync.clients import client_for_page
from zbweb.sync.core.words import ConnectionStatus
from zbweb.sync.models import Connection
from zbweb.upkeep import revisions

_MOST_SKEW = timedelta(seconds=60)
_LATEST_SLOT = timedelta(minutes=5)
_LEAST_FREE_BYTES = 1 << 30
_TRIGRAMS = (
    "CREATE EXTENSION IF NOT EXISTS pg_trgm;"
    " CREATE INDEX ix_customers_trigrams ON customers USING gin (search_key gin_trgm_ops)"
)


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check saw: all is well, or `words` say what to do."""

    check: str
    is_well: bool
    words: str

    def __str__(self) -> str:
        return f"{'ok' if self.is_well else 'TROUBLE':8}{self.check:13}{self.words}"


Check = Callable[[Session, Config], Iterator[tuple[bool, str]]]


def examine(session: Session, config: Config) -> Iterator[Finding]:
    """Every check's findings, one after the other; the session must be fenced to no organisation."""
    for name, check in CHECKS.items():
        try:
            for is_well, words in check(session, config):
                yield Finding(name, is_well, words)
        except (SQLAlchemyError, RedisError, AppError, OSError, ValueError) as error:
            session.rollback()
            yield Finding(name, False, f"{_HELP[name]} ({type(error).__name__}: {str(error).strip().splitlines()[0]})")  # noqa: FBT003  as it reads


def tell(session: Session, say: Callable[[str], None]) -> int:
    """Say what the checks of this process's installation find, a line each; returns 1 if there is trouble, else 0."""
    use(beside_run(current()))
    findings = []
    for finding in examine(session, current()):
        say(str(finding))
        findings.append(finding)
    return 0 if all(each.is_well for each in findings) else 1


def _settings(_session: Session, config: Config) -> Iterator[tuple[bool, str]]:
    if config.public_url.startswith("https://") and not config.secure_cookies:
        yield False, "ZBWEB_PUBLIC_URL is https, so set ZBWEB_SECURE_COOKIES=1: cookies must not travel unprotected."
    for name in ("secret.key", "credential.key"):
        path = config.data_dir / name
        if path.exists() and path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            yield False, f"others can read {path}; run: chmod 600 {path}"
    yield True, f"data directory {config.data_dir}, address {config.public_url}"


def _database(session: Session, _config: Config) -> Iterator[tuple[bool, str]]:
    dialect = session.get_bind().dialect.name
    session.execute(text("SELECT 1"))
    yield True, f"{dialect} answers"
    if dialect == "postgresql" and not session.scalar(text("SELECT to_regclass('ix_customers_trigrams')")):
        yield True, f"searches read every customer; a superuser can mend that: {_TRIGRAMS}"


def _migrations(session: Session, _config: Config) -> Iterator[tuple[bool, str]]:
    present, newest = revisions.present(session), revisions.newest()
    if present == newest:
        yield True, f"at the newest revision, {newest}"
    else:
        yield False, f"at {present or 'none'}, the newest is {newest}; run: python -m zbweb.cli prepare"


def _redis(_session: Session, config: Config) -> Iterator[tuple[bool, str]]:
    queue.redis_at(config.redis_url).ping()
    yield True, "answers"


def _workers(_session: Session, _config: Config) -> Iterator[tuple[bool, str]]:
    alive = queue.workers()
    if not any(queue.SYNC in each.queues for each in alive):
        yield False, "no worker does syncs; start one: python worker.py jobs"
    else:
        yield True, f"{len(alive)} alive, {sum(1 for each in alive if each.task)} at work"
    if failed := len(queue.failed_jobs()):
        yield False, f"{failed} jobs failed lately; Settings > Jobs names the errors"


def _schedule(session: Session, _config: Config) -> Iterator[tuple[bool, str]]:
    late = select(Connection.id).where(
        Connection.status == ConnectionStatus.CONNECTED,
        Connection.paused_at.is_(None),
        Connection.next_sync_at < now() - _LATEST_SLOT,
    )
    if missed := len(session.scalars(late).all()):
        yield False, f"{missed} syncs are overdue; start a scheduler: python worker.py scheduler"
    else:
        yield True, "no sync is overdue"


def _credentials(session: Session, _config: Config) -> Iterator[tuple[bool, str]]:
    credentials = session.scalars(select(CrmCredential)).all()
    for credential in credentials:
        try:
            grant_in(credential)
        except CrmError as error:
            yield False, f"of organisation {credential.organisation_id}: {error.message}"
    yield True, f"{len(credentials)} kept"


def _crm(session: Session, _config: Config) -> Iterator[tuple[bool, str]]:
    connections = session.scalars(select(Connection).order_by(Connection.id)).all()
    session.rollback()  # nothing is read while the CRM is asked
    for connection in connections:
        name = connection.crm_organisation_name
        if not connection.is_live:
            yield True, f"{name}: disabled, so it is not asked"
            continue
        yield from _one_crm(connection, name)
    if not connections:
        yield True, "no organisation is connected"


def _one_crm(connection: Connection, name: str) -> Iterator[tuple[bool, str]]:
    client = client_for_page(connection)
    try:
        client.organisation()
    except CrmError as error:
        yield False, f"{name}: {error.message}"
        return
    yield True, f"{name} answers"
    if client.server_time is not None:
        skew = abs(now() - client.server_time)
        words = f"{name}'s clock and ours are {skew.total_seconds():.0f} seconds apart"
        yield skew <= _MOST_SKEW, words if skew <= _MOST_SKEW else f"{words}; have this machine keep time by NTP"


def _disk(_session: Session, config: Config) -> Iterator[tuple[bool, str]]:
    usage = shutil.disk_usage(config.data_dir)
    free = f"{usage.free / (1 << 30):.1f} GiB free at {config.data_dir}"
    is_well = usage.free >= min(_LEAST_FREE_BYTES, usage.total // 20)
    yield is_well, free if is_well else f"only {free}; make room before the database cannot write"


CHECKS: dict[str, Check] = {
    "settings": _settings,
    "database": _database,
    "migrations": _migrations,
    "redis": _redis,
    "workers": _workers,
    "schedule": _schedule,
    "credentials": _credentials,
    "crm": _crm,
    "disk": _disk,
}
_HELP = {
    "settings": "the data directory cannot be looked at; see ZBWEB_DATA_DIR",
    "database": "does not answer; see ZBWEB_DATABASE_URL and start it",
    "migrations": "cannot be read; run: python -m zbweb.cli prepare",
    "redis": "does not answer; see ZBWEB_REDIS_URL and start it. Work waits in the database meanwhile",
    "workers": "cannot be counted without Redis",
    "schedule": "cannot be read from the database",
    "credentials": "cannot be read from the database",
    "crm": "cannot be asked",
    "disk": "cannot be measured; see ZBWEB_DATA_DIR",
}
"""What to do when a check itself breaks off."""
