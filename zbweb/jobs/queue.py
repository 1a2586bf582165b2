"""The only door to RQ: one named function per job, ids as arguments, always after the commit.

A job is never the only record of work: runs, outbox rows, e-mails and notifications are rows first.
When Redis is away the job is not enqueued, a line is logged, and the schedule finds the row later.
Enqueueing twice is harmless, since every job claims its row in the database before it works.
"""

import contextlib
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

import structlog
from redis import Redis
from redis.exceptions import RedisError
from rq import Queue, Worker, get_current_job  # noqa: TID251  this is the door
from rq.exceptions import InvalidJobOperation, NoSuchJobError
from rq.job import Job
from rq.registry import FailedJobRegistry
from rq.serializers import JSONSerializer
from rq.worker import BaseWorker

from zbweb import config

log = structlog.get_logger()

INSTANT = "instant"
"""Short work that a person waits for: transaction pushes, notifications, e-mails."""
SYNC = "sync"
"""Runs, which may take long."""

_CALLS_KEY = "zbweb:crm_calls"
_SYNC_TIMEOUT_SECONDS = 6 * 3600
_INSTANT_TIMEOUT_SECONDS = 600
_FAILURES_SHOWN = 200


@dataclass(frozen=True, slots=True)
class WorkerState:
    """A worker that shows signs of life; `task` is what it does at the moment, if anything."""

    name: str
    queues: tuple[str, ...]
    task: str
    born_at: datetime | None
    seen_at: datetime | None


@dataclass(frozen=True, slots=True)
class FailedJob:
    """A job that broke off with an error nobody expected; `error` is its last line."""

    id: str
    queue: str
    task: str
    row_id: int
    error: str
    failed_at: datetime | None


@lru_cache(maxsize=4)
def redis_at(url: str) -> Redis:
    """One client per address and process."""
    return Redis.from_url(url, health_check_interval=30, socket_connect_timeout=2)


def queues(names: list[str]) -> list[Queue]:
    """The queues of these names, for a worker."""
    connection = redis_at(config.current().redis_url)
    return [Queue(name, connection=connection, serializer=JSONSerializer) for name in names]


def run_sync(run_id: int) -> None:
    """Have a worker do a run."""
    _enqueue(SYNC, "run_sync", run_id, timeout=_SYNC_TIMEOUT_SECONDS)


def push_soon(organisation_id: int) -> None:
    """Have a worker tell the CRM what waits in an organisation's outbox."""
    _enqueue(INSTANT, "push", organisation_id)


def handle_event(event_id: int) -> None:
    """Have a worker handle a notification of the CRM."""
    _enqueue(INSTANT, "handle_event", event_id)


def keep_channel(connection_id: int) -> None:
    """Have a worker see to the order for notifications."""
    _enqueue(INSTANT, "keep_channel", connection_id)


def withdraw_token(credential_id: int) -> None:
    """Have a worker withdraw, at Zoho, a refresh token that nothing uses any more."""
    _enqueue(INSTANT, "withdraw_token", credential_id)


def send_email(email_id: int) -> None:
    """Have a worker send an e-mail."""
    _enqueue(INSTANT, "send_email", email_id)


def _enqueue(queue: str, task: str, row_id: int, *, timeout: int = _INSTANT_TIMEOUT_SECONDS) -> None:
    url = config.current().redis_url
    if not url:  # while a database is prepared: the schedule finds the row once there is a queue
        return
    try:
        Queue(queue, connection=redis_at(url), serializer=JSONSerializer).enqueue(
            f"zbweb.jobs.tasks.{task}", row_id, job_timeout=timeout, result_ttl=0, failure_ttl=86400
        )
    except RedisError as error:
        log.warning("not_enqueued", task=task, row_id=row_id, error=str(error))


def is_waiting(queue: str) -> bool:
    """Whether another job waits in a queue."""
    try:
        return queues([queue])[0].count > 0
    except RedisError:
        return False


