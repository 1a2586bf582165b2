"""The migrations lead to the models, on both databases, and back."""

from decimal import Decimal

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config as AlembicConfig
from alembic.migration import MigrationContext
from sqlalchemy import inspect, select, text

from tests.conftest import make_config
from tests.factories.customers import make_customer
from tests.factories.transactions import pay
from zbweb.app import create_app
from zbweb.billing.founding import OrganisationDraft, appoint_admin
from zbweb.billing.models import Payment
from zbweb.cli import migrate
from zbweb.db import Base, db, unit_of_work


def alembic(connection) -> AlembicConfig:
    """What Alembic's commands want to know."""
    settings = AlembicConfig()
    settings.set_main_option("script_location", "zbweb:migrations")
    settings.attributes["connection"] = connection
    return settings


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


def test_exchange_rates_are_the_same_before_and_after_they_got_more_places(empty_app):
    migrate()
    with unit_of_work() as session:
        appoint_admin(
            session, OrganisationDraft("Zylker"), name="Asha", email="asha@zylker.example", password="long enough"
        )
        pay(session, make_customer(session, currency="EUR"), "5", exchange_rate=Decimal("1.08"))
    db.session.remove()
    held = text("SELECT exchange_rate FROM payments")
    with db.engine.connect() as connection:
        command.downgrade(alembic(connection), "0001")
        is_scaled = connection.dialect.name == "sqlite"
        assert connection.scalar(held) == (1_080_000 if is_scaled else Decimal("1.080000"))
    migrate()
    with db.engine.connect() as connection:
        assert connection.scalar(select(Payment.__table__.c.exchange_rate)) == Decimal("1.08")


def test_every_migration_can_be_taken_back(empty_app):
    migrate()
    with db.engine.connect() as connection:
        command.downgrade(alembic(connection), "base")
    assert set(inspect(db.engine).get_table_names()) <= {"alembic_version"}
