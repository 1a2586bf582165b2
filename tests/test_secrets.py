"""No secret shows: not in logs, not on pages, not in tracebacks, not in what lies on the disk."""

import json
import re
import shutil
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from structlog.testing import capture_logs

from tests.addresses import pages
from tests.conftest import make_config
from tests.crm_pages import CONNECT, DETAILS, KEY, confirm, walk
from tests.product import DATABASE, PASSWORD, Product, running
from tests.visitor import Visitor
from zbweb.app import create_app
from zbweb.config import from_env

ROOT = Path(__file__).parent.parent
TYPED_WRONG = "ZSC-TYPED-WRONG"


@pytest.fixture(scope="module")
def product(demo_data, tmp_path_factory):
    with running(shutil.copytree(demo_data, tmp_path_factory.mktemp("secrets") / "data")) as started:
        yield started


@pytest.fixture(scope="module")
def admin(product) -> Visitor:
    """An admin who connected, with a wrong key first, and saw a sync succeed and others fail."""
    visitor = Visitor(product.url)
    visitor.sign_in("admin@example.com", PASSWORD)
    assert visitor.post(CONNECT, {**KEY, "zsc_key": TYPED_WRONG}).status_code == 422
    assert visitor.post(CONNECT, KEY).status_code == 303
    assert walk(visitor).status_code == 303
    assert confirm(visitor, "sync").status_code == 303
    await_runs(visitor, 1)
    for fault in (
        {"fail_next": [{"status": 500, "count": 40, "path": "/crm/v8/Accounts"}]},
        {"fail_next": [{"status": 401, "count": 40, "path": "/crm/v8/Accounts"}], "expire_tokens": True},
    ):
        product.control("faults", fault)
        visitor.post(f"{DETAILS}/instant-sync")
        time.sleep(3)
        product.control("faults", {"fail_next": []})
    return visitor


def await_runs(visitor: Visitor, count: int) -> None:
    deadline = time.monotonic() + 60
    while visitor.get(f"{DETAILS}/history").text.count("Succeeded</span>") < count:
        assert time.monotonic() < deadline
        time.sleep(0.3)


def secrets_of(product: Product) -> dict[str, str]:
    """Every secret of the running product, by what it is."""
    key = (product.data_dir / "credential.key").read_text()
    with sqlite3.connect(product.data_dir / DATABASE) as database:
        (sealed, access), *_ = database.execute("SELECT sealed_secrets, sealed_access_token FROM crm_credentials")
        (hashed,), *_ = database.execute("SELECT password_hash FROM users")
        (hook, channel), *_ = database.execute("SELECT hook_token, channel_secret FROM connections")
    database.close()
    kept = json.loads(Fernet(key).decrypt(sealed))
    found = {
        "the ZSC key": KEY["zsc_key"],
        "the access token": Fernet(key).decrypt(access).decode(),
        "the refresh token": kept["refresh_token"],
        "the credential key": key,
        "the cookies' key": (product.data_dir / "secret.key").read_text(),
        "a password": PASSWORD,
        "a password's hash": hashed,
        "the notifications' address": hook,
        "the notifications' token": channel,
        "a wrong key": TYPED_WRONG,
    }
    return {what: secret for what, secret in found.items() if secret}


def told(text: str, secrets: dict[str, str]) -> list[str]:
    return [what for what, secret in secrets.items() if secret in text]


def test_there_is_something_to_hide(product, admin):
    found = secrets_of(product)
    assert {"the ZSC key", "the access token", "the credential key"} <= set(found)
    assert all(len(secret) >= 8 for secret in found.values())


def test_no_log_holds_a_secret(product, admin):
    log = (product.data_dir / "product.log").read_text()
    assert "run_failed" in log or "crm_call_repeated" in log, "the failing syncs left no line"
    assert told(log, secrets_of(product)) == []
    assert told((product.data_dir / "redis" / "redis.log").read_text(), secrets_of(product)) == []


