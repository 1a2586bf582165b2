"""The doctor names each trouble with what to do about it, and ends with 1 if there is one."""

import os
import shutil
from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography.fernet import Fernet
from rq import SimpleWorker
from rq.serializers import JSONSerializer

from tests.conftest import make_config
from tests.factories.sync import connected
from tests.product import DATABASE
from tests.sandbox_server import SandboxServer
from zbweb import cli, config
from zbweb.app import create_app
from zbweb.clock import now
from zbweb.db import db, unit_of_work, work_for
from zbweb.jobs import queue
from zbweb.sync.models import Connection
from zbweb.upkeep import doctor


@pytest.fixture
def sandbox():
    with SandboxServer() as server:
        server.reset()
        yield server


@pytest.fixture
def place(tmp_path, redis_url, within, sandbox, demo_data):
    """A place where all is well: migrated, connected, with a worker."""
    queue.redis_at(redis_url).flushdb()
    settings = make_config(
        tmp_path, redis_url=redis_url, crm_accounts_url=sandbox.url, crm_api_url=sandbox.url,
    )  # fmt: skip
    within(settings)
    shutil.copy(demo_data / DATABASE, tmp_path / "test.sqlite3")
    cli.prepare(with_demo=False)
    app = create_app(settings)
    with app.app_context():
        work_for(db.session(), 1)
        connected(app, sandbox, scope="accounts", extent="fetch", policy="skip")
        change(paused_at=None, next_sync_at=now() + timedelta(hours=1))
        waiting = queue.queues([queue.INSTANT, queue.SYNC])
        worker = SimpleWorker(waiting, connection=waiting[0].connection, serializer=JSONSerializer)
        worker.register_birth()
        yield settings
        worker.register_death()
        db.session.remove()
        db.engine.dispose()


def change(**values) -> None:
    with unit_of_work() as session:
        work_for(session, None)
        for name, value in values.items():
            setattr(session.query(Connection).one(), name, value)


def lines(said: str, check: str) -> str:
    return "\n".join(line for line in said.splitlines() if line[8:].startswith(check))


def test_all_is_well_and_every_check_says_so(place, command):
    code, said = command("doctor")
    assert "TROUBLE" not in said
    assert code == 0
    for check in doctor.CHECKS:
        assert lines(said, check), f"{check} says nothing"
    assert "answers" in lines(said, "crm")
    assert "seconds apart" in lines(said, "crm")


def test_a_disabled_connection_is_not_asked(place, command, sandbox):
    change(status="disabled")
    before = len(sandbox.requests())
    code, said = command("doctor")
    assert (code, "not asked" in lines(said, "crm")) == (0, True)
    assert len(sandbox.requests()) == before


def without_redis(place):
    config.use(replace(place, redis_url="redis://127.0.0.1:1/0"))


def without_redis_configured(place):
    config.use(replace(place, redis_url=""))


def without_database(place):
    config.use(replace(place, database_url=f"sqlite:///{place.data_dir}/missing/x.sqlite3"))


def with_an_empty_database(place):
    config.use(replace(place, database_url=f"sqlite:///{place.data_dir}/empty.sqlite3"))


def with_a_lost_key(place):
    config.use(replace(place, credential_keys=(Fernet.generate_key().decode(),)))


def with_a_late_slot(place):
    change(next_sync_at=now() - timedelta(hours=1))


def with_open_cookies(place):
    config.use(replace(place, public_url="https://billing.example"))


def with_a_key_everybody_reads(place):
    (place.data_dir / "secret.key").write_text("x")
    os.chmod(place.data_dir / "secret.key", 0o644)


@pytest.mark.parametrize(
    ("spoil", "check", "words"),
    [
        (without_redis,              "redis",       "ZBWEB_REDIS_URL"),
        (without_redis_configured,   "redis",       "ZBWEB_REDIS_URL"),
        (without_database,           "database",    "ZBWEB_DATABASE_URL"),
        (with_an_empty_database,     "migrations",  "zbweb.cli prepare"),
        (with_a_lost_key,            "credentials", "ZBWEB_CREDENTIAL_KEYS"),
        (with_a_late_slot,           "schedule",    "worker.py scheduler"),
        (with_open_cookies,          "settings",    "ZBWEB_SECURE_COOKIES"),
        (with_a_key_everybody_reads, "settings",    "chmod 600"),
    ],
)  # fmt: skip
def test_each_trouble_is_named_with_what_to_do(place, command, spoil, check, words):
    spoil(place)
    code, said = command("doctor")
    assert code == 1
    troubled = lines(said, check)
    assert "TROUBLE" in troubled
    assert words in troubled


def test_a_missing_worker_is_named(place, command, redis_url):
    queue.redis_at(redis_url).flushdb()
    code, said = command("doctor")
    assert (code, "worker.py jobs" in lines(said, "workers")) == (1, True)


def test_a_crm_that_refuses_or_is_away_is_named(place, command, sandbox):
    config.use(replace(place, crm_api_url="http://127.0.0.1:1", crm_accounts_url="http://127.0.0.1:1"))
    with unit_of_work() as session:
        from zbweb.crm.credentials import CrmCredential

        work_for(session, None)
        session.query(CrmCredential).one().api_url = "http://127.0.0.1:1"
    code, said = command("doctor")
    assert (code, "TROUBLE" in lines(said, "crm")) == (1, True), said


def test_a_clock_that_went_wrong_is_named(place, command, monkeypatch):
    monkeypatch.setattr(doctor, "now", lambda: now() + timedelta(minutes=3))  # this machine's clock is not ours to set
    code, said = command("doctor")
    assert (code, "NTP" in lines(said, "crm")) == (1, True), said


def test_a_full_disk_is_named(place, command, monkeypatch):
    full = type("Usage", (), {"free": 1 << 20, "total": 1 << 40})
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda path: full)  # nobody fills a real disk for a test
    code, said = command("doctor")
    assert (code, "make room" in lines(said, "disk")) == (1, True)


def test_no_secret_is_among_the_words(place, command):
    config.use(replace(place, database_url="postgresql+psycopg://someone:hush-hush@127.0.0.1:1/none"))
    _, said = command("doctor")
    assert "hush-hush" not in said
    assert place.credential_keys[0] not in said
    assert place.secret_key not in said
