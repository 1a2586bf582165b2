"""A restart is not noticed: web processes answer what they were asked, workers finish or hand over what they do."""

import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import urllib3
from sqlalchemy import func, select

from tests.conftest import make_config
from tests.crm_pages import CONNECT, KEY
from tests.factories.runs import state_of
from tests.factories.sync import connected
from tests.people import PASSWORD
from tests.sandbox_server import SandboxServer
from tests.servers import ROOT, environment_of, eventually, free_port
from tests.visitor import Visitor
from zbweb.billing.models import Customer
from zbweb.clock import now
from zbweb.db import db, unit_of_work
from zbweb.jobs import queue
from zbweb.sync import runs
from zbweb.sync.core.words import RunStatus, Trigger

ACCOUNTS = 2000


@pytest.fixture
def sandbox():
    with SandboxServer() as server:
        server.reset(empty=True)
        yield server


@pytest.fixture
def settings(tmp_path, redis_url, sandbox):
    queue.redis_at(redis_url).flushdb()
    return make_config(tmp_path, redis_url=redis_url, crm_accounts_url=sandbox.url, crm_api_url=sandbox.url)


@pytest.fixture
def start(settings, tmp_path):
    """Start a process of the product on the test's own database; it is stopped at the end."""
    environment = environment_of(settings)
    started = []

    def spawn(*command: str) -> subprocess.Popen:
        log = (tmp_path / "process.log").open("ab")
        process = subprocess.Popen([sys.executable, *command], cwd=ROOT, env=environment, stderr=log, stdout=log)
        log.close()
        started.append(process)
        return process

    yield spawn
    for process in started:
        process.kill()
        process.wait(20)


def is_handed_over(run_id: int) -> bool:
    """Whether the next worker may go on with a run at once."""
    run = state_of(run_id)
    return RunStatus(run.status).is_open and run.lease_until <= now() and queue.is_waiting(queue.SYNC)


@pytest.fixture
def long_run(app, asha, sandbox):
    """The id of a run that takes its time."""
    sandbox.seed(accounts=ACCOUNTS, contacts_per_account=0)
    pair = connected(app, sandbox, scope="accounts", extent="fetch", policy="skip")
    sandbox.faults(latency_ms=300)
    with unit_of_work() as session:
        return runs.queue_run(session, pair.connection, trigger=Trigger.INSTANT, actor_name="Asha Rao").id


def test_a_worker_that_is_told_to_stop_hands_a_long_sync_over_between_two_batches(long_run, start, sandbox):
    first = start("worker.py", "jobs")
    eventually(lambda: state_of(long_run).done > 0)
    first.send_signal(signal.SIGTERM)
    assert first.wait(20) == 0
    assert 0 < state_of(long_run).done < ACCOUNTS
    assert is_handed_over(long_run)
    sandbox.faults(latency_ms=0)
    start("worker.py", "jobs")
    eventually(lambda: not RunStatus(state_of(long_run).status).is_open)
    ended = state_of(long_run)
    assert (ended.status, ended.added) == (RunStatus.SUCCEEDED, ACCOUNTS)
    assert db.session.scalar(select(func.count()).select_from(Customer)) == ACCOUNTS
    assert queue.failed_jobs() == []


def test_several_roles_of_one_start_stop_as_gently(long_run, start):
    shared = start("worker.py", "instant", "jobs", "scheduler")
    eventually(lambda: state_of(long_run).done > 0)
    shared.send_signal(signal.SIGTERM)
    assert shared.wait(20) == 0
    assert is_handed_over(long_run)
    assert queue.failed_jobs() == []


@pytest.fixture
def web(app, asha, start):
    """A web server as the deployment guide starts it, and its process."""
    port = free_port()
    process = start(
        "-m", "gunicorn", "--worker-class", "gthread", "--threads", "4", "--workers", "2", "--graceful-timeout", "30",
        "--bind", f"127.0.0.1:{port}", "zbweb.wsgi:app",
    )  # fmt: skip
    browser = Visitor(f"http://127.0.0.1:{port}")
    eventually(lambda: answers(browser))
    return process, browser


def answers(browser: Visitor) -> bool:
    try:
        return browser.get("/healthz").status_code == 200
    except urllib3.exceptions.HTTPError:
        return False


def test_a_web_server_that_is_told_to_stop_answers_whom_it_keeps_waiting(web, sandbox):
    process, browser = web
    browser.sign_in("asha@zylker.example", PASSWORD)
    sandbox.faults(latency_ms=300)
    answered = []
    asking = threading.Thread(target=lambda: answered.append(browser.post(CONNECT, KEY)))
    asking.start()
    eventually(sandbox.requests)
    process.send_signal(signal.SIGTERM)
    asking.join(30)
    assert [answer.status_code for answer in answered] == [303]
    assert process.wait(30) == 0


def test_a_reload_refuses_nobody(web):
    process, browser = web
    statuses, stop = [], threading.Event()

    def knock() -> None:
        while not stop.is_set():
            statuses.append(browser.get("/login").status_code)

    knocking = threading.Thread(target=knock)
    knocking.start()
    before = children(process.pid)
    process.send_signal(signal.SIGHUP)
    eventually(lambda: len(children(process.pid)) == 2 and not children(process.pid) & before)
    seen = len(statuses)
    eventually(lambda: len(statuses) > seen + 20)
    stop.set()
    knocking.join(30)
    assert set(statuses) == {200}


def children(pid: int) -> set[int]:
    return set(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))