def test_no_page_shows_a_secret(product, admin):
    database = product.data_dir / DATABASE
    app = create_app(make_config(product.data_dir, database_url=f"sqlite:///{database}"))
    secrets, seen = secrets_of(product), 0
    for path in [*pages(app, database), "/no-such-page"]:
        answer = admin.get(path)
        assert answer.status_code < 500, path
        assert (path, told(answer.text, secrets)) == (path, [])
        seen += answer.status_code == 200
    assert seen > 50


def test_what_lies_on_the_disk_is_sealed(product, admin):
    never_plain = {
        what: secret
        for what, secret in secrets_of(product).items()
        if what.startswith(("the ZSC", "the access", "the refresh", "a password"))
    }
    never_plain = {what: secret.encode() for what, secret in never_plain.items() if "hash" not in what}
    files = [product.data_dir / DATABASE, product.data_dir / "zbweb.sqlite3-wal"]
    files += [path for path in (product.data_dir / "redis").rglob("*") if path.is_file()]
    for file in filter(Path.exists, files):
        content = file.read_bytes()
        assert (file.name, [what for what, secret in never_plain.items() if secret in content]) == (file.name, [])


def test_key_files_are_their_owners_alone(product):
    for name in ("secret.key", "credential.key"):
        assert (product.data_dir / name).stat().st_mode & 0o077 == 0


_BREAKS = """
import structlog
from zbweb.logs import configure

configure()
password = "hush-hush"
try:
    {}["missing"]
except KeyError:
    structlog.get_logger().exception("broke", kind="KeyError")
"""


def test_a_logged_traceback_holds_no_values_of_variables():
    done = subprocess.run(
        [sys.executable, "-c", _BREAKS.replace('password = "hush-hush"', 'password = "-".join(["hush"] * 2)')],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    line = json.loads(done.stderr)
    assert "KeyError: 'missing'" in line["exception"]
    assert "hush-hush" not in done.stderr


def test_a_statement_that_fails_is_logged_without_its_values(app, asha):
    from sqlalchemy import text as sql
    from sqlalchemy.exc import OperationalError

    from zbweb.db import db

    with pytest.raises(OperationalError) as broken:
        db.session.execute(sql("SELECT * FROM missing WHERE name = :name"), {"name": "hush-hush"})
    assert "hush-hush" not in str(broken.value)


def test_a_broken_page_tells_its_reader_nothing_of_the_inside(app, asha):
    def fail():
        secret = "hush-hush"
        raise RuntimeError(secret)

    fail.allowed_roles = frozenset({"admin"})
    app._got_first_request = False  # a view that only this test has
    app.add_url_rule("/broken", "broken", fail)
    app.config["PROPAGATE_EXCEPTIONS"] = False
    with capture_logs() as logs:
        answer = asha.get("/broken")
    assert answer.status_code == 500
    (told,) = [each for each in logs if each["event"] == "unexpected_error"]
    assert f"The log has it under {told['reference']}." in answer.text
    assert "hush-hush" not in answer.text
    assert "RuntimeError" not in answer.text
    assert "Traceback" not in answer.text


def test_settings_do_not_show_secrets_when_they_are_printed(tmp_path):
    environment = {
        "ZBWEB_DATA_DIR": str(tmp_path),
        "ZBWEB_SECRET_KEY": "hush-cookies",
        "ZBWEB_CREDENTIAL_KEYS": Fernet.generate_key().decode(),
        "ZBWEB_DATABASE_URL": "postgresql+psycopg://zbweb:hush-database@127.0.0.1/zbweb",
        "ZBWEB_REDIS_URL": "redis://:hush-redis@127.0.0.1:6379/0",
        "ZBWEB_METRICS_TOKEN": "hush-metrics",
        "ZBWEB_SMTP_URL": "smtp://someone:hush-mail@127.0.0.1:25",
    }
    shown = repr(from_env(environment))
    assert re.findall(r"hush-\w+", shown) == []
    assert environment["ZBWEB_CREDENTIAL_KEYS"] not in shown
