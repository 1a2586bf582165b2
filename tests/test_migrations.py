"""The migrations lead to the models, on both databases, and back."""

import re
from decimal import Decimal

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config as AlembicConfig
from alembic.migration import MigrationContext
from sqlalchemy import inspect, make_url, select, text

from tests.conftest import make_config
from tests.factories.customers import make_customer
from tests.factories.transactions import make_invoice, pay
from zbweb.app import create_app
from zbweb.billing import customers, numbering
from zbweb.billing.contact_persons import PersonDraft
from zbweb.billing.founding import OrganisationDraft, appoint_admin
from zbweb.billing.journal import SYSTEM
from zbweb.billing.models import Customer, Payment
from zbweb.billing.naming import loose_key, name_key
from zbweb.billing.queries.customers import contains
from zbweb.cli import migrate
from zbweb.config import current
from zbweb.db import Base, db, unit_of_work, work_for
from zbweb.upkeep.doctor import examine


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
        is_sqlite = connection.dialect.name == "sqlite"
        is_for_it = lambda _, name, *__: not (is_sqlite and name == "ix_customers_trigrams")  # noqa: E731
        context = MigrationContext.configure(connection, opts={"include_object": is_for_it})
        assert compare_metadata(context, Base.metadata) == []


@pytest.fixture
def plain_role(postgres_url, tmp_path):
    """The app on a PostgreSQL where its role owns the tables, but may not add extensions."""
    owner = create_app(make_config(tmp_path, database_url=postgres_url))
    with owner.app_context(), db.engine.begin() as connection:
        for statement in (
            "DROP SCHEMA public CASCADE",
            "CREATE SCHEMA public",
            "DROP ROLE IF EXISTS plain",
            "CREATE ROLE plain LOGIN",
            "GRANT ALL ON SCHEMA public TO plain",
        ):
            connection.execute(text(statement))
    url = make_url(postgres_url).set(username="plain").render_as_string(hide_password=False)
    application = create_app(make_config(tmp_path, database_url=url))
    with application.app_context():
        yield application
        db.session.remove()
        db.engine.dispose()
    with owner.app_context():
        db.engine.dispose()


def test_a_role_that_may_not_add_extensions_migrates_all_the_same_and_the_doctor_says_what_it_lacks(plain_role):
    migrate()
    with unit_of_work() as session:
        work_for(session, None)
        answers, lack = (each.words for each in examine(session, current()) if each.check == "database")
    assert answers == "postgresql answers"
    assert "CREATE EXTENSION IF NOT EXISTS pg_trgm; CREATE INDEX" in lack


@pytest.mark.parametrize("empty_app", ["postgresql"], indirect=True)
def test_postgresql_finds_customers_by_words_without_reading_them_all(empty_app):
    migrate()
    found = select(Customer.id).where(contains("zylker"))
    with db.engine.begin() as connection:
        connection.execute(text("SET LOCAL enable_seqscan = off"))  # a table without rows is read whole else
        plan = connection.execute(
            text("EXPLAIN " + str(found.compile(connection, compile_kwargs={"literal_binds": 1})))
        )
    assert any("ix_customers_trigrams" in line for line in plan.scalars())


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


def test_names_with_letters_that_have_strokes_are_folded_anew(empty_app):
    migrate()
    with unit_of_work() as session:
        appoint_admin(
            session, OrganisationDraft("Zylker"), name="Asha", email="asha@zylker.example", password="long enough"
        )
        make_customer(session, display_name="Łódź & Øre ApS")
        session.execute(text("UPDATE customers SET name_key = 'łodz & øre aps', loose_key = 'łodz and øre aps'"))
    db.session.remove()
    with db.engine.connect() as connection:
        command.downgrade(alembic(connection), "0005")
    migrate()
    with db.engine.connect() as connection:
        keys = connection.execute(text("SELECT name_key, loose_key, search_key FROM customers")).one()
    assert (
        keys[:2] == (name_key("Łódź & Øre ApS"), loose_key("Łódź & Øre ApS")) == ("lodz & ore aps", "lodz and ore aps")
    )
    assert keys[2].startswith("lodz & ore aps")


def test_numbers_that_were_given_before_are_found_whatever_their_case(empty_app):
    migrate()
    with unit_of_work() as session:
        appoint_admin(
            session, OrganisationDraft("Zylker"), name="Asha", email="asha@zylker.example", password="long enough"
        )
        acme = make_customer(session)
        pay(session, acme, "5", invoices={make_invoice(session, acme, number="ÄB-1"): "5"})
    db.session.remove()
    with db.engine.connect() as connection:
        command.downgrade(alembic(connection), "0009")
    migrate()
    with unit_of_work() as session:
        work_for(session, acme.organisation_id)
        assert numbering.is_used(session, "invoices", "äb-1")
        assert numbering.is_used(session, "payments", "pmt-000001")


@pytest.mark.parametrize("empty_app", ["sqlite"], indirect=True)
def test_tables_that_are_rebuilt_keep_their_rows_indexes_and_what_refers_to_them(empty_app, tmp_path):
    migrate()
    with unit_of_work() as session:
        appoint_admin(
            session, OrganisationDraft("Zylker"), name="Asha", email="asha@zylker.example", password="long enough"
        )
        acme = make_customer(session, persons=(PersonDraft(first_name="Ada"),))
        pay(session, acme, "5", invoices={make_invoice(session, acme): "5"})
        customers.delete(session, make_customer(session, display_name="Gone"), actor=SYSTEM)
    before = rows()
    db.session.remove()
    with db.engine.connect() as connection:
        command.downgrade(alembic(connection), "0007")
        assert connection.exec_driver_sql("PRAGMA foreign_key_check").all() == []
        assert not any("AUTOINCREMENT" in sql for sql in schema(connection).values())
    migrate()
    assert rows() == before
    with unit_of_work() as session:
        work_for(session, acme.organisation_id)
        assert make_customer(session, display_name="Next").id == 3
    with db.engine.connect() as connection:
        migrated = schema(connection)
    with create_app(make_config(tmp_path, database_url=f"sqlite:///{tmp_path}/fresh.db")).app_context():
        db.create_all()
        with db.engine.connect() as connection:
            assert schema(connection) == {name: migrated[name] for name in schema(connection)}
        db.engine.dispose()


def rows():
    with db.engine.connect() as connection:
        return {
            table.name: [tuple(row) for row in connection.execute(select(table).order_by(table.c.id))]
            for table in Base.metadata.sorted_tables
            if "id" in table.c
        }


def schema(connection):
    """The words of the statements that made the rebuilt tables and their indexes; their order is only layout."""
    statement = text(
        "SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL AND tbl_name IN "
        "('customers', 'contact_persons', 'items', 'transactions', 'payments', 'outbox')"
    )
    return {name: sorted(re.findall(r"\w+", sql)) for name, sql in connection.execute(statement)}


def test_every_migration_can_be_taken_back(empty_app):
    migrate()
    with db.engine.connect() as connection:
        command.downgrade(alembic(connection), "base")
    assert set(inspect(db.engine).get_table_names()) <= {"alembic_version"}
