"""Where a run's records come from: pages of a list, or an export when there are very many.

Both give batches with a position, and both go on from a position, so that a run which died continues
where its last unit of work ended.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

import structlog

from zbweb.crm.errors import CrmError, PermissionDenied, Refused, ScopeMissing
from zbweb.crm.port import BulkJob, BulkState, CrmClient, Record

log = structlog.get_logger()

EXPORT_FROM = 5_000
"""From this many records on, an export costs fewer calls and less time than pages."""
EXPORT_BATCH = 1_000
_POLL_SECONDS = (*(0.2,) * 10, *(0.3,) * 10, 0.5, 0.5, 1.0, 1.0, 2.0, 2.0, 5.0, 10.0)
_EXPORT_DEADLINE_SECONDS = 1800


@dataclass(frozen=True, slots=True)
class Batch:
    """Some records and where to go on after them; None when there are no more."""

    records: list[Record]
    next: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class Question:
    """What to read: a module's fields, of a view or of all, changed since a time or ever."""

    module: str
    fields: list[str]
    view_id: str | None = None
    since: datetime | None = None


def batches(client: CrmClient, question: Question, *, total: int | None, position: dict[str, Any]) -> Iterator[Batch]:
    """The records that answer the question, from `position` on ({} is the beginning)."""
    job = _job_of(client, question, total=total, position=position)
    if job is not None:
        yield from _export(client, question, job, position.get("rows", 0))
    else:
        yield from _pages(client, question, position.get("token"))


def _job_of(client: CrmClient, question: Question, *, total: int | None, position: dict[str, Any]) -> BulkJob | None:
    """The export to read: the one a position names, or a new one for very many records; None means pages."""
    if "job" in position:
        return client.bulk_job(position["job"])
    if position or question.since is not None or (total or 0) < EXPORT_FROM:
        return None
    try:
        return _start(client, question, None)
    except (Refused, ScopeMissing, PermissionDenied) as error:  # not every plan and credential may export
        log.info("export_refused", module=question.module, code=error.code)
        return None


def _pages(client: CrmClient, question: Question, token: str | None) -> Iterator[Batch]:
    for page in client.pages(
        question.module,
        question.fields,
        view_id=question.view_id,
        modified_since=question.since,
        page_token=token,
    ):
        yield Batch(page.records, {"token": page.next_token} if page.next_token else None)


def _export(client: CrmClient, question: Question, job: BulkJob, skip: int) -> Iterator[Batch]:
    while True:
        job = _finished(client, job)
        yield from _rows(client, question, job, skip)
        if not job.more:
            return
        job, skip = _start(client, question, job.next_token), 0


def _start(client: CrmClient, question: Question, token: str | None) -> BulkJob:
    return client.start_bulk_read(question.module, question.fields, view_id=question.view_id, page_token=token)


def _finished(client: CrmClient, job: BulkJob, sleep: Callable[[float], None] = time.sleep) -> BulkJob:
    waited, step = 0.0, 0
    while job.state is BulkState.WAITING and waited < _EXPORT_DEADLINE_SECONDS:
        pause = _POLL_SECONDS[min(step, len(_POLL_SECONDS) - 1)]
        sleep(pause)
        waited, step = waited + pause, step + 1
        job = client.bulk_job(job.id)
    if job.state is not BulkState.DONE:
        raise Refused("Zoho CRM could not prepare its export. The next sync tries again.", code="EXPORT_FAILED")
    return job


def _rows(client: CrmClient, question: Question, job: BulkJob, skip: int) -> Iterator[Batch]:
    metas = [meta for meta in client.fields(question.module) if meta.api_name in question.fields]
    records = islice(client.bulk_rows(job.id, metas), skip, None)
    done = skip
    while batch := list(islice(records, EXPORT_BATCH)):
        done += len(batch)
        last = not job.more and job.count is not None and done >= job.count
        yield Batch(batch, None if last else {"job": job.id, "rows": done})


def is_lost_position(error: CrmError) -> bool:
    """Whether an error means that a position is too old to go on from: begin the phase again."""
    return error.code in {"INVALID_DATA", "EXPIRED_VALUE", "TOKEN_BOUND_DATA_MISMATCH", "RESOURCE_NOT_FOUND"}