def is_told_to_stop() -> bool:
    """Whether the worker that does the present job was asked to end: long work then pauses at its next good place."""
    job = get_current_job()
    if job is None or job.worker_name is None:
        return False
    key = f"{Worker.redis_worker_namespace_prefix}{job.worker_name}"
    try:
        return bool(redis_at(config.current().redis_url).hexists(key, "shutdown_requested_date"))
    except RedisError:
        return False


def workers_alive() -> int:
    """How many workers have shown a sign of life lately; raises RedisError when Redis is away."""
    return Worker.count(connection=redis_at(config.current().redis_url))


def depths() -> dict[str, int]:
    """How many jobs wait, by queue; raises RedisError when Redis is away."""
    return {each.name: each.count for each in queues([INSTANT, SYNC])}


def workers() -> list[WorkerState]:
    """Every worker that is alive; raises RedisError when Redis is away."""
    connection = redis_at(config.current().redis_url)
    found = Worker.all(connection=connection, serializer=JSONSerializer)
    return sorted((_worker_state(each) for each in found), key=lambda each: each.name)


def failed_jobs() -> list[FailedJob]:
    """Jobs that broke off lately, newest first; raises RedisError when Redis is away."""
    found = []
    for queue in queues([INSTANT, SYNC]):
        registry = FailedJobRegistry(queue=queue)
        ids = registry.get_job_ids(end=_FAILURES_SHOWN - 1, desc=True)
        jobs = Job.fetch_many(ids, connection=queue.connection, serializer=JSONSerializer)
        found += [_failed(job) for job in jobs if job is not None]
    return sorted(found, key=lambda each: each.failed_at or datetime.min.replace(tzinfo=UTC), reverse=True)


def retry_failed(failed: FailedJob) -> None:
    """Put a failed job back into its queue; harmless if it has gone meanwhile."""
    with contextlib.suppress(InvalidJobOperation, NoSuchJobError):
        FailedJobRegistry(queue=queues([failed.queue])[0]).requeue(failed.id)


def delete_failed(failed: FailedJob) -> None:
    """Forget a failed job; harmless if it has gone meanwhile."""
    with contextlib.suppress(InvalidJobOperation, NoSuchJobError):
        FailedJobRegistry(queue=queues([failed.queue])[0]).remove(failed.id, delete_job=True)


def _worker_state(worker: BaseWorker) -> WorkerState:
    job = worker.get_current_job()
    return WorkerState(
        name=f"{worker.hostname} ({worker.pid})",
        queues=tuple(worker.queue_names()),
        task=_task_of(job) if job is not None else "",
        born_at=_aware(worker.birth_date),
        seen_at=_aware(worker.last_heartbeat),
    )


def _failed(job: Job) -> FailedJob:
    result = job.latest_result()
    trace = (result.exc_string if result else None) or ""
    return FailedJob(
        id=job.id,
        queue=job.origin,
        task=_task_of(job),
        row_id=int(job.args[0]),
        error=trace.strip().rpartition("\n")[2][:500],
        failed_at=_aware(job.ended_at),
    )


def _task_of(job: Job) -> str:
    return str(job.func_name).rpartition(".")[2]


def _aware(moment: datetime | None) -> datetime | None:
    """RQ's times are UTC, some of them without saying so."""
    return moment.replace(tzinfo=UTC) if moment is not None and moment.tzinfo is None else moment


def count_call(outcome: str) -> None:
    """Count a call to the CRM for `/metrics`; a counter is never worth failing for."""
    url = config.current().redis_url
    if url:
        with contextlib.suppress(RedisError):
            redis_at(url).hincrby(_CALLS_KEY, outcome, 1)


def calls_counted() -> dict[str, int]:
    """Calls to the CRM so far, by outcome; raises RedisError when Redis is away."""
    found = redis_at(config.current().redis_url).hgetall(_CALLS_KEY)
    return {str(key, "utf-8"): int(value) for key, value in found.items()}  # type: ignore[arg-type]
