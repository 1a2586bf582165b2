"""Bulk reads: a job writes a zip with one CSV file in the background and then calls its caller back."""

import csv
import json
import sqlite3
import threading
import time
import zipfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from io import TextIOWrapper
from pathlib import Path
from typing import Any

from zbweb.sandbox import criteria, queries
from zbweb.sandbox import views as view_store
from zbweb.sandbox.clock import iso
from zbweb.sandbox.columns import Columns
from zbweb.sandbox.criteria import Scope
from zbweb.sandbox.queries import Clause, Order, Row
from zbweb.sandbox.state import Sandbox

ROWS_IN_A_JOB = 200_000
ROWS_AT_ONCE = 2_000
OLDEST_FIRST = Order("id", descending=False)


class JobState(StrEnum):
    """`state` on the wire, spaces included."""

    ADDED = "ADDED"
    IN_PROGRESS = "IN PROGRESS"
    COMPLETED = "COMPLETED"
    FAILURE = "FAILURE"


@dataclass(frozen=True, slots=True)
class Job:
    """One export. `after` is the last record id of the page before; `created` is epoch seconds."""

    id: int
    module: str
    user_id: int
    created: int
    fields: tuple[str, ...]
    has_fields: bool = True
    cvid: str | None = None
    criteria: dict[str, Any] | None = None
    page: int = 1
    after: int = 0
    callback: str | None = None
    state: JobState = JobState.ADDED
    count: int = 0
    last_id: int | None = None
    error: str | None = None

    @property
    def has_more(self) -> bool:
        return self.last_id is not None


def save_job(connection: sqlite3.Connection, job: Job) -> None:
    connection.execute(
        "INSERT OR REPLACE INTO bulk_job (id, user_id, body) VALUES (?, ?, ?)",
        (job.id, job.user_id, json.dumps(asdict(job))),
    )


def find_job(connection: sqlite3.Connection, job_id: int) -> Job | None:
    row = connection.execute("SELECT body FROM bulk_job WHERE id = ?", (job_id,)).fetchone()
    if row is None:
        return None
    values = json.loads(row["body"])
    return Job(**{**values, "fields": tuple(values["fields"]), "state": JobState(values["state"])})


def archive(sandbox: Sandbox, job: Job) -> Path:
    """Where the job's zip file is, or will be."""
    return sandbox.data_dir / "exports" / f"{job.id}.zip"


def scope_of(sandbox: Sandbox, job: Job) -> Scope:
    return Scope(sandbox.catalog, sandbox.catalog.module(job.module), job.user_id, sandbox.clock.now())


def chosen(connection: sqlite3.Connection, job: Job, scope: Scope) -> Clause:
    """The records of this job: the view's and the criteria's, after the page before. Raises BadCriterion."""
    clause = Clause("record.id > ?", (job.after,))
    if job.cvid:
        view = view_store.find_view(connection, scope.module, job.cvid)
        clause = clause & view_store.clause(view, scope)
    return clause & criteria.where(criteria.from_json(job.criteria), scope) if job.criteria else clause


def start(sandbox: Sandbox, job: Job) -> None:
    """Run the job in a thread of its own."""
    threading.Thread(target=_run, args=(sandbox, job), name=f"export-{job.id}", daemon=True).start()


def _run(sandbox: Sandbox, job: Job) -> None:
    _store(sandbox, replace(job, state=JobState.IN_PROGRESS))
    time.sleep(sandbox.faults.bulk_delay_ms / 1000)
    try:
        done = replace(_write(sandbox, job), state=JobState.COMPLETED)
    except Exception as error:
        done = replace(job, state=JobState.FAILURE, error=str(error))
    _store(sandbox, done)
    if done.callback:
        sandbox.notifier.send(done.callback, {"data": [as_json(sandbox, done)]})


def _store(sandbox: Sandbox, job: Job) -> None:
    with sandbox.store.write() as connection:
        save_job(connection, job)


