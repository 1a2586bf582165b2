"""Fixtures that every test may use: an app on a fresh SQLite file, and PostgreSQL where it matters.

`app` is empty but for the tables; `tests.factories` makes the people and records a test is about.
"""

import shutil
from pathlib import Path

import hypothesis
import pytest
from flask import Flask
from flask.testing import FlaskClient
from jinja2 import FileSystemBytecodeCache
from sqlalchemy import text
from sqlalchemy.orm import Session

from tests.once import remember_rules, share_statements
from tests.people import Person
from tests.product import prepared
from tests.servers import postgres_server, redis_server
from zbweb.app import create_app
from zbweb.config import Config
from zbweb.db import db

hypothesis.settings.register_profile(
    "shared machine", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("shared machine")
remember_rules()


LONGEST = (
    "tests/browser/test_accessibility.py", "tests/browser/test_survival.py", "tests/sync/test_convergence.py",
    "tests/sync/test_documents_convergence.py", "tests/browser/", "tests/test_hosts.py", "tests/test_secrets.py",
    "tests/upkeep/", "tests/test_restart.py", "tests/web/test_fuzz.py",
)  # fmt: skip
"""Few tests that take long. A worker is given whole modules: begun last, these leave the other one idle at the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest; all else stays in its order."""

    def place(item: pytest.Item) -> int:
        return next((n for n, start in enumerate(LONGEST) if item.nodeid.startswith(start)), len(LONGEST))

    items.sort(key=place)


@pytest.fixture(scope="session")
def redis_url():
    """A real redis-server for the whole session."""
    with redis_server() as url:
        yield url


@pytest.fixture(scope="session")
def postgres_url():
    """A real PostgreSQL for the whole session."""
    with postgres_server() as url:
        yield url


def make_config(tmp_path, **changes):
    settings = {
        "data_dir": tmp_path,
        "database_url": f"sqlite:///{tmp_path / 'test.sqlite3'}",
        "secret_key": "a secret of the tests",
        "credential_keys": ("vpBVC5CyOpuKSYNqG8DgnCCh2Xn5Hk0yQm8pMZ2Zs2w=",),
        "public_url": "http://127.0.0.1:8000",
    }
    return Config(**(settings | changes))


@pytest.fixture
def settings(tmp_path):
    """The configuration `app` is made with; override the fixture to change it."""
    return make_config(tmp_path)


@pytest.fixture(scope="session")
def compiled_templates(tmp_path_factory) -> FileSystemBytecodeCache:
    """Templates are compiled once and not by each test's app: that took longer than most tests."""
    return FileSystemBytecodeCache(str(tmp_path_factory.mktemp("templates")))


def make_app(settings, templates: FileSystemBytecodeCache) -> Flask:
    application = create_app(settings)
    application.config["WTF_CSRF_ENABLED"] = False
    application.jinja_env.bytecode_cache = templates
    with application.app_context():
        share_statements(db.engine)
    return application


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory) -> Path:
    """A SQLite file with nothing but the tables, made once and copied for each test."""
    settings = make_config(tmp_path_factory.mktemp("empty"))
    with create_app(settings).app_context():
        db.create_all()
        db.session.remove()
        db.engine.dispose()
    return settings.data_dir / "test.sqlite3"


@pytest.fixture(scope="session")
def demo_data(tmp_path_factory) -> Path:
    """A data directory with migrated tables and demo data, made once and copied for whoever needs one."""
    return prepared(tmp_path_factory.mktemp("demo"))


@pytest.fixture
def first_database(empty_database) -> Path:
    """The SQLite file that `app` begins with a copy of; override the fixture to begin with another."""
    return empty_database


@pytest.fixture
def app(settings, compiled_templates, first_database) -> Flask:
    shutil.copy(first_database, settings.data_dir / "test.sqlite3")
    application = make_app(settings, compiled_templates)
    with application.app_context():
        db.create_all()  # where a test's own settings name another database
        yield application
        db.session.remove()
        db.engine.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def any_app(request, tmp_path, compiled_templates):
    """The app on SQLite and again on PostgreSQL, for what differs between them."""
    changes = {}
    if request.param == "postgresql":
        changes["database_url"] = request.getfixturevalue("postgres_url")
    application = make_app(make_config(tmp_path, **changes), compiled_templates)
    with application.app_context():
        if request.param == "postgresql":
            db.session.execute(text("DROP SCHEMA public CASCADE"))
            db.session.execute(text("CREATE SCHEMA public"))
            db.session.commit()
        db.create_all()
        yield application
        db.session.remove()
        db.engine.dispose()


@pytest.fixture
def session(app) -> Session:
    return db.session()


@pytest.fixture
def client(app) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def asha(app) -> Person:
    """Asha is the admin of Zylker Ltd, and signed in."""
    return Person.make(app, "asha@zylker.example", "Asha Rao", "admin")


@pytest.fixture
def ben(asha, app) -> Person:
    """Ben sells for Zylker Ltd, and is signed in."""
    return Person.make(app, "ben@zylker.example", "Ben Okafor", "sales")


@pytest.fixture
def chen(asha, app) -> Person:
    """Chen keeps the books of Zylker Ltd, and is signed in."""
    return Person.make(app, "chen@zylker.example", "Chen Wei", "finance")


@pytest.fixture
def dora(app) -> Person:
    """Dora is the admin of another organisation: a stranger to Zylker's records."""
    return Person.make(app, "dora@other.example", "Dora Lindqvist", "admin", organisation="Other GmbH")
