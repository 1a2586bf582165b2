"""The migrations lead to the models, on both databases, and back."""

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config as AlembicConfig
from alembic.migration import MigrationContext
from sqlalchemy import inspect, text

from tests.conftest import make_config
from zbweb.app import create_app
from zbweb.cli import migrate
from zbweb.db import Base, db


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_app(request, tmp_path):
    """The app on a database without tables."""
    changes = {}
    if request.param == "postgresql":
        changes["database_url"] = request.getfixturevalue("postgres_url")
    application = create_app(make_config(tmp_path, **changes))
    with application.app_context():
        if request.param == "postgresql":
            with db.engine.begin() as connection:
                connection.execute(text("DROP SCHEMA public CASCADE"))
                connection.execute(text("CREATE SCHEMA public"))
        yield application
        db.session.remove()
        db.engine.dispose()


def test_a_migrated_database_is_what_the_models_say(empty_app):
    migrate()
    with db.engine.connect() as connection:
        context = MigrationContext.configure(connection)
        assert compare_metadata(context, Base.metadata) == []


def test_migrating_twice_changes_nothing(empty_app):
    migrate()
    migrate()
    assert set(Base.metadata.tables) <= set(inspect(db.engine).get_table_names())


def test_every_migration_can_be_taken_back(empty_app):
    migrate()
    settings = AlembicConfig()
    settings.set_main_option("script_location", "zbweb:migrations")
    with db.engine.connect() as connection:
        settings.attributes["connection"] = connection
        command.downgrade(settings, "base")
    assert set(inspect(db.engine).get_table_names()) <= {"alembic_version"}
