"""Two hosts, each with a data directory of its own, share one PostgreSQL and one Redis: any part may die."""

import os
import signal
import subprocess
import sys

import psycopg
import pytest
from sqlalchemy import text

from tests.conftest import make_config
from tests.factories.runs import state_of
from tests.factories.sync import connected
from tests.people import Person
from tests.sandbox_server import SandboxServer
from tests.servers import ROOT, environment_of, eventually, postgres_server
from zbweb.app import create_app
from zbweb.billing.models import Customer
from zbweb.db import db, unit_of_work
from zbweb.jobs import queue
from zbweb.sync import runs
from zbweb.sync.core.words import RunStatus, Trigger
from zbweb.sync.models import Link

ACCOUNTS = 2000


@pytest.fixture(scope="module")
def dsn():
    """A PostgreSQL of our own, since it is killed."""
    with postgres_server() as url:
        yield url


@pytest.fixture
def settings(tmp_path, redis_url, dsn, sandbox):
    queue.redis_at(redis_url).flushdb()
    return make_config(
        tmp_path, redis_url=redis_url, database_url=dsn, crm_accounts_url=sandbox.url, crm_api_url=sandbox.url
    )


@pytest.fixture
def sandbox():
    with SandboxServer() as server:
        server.reset(empty=True)
        yield server


@pytest.fixture
def app(settings):
    application = create_app(settings)
    application.config["WTF_CSRF_ENABLED"] = False
    with application.app_context():
        db.session.execute(text("DROP SCHEMA public CASCADE"))
        db.session.execute(text("CREATE SCHEMA public"))
        db.session.commit()
        db.create_all()
        yield application
        db.session.remove()
        db.engine.dispose()


@pytest.fixture
def hosts(settings, tmp_path):
    """Two hosts with a worker and a scheduler each."""
    started = []
    for name in ("one", "two"):
        home = tmp_path / name
        home.mkdir()
        environment = environment_of(settings) | {"ZBWEB_DATA_DIR": str(home)}
        command = [sys.executable, "worker.py", "jobs", "scheduler"]
        with (home / "log").open("wb") as log:
            started.append(
                subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log, start_new_session=True)
            )
    yield started
    for host in started:
        _kill(host)


def _kill(host) -> None:
    try:
        os.killpg(host.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    host.wait(20)


@pytest.fixture
def long_run(app, sandbox):
    """The id of a run that takes its time."""
    Person.make(app, "asha@zylker.example", "Asha Rao", "admin")
    sandbox.seed(accounts=ACCOUNTS, contacts_per_account=0)
    pair = connected(app, sandbox, scope="accounts", extent="fetch", policy="skip")
    sandbox.faults(latency_ms=400)
    with unit_of_work() as session:
        return runs.queue_run(session, pair.connection, trigger=Trigger.INSTANT, actor_name="Asha Rao").id


def assert_all_arrive_once(run_id, sandbox):
    sandbox.faults(latency_ms=0)
    eventually(lambda: not RunStatus(state_of(run_id).status).is_open, seconds=150)
    ended = state_of(run_id)
    assert (ended.status, ended.added, ended.done) == (RunStatus.SUCCEEDED, ACCOUNTS, ACCOUNTS)
    names = db.session.scalars(db.select(Customer.display_name)).all()
    links = db.session.scalars(db.select(Link.crm_id)).all()
    assert (len(names), len(set(names)), len(set(links))) == (ACCOUNTS, ACCOUNTS, ACCOUNTS)


def test_the_other_host_goes_on_when_the_one_at_work_dies(long_run, hosts, sandbox):
    eventually(lambda: state_of(long_run).done > 0, seconds=90)
    at_work = state_of(long_run).lease_owner.split("-")
    dying = next(host for host in hosts if any(str(pid) in at_work for pid in _family(host.pid)))
    _kill(dying)
    assert_all_arrive_once(long_run, sandbox)
    assert [host.poll() is None for host in hosts].count(True) == 1


def _family(pid: int) -> set[int]:
    """A process and all its children, as far down as there are any."""
    with open(f"/proc/{pid}/task/{pid}/children") as listed:
        children = [int(each) for each in listed.read().split()]
    return {pid}.union(*map(_family, children))


def test_a_sync_goes_on_when_postgresql_was_killed(long_run, hosts, sandbox, dsn):
    eventually(lambda: state_of(long_run).done > 0, seconds=90)
    db.session.remove()
    db.engine.dispose()
    with psycopg.connect(dsn.replace("+psycopg", ""), autocommit=True) as server:
        ours = "select pid from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()"
        victim = server.execute(ours).fetchone()[0]
        os.kill(victim, signal.SIGKILL)  # which makes PostgreSQL drop everybody and recover from its log
        eventually(lambda: _has_dropped(server))
    eventually(lambda: _answers(dsn))
    assert_all_arrive_once(long_run, sandbox)


def _has_dropped(server: psycopg.Connection) -> bool:
    try:
        server.execute("select 1")
    except psycopg.OperationalError:
        return True
    return False


def _answers(dsn: str) -> bool:
    try:
        psycopg.connect(dsn.replace("+psycopg", ""), connect_timeout=1).close()
    except psycopg.OperationalError:
        return False
    return True
