"""The admins' page of background work: what waits, who works, what failed; one's own organisation's only."""

import pytest
from rq import SimpleWorker
from rq.serializers import JSONSerializer
from rq.timeouts import TimerDeathPenalty

from tests.conftest import make_config
from tests.factories.customers import make_customer
from tests.factories.runs import make_connection, make_run, make_setup
from tests.factories.transactions import make_invoice
from zbweb import config
from zbweb.billing.models import EmailMessage, OutboxRow
from zbweb.db import db, organisation_of, unit_of_work, work_for
from zbweb.jobs import queue
from zbweb.sync.core.words import RunStatus

MISSING = 999_999


@pytest.fixture
def settings(tmp_path, redis_url):
    queue.redis_at(redis_url).flushdb()
    return make_config(tmp_path, redis_url=redis_url)


def fail(person, name="run_sync") -> None:
    """A job of the organisation breaks off: its task does not exist under this name."""
    connection = queue.redis_at(config.current().redis_url)
    with unit_of_work() as session:
        work_for(session, person.organisation_id)
        run = make_run(session, make_connection(session, crm_organisation_id=f"org-{person.organisation_id}"))
    waiting = queue.queues([queue.SYNC])
    waiting[0].enqueue("tests.web.test_jobs." + name, run.id, failure_ttl=600, result_ttl=0)
    worker = SimpleWorker(waiting, connection=connection, serializer=JSONSerializer)
    worker.death_penalty_class = TimerDeathPenalty
    worker.work(burst=True, logging_level="CRITICAL")
    work_for(db.session(), person.organisation_id)


def run_sync(_run_id: int) -> None:
    raise RuntimeError("the disk is full")


def board(person) -> str:
    return person.get("/settings/jobs").text.split("<main")[1]


def test_a_quiet_product_says_so(asha):
    page = board(asha)
    for words in ("No job failed", "No sync is under way", "Nothing waits", "Every message was sent"):
        assert words in page
    assert "No worker is alive" in page


def test_a_failed_job_is_listed_with_its_error_and_tried_again(asha):
    fail(asha)
    page = board(asha)
    assert "RuntimeError: the disk is full" in page
    assert "Traceback" not in page
    job_id = queue.failed_jobs()[0].id
    assert asha.post(f"/settings/jobs/{job_id}/retry").location == "/settings/jobs"
    assert queue.failed_jobs() == []
    assert queue.depths() == {queue.INSTANT: 0, queue.SYNC: 1}


def test_a_failed_job_is_forgotten_when_told_so(asha):
    fail(asha)
    job_id = queue.failed_jobs()[0].id
    asha.post(f"/settings/jobs/{job_id}/delete")
    assert queue.failed_jobs() == []
    assert queue.depths()[queue.SYNC] == 0
    assert asha.post(f"/settings/jobs/{job_id}/retry").status_code == 404


def test_a_stranger_neither_sees_nor_touches_our_failed_jobs(asha, dora):
    fail(asha)
    job_id = queue.failed_jobs()[0].id
    assert "the disk is full" not in board(dora)
    assert dora.post(f"/settings/jobs/{job_id}/delete").status_code == 404
    assert len(queue.failed_jobs()) == 1


def test_runs_records_and_messages_that_wait_are_counted(asha):
    with unit_of_work() as session:
        connection = make_connection(session)
        make_setup(session, connection)
        make_run(session, connection, status=RunStatus.RUNNING, done=1200, total=5000)
        invoice = make_invoice(session, make_customer(session))
        session.add_all(
            [
                OutboxRow(organisation_id=organisation_of(session), entity="item", entity_id=MISSING, attempts=2),
                EmailMessage(organisation_id=organisation_of(session), transaction_id=invoice.id,
                             recipients="a@b.example", subject="Invoice", body="", status="failed"),
            ]
        )  # fmt: skip
    page = board(asha)
    assert "1,200 of 5,000" in page
    assert "Item" in page
    assert "/outbox?status=failed" in page


def test_a_worker_is_shown_with_what_it_does(asha, redis_url):
    worker = SimpleWorker(
        queue.queues([queue.INSTANT]), connection=queue.redis_at(redis_url), serializer=JSONSerializer
    )
    worker.register_birth()
    page = board(asha)
    worker.register_death()
    assert str(worker.pid) in page
    assert "Waits for work" in page
    assert "No worker is alive" not in page
    assert (queue.workers(), queue.workers_alive()) == ([], 0)


def test_without_redis_the_page_says_that_nothing_is_lost(asha, tmp_path):
    config.use(make_config(tmp_path, redis_url="redis://127.0.0.1:1/0"))
    assert "Redis cannot be reached" in board(asha)
    config.use(make_config(tmp_path, redis_url=""))
    assert "Redis cannot be reached" in board(asha)


def test_every_task_has_a_name_on_the_page():
    from zbweb.jobs import board, tasks

    written = {name for name in vars(tasks) if hasattr(getattr(tasks, name), "__wrapped__")}
    assert written <= set(board.TASK_NAMES)
