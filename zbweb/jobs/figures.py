"""The figures of `/metrics`: what waits, what failed and how long runs take, asked of Redis and the database.

They are asked at the moment of scraping, so every web process answers alike. Calls to the CRM are counted in
Redis by whichever process makes them.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from redis.exceptions import RedisError
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from zbweb.billing.models import OutboxRow
from zbweb.jobs import queue
from zbweb.sync.core.words import Outcome, RunStatus
from zbweb.sync.models import Connection, SyncEntry, SyncRun


@dataclass(frozen=True, slots=True)
class Figures:
    """A collector that asks Redis and the database when it is scraped."""

    session: Session

    def collect(self) -> Iterator[Metric]:
        """Every figure, labelled."""
        session = self.session
        yield _gauge("zbweb_queue_depth", "Jobs that wait, by queue.", "queue", _queue_depths())
        calls = CounterMetricFamily("zbweb_crm_calls", "Calls to the CRM, by outcome.", labels=["outcome"])
        for outcome, count in _crm_calls().items():
            calls.add_metric([outcome], count)
        yield calls
        yield _gauge("zbweb_runs", "Runs, by status.", "status", _runs(session))
        yield _gauge("zbweb_run_seconds", "Length of the last finished run.", "connection", _seconds(session))
        yield _gauge("zbweb_unresolved_failures", "Failures nobody has mended.", "reason", _unresolved(session))
        yield _gauge("zbweb_outbox_rows", "Records the CRM has not been told of.", "entity", _outbox(session))
        yield _gauge("zbweb_crm_credits_remaining", "The CRM's own meter.", "connection", _credits(session))


def exposition(session: Session) -> bytes:
    """Every figure in Prometheus' text format."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Figures(session))
    return generate_latest(registry)


def _gauge(name: str, text: str, label: str, values: dict[str, float]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, text, labels=[label])
    for key, value in sorted(values.items()):
        family.add_metric([key], value)
    return family


def _queue_depths() -> dict[str, float]:
    try:
        return {name: float(count) for name, count in queue.depths().items()}
    except (RedisError, ValueError):  # ValueError: no Redis is configured at all
        return {}


def _crm_calls() -> dict[str, float]:
    try:
        return {key: float(value) for key, value in queue.calls_counted().items()}
    except (RedisError, ValueError):  # ValueError: no Redis is configured at all
        return {}


def _runs(session: Session) -> dict[str, float]:
    statement = select(SyncRun.status, func.count()).group_by(SyncRun.status)
    found = {str(status): float(count) for status, count in session.execute(statement)}
    return {status.value: found.get(status.value, 0.0) for status in RunStatus}


def _seconds(session: Session) -> dict[str, float]:
    latest = select(func.max(SyncRun.id)).where(SyncRun.finished_at.is_not(None)).group_by(SyncRun.connection_id)
    figures = {}
    for run in session.scalars(select(SyncRun).where(SyncRun.id.in_(latest))):
        if run.started_at and run.finished_at:
            figures[str(run.connection_id)] = (run.finished_at - run.started_at).total_seconds()
    return figures


def _unresolved(session: Session) -> dict[str, float]:
    statement = (
        select(SyncEntry.reason, func.count())
        .where(SyncEntry.outcome == Outcome.FAILED, SyncEntry.resolved_at.is_(None))
        .group_by(SyncEntry.reason)
    )
    return {reason: float(count) for reason, count in session.execute(statement)}


def _outbox(session: Session) -> dict[str, float]:
    statement = select(OutboxRow.entity, func.count()).group_by(OutboxRow.entity)
    return {entity: float(count) for entity, count in session.execute(statement)}


def _credits(session: Session) -> dict[str, float]:
    statement = select(Connection.id, Connection.credits_remaining).where(Connection.credits_remaining.is_not(None))
    return {str(connection_id): float(remaining or 0) for connection_id, remaining in session.execute(statement)}
