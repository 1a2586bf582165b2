"""What whoever runs the product asks of it: is it up, does everything serve, and the figures of its work."""

from dataclasses import replace
from datetime import timedelta

import pytest
from rq import SimpleWorker
from rq.serializers import JSONSerializer
from sqlalchemy import text

from tests.conftest import make_config
from tests.factories.runs import make_connection, make_entry, make_run
from zbweb import config
from zbweb.clock import now
from zbweb.crm import meter
from zbweb.db import db, unit_of_work
from zbweb.jobs import queue
from zbweb.sync.core.words import RunStatus

MINUTE = timedelta(minutes=1)
ELSEWHERE = {"REMOTE_ADDR": "203.0.113.9"}


@pytest.fixture
def settings(tmp_path, redis_url):
    queue.redis_at(redis_url).flushdb()
    return make_config(tmp_path, redis_url=redis_url, metrics_token="the token of the metrics")


@pytest.fixture
def worker(app, redis_url):
    """A worker that shows a sign of life."""
    born = SimpleWorker(queue.queues([queue.SYNC]), connection=queue.redis_at(redis_url), serializer=JSONSerializer)
    born.register_birth()
    yield born
    born.register_death()


def test_ready_is_said_when_database_redis_and_a_worker_serve(client, worker):
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json["status"]) == (200, "ready")


def test_without_a_worker_the_worker_is_named(client):
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert (answer.json["database"], answer.json["redis"]) == ("ok", "ok")
    assert "no worker" in answer.json["worker"]


def test_without_redis_redis_is_named_and_the_process_is_up(client):
    config.use(replace(config.current(), redis_url="redis://127.0.0.1:1/0"))
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json["database"], answer.json["redis"]) == (503, "ok", "ConnectionError")
    assert client.get("/healthz").status_code == 200
    assert client.get("/metrics").status_code == 200, "what the database knows is told"


def test_without_a_database_the_database_is_named_and_nothing_of_its_inside(client, worker):
    with unit_of_work() as session:
        session.execute(text("DROP TABLE organisations"))
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json["redis"]) == (503, "ok")
    assert answer.json["database"] == "OperationalError"


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({}, 200),
        ({"environ_overrides": {"REMOTE_ADDR": "::1"}}, 200),
        ({"environ_overrides": ELSEWHERE}, 403),
        ({"headers": {"X-Forwarded-For": "203.0.113.9"}}, 403),
        ({"headers": {"X-Forwarded-For": "127.0.0.1"}}, 403),
        ({"headers": {"Forwarded": "for=127.0.0.1"}}, 403),
        ({"headers": {"Authorization": "Bearer another"}, "environ_overrides": ELSEWHERE}, 403),
        ({"headers": {"Authorization": "Bearer \xe9"}, "environ_overrides": ELSEWHERE}, 403),
        ({"headers": {"Authorization": "Bearer the token of the metrics"}, "environ_overrides": ELSEWHERE}, 200),
    ],
)
def test_the_figures_are_for_this_machine_or_the_token(client, asked, status):
    assert client.get("/metrics", **asked).status_code == status


def test_without_a_token_nobody_elsewhere_reads_the_figures(client):
    config.use(replace(config.current(), metrics_token=""))
    for header in ("", "Bearer", "Bearer "):
        answer = client.get("/metrics", headers={"Authorization": header}, environ_overrides=ELSEWHERE)
        assert answer.status_code == 403


def test_the_figures_tell_of_queues_runs_calls_credits_and_failures(client, asha):
    with unit_of_work() as session:
        connection = make_connection(session, credits_remaining=4321)
        run = make_run(session, connection, status=RunStatus.SUCCEEDED, started_at=now() - MINUTE, finished_at=now())
        make_entry(session, run, outcome="failed", reason="crm_refused")
    queue.run_sync(run.id)
    meter.called("200")
    text_ = client.get("/metrics").text
    for line in (
        'zbweb_queue_depth{queue="sync"} 1.0',
        'zbweb_crm_calls_total{outcome="200"} 1.0',
        'zbweb_runs{status="succeeded"} 1.0',
        f'zbweb_run_seconds{{connection="{connection.id}"}} 60.',
        'zbweb_unresolved_failures{reason="crm_refused"} 1.0',
        f'zbweb_crm_credits_remaining{{connection="{connection.id}"}} 4321.0',
    ):
        assert line in text_, line
    db.session.rollback()