def _write(sandbox: Sandbox, job: Job) -> Job:
    path = archive(sandbox, job)
    path.parent.mkdir(parents=True, exist_ok=True)
    with (
        sandbox.reading() as connection,
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as zipped,
        zipped.open(f"{job.id}.csv", "w") as raw,
        TextIOWrapper(raw, "utf-8", newline="") as text,
    ):
        return _fill(csv.writer(text), sandbox, connection, job)


def _fill(writer: Any, sandbox: Sandbox, connection: sqlite3.Connection, job: Job) -> Job:
    """Write the head and up to a job's worth of lines; the job then knows whether more follow."""
    table, count, last_id = _Table(sandbox, connection, job), 0, None
    writer.writerow(["Id", *(name for name in job.fields if name != "id")])
    for rows in _batches(connection, job, scope_of(sandbox, job)):
        kept = rows[: ROWS_IN_A_JOB - count]
        if kept:
            writer.writerows(table.lines(kept))
            count, last_id = count + len(kept), kept[-1].id
        if len(kept) < len(rows):
            return replace(job, count=count, last_id=last_id)
    return replace(job, count=count)


def _batches(connection: sqlite3.Connection, job: Job, scope: Scope) -> Iterator[list[Row]]:
    where = chosen(connection, job, scope)
    after: tuple[Any, ...] | int = 0
    while rows := queries.find(
        connection, job.module, where=where, order=OLDEST_FIRST, after=after, limit=ROWS_AT_ONCE
    ):
        yield rows
        after = OLDEST_FIRST.key_of(rows[-1])


class _Table:
    """Turns rows into lines of text: references by id, times with offset, nothing for empty."""

    def __init__(self, sandbox: Sandbox, connection: sqlite3.Connection, job: Job) -> None:
        self._columns = Columns(sandbox, connection, sandbox.catalog.module(job.module))
        self._paths = [name for name in job.fields if name != "id"]

    def lines(self, rows: list[Row]) -> list[tuple[str, ...]]:
        ids = [str(row.id) for row in rows]
        columns = [[_text(value) for value in self._columns.read(path, rows)] for path in self._paths]
        return list(zip(ids, *columns, strict=True))


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if value in (None, [], ()):
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return str(value["id"])
    if isinstance(value, list):
        return ";".join(item if isinstance(item, str) else str(item.get("name", "")) for item in value)
    return str(value)


def as_json(sandbox: Sandbox, job: Job, *, next_token: str | None = None) -> dict[str, Any]:
    """The job as its status call and its callback tell it; `result` only once there is one."""
    module = sandbox.catalog.module(job.module)
    author = sandbox.members[job.user_id]
    query: dict[str, Any] = {"module": {"api_name": job.module, "id": str(module.id)}, "page": job.page}
    if job.has_fields:
        query["fields"] = list(job.fields)
    if job.cvid:
        query["cvid"] = job.cvid
    if job.criteria:
        query["criteria"] = job.criteria
    told = {
        "id": str(job.id),
        "operation": "read",
        "state": job.state.value,
        "query": query,
        "created_by": {"id": str(author.id), "name": author.full_name},
        "created_time": iso(job.created, sandbox.organisation.time_zone),
        "file_type": "csv",
    }
    return {**told, **_result(job, next_token)}


def _result(job: Job, next_token: str | None) -> dict[str, Any]:
    if job.state is JobState.COMPLETED:
        result: dict[str, Any] = {
            "page": job.page,
            "per_page": ROWS_IN_A_JOB,
            "count": job.count,
            "download_url": f"/crm/bulk/v8/read/{job.id}/result",
            "more_records": job.has_more,
            "next_page_token": next_token,
        }
        return {"result": result}
    if job.state is JobState.FAILURE:
        message = {
            "status": "error", "code": "INTERNAL_SERVER_ERROR", "message": "Internal server error occurred.",
            "details": {},
        }  # fmt: skip
        return {"result": {"error_message": message}}
    return {}
