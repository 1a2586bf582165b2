"""What tests of the sync do on either side, and how they have a worker die."""

import datetime

import pytest
from sqlalchemy import select, update

from tests.factories.customers import make_customer
from zbweb.billing import customers
from zbweb.billing.contact_persons import PersonDraft
from zbweb.billing.models import OutboxRow, Transaction
from zbweb.clock import now
from zbweb.db import db, unit_of_work
from zbweb.sync.core.words import Entity
from zbweb.sync.models import Link, SyncRun


def person(first="Ada", last="Lovelace", **more):
    return PersonDraft(first_name=first, last_name=last, **more)


def add_customer(**values):
    with unit_of_work() as session:
        return make_customer(session, **values).id


def change(customer_id, actor, **values):
    with unit_of_work() as session:
        customers.change(session, customers.locked(session, customer_id), values=values, actor=actor)


def waiting():
    db.session.rollback()
    rows = db.session.scalars(select(OutboxRow).execution_options(populate_existing=True))
    return {(row.entity, row.entity_id) for row in rows if row.entity in set(Entity)}


def outcomes(partners, run):
    return [(entry.direction, entry.outcome, entry.reason, entry.name) for entry in partners.entries(run)]


def link_of(entity, entity_id):
    db.session.rollback()
    return db.session.scalar(
        select(Link).where(Link.entity == entity, Link.entity_id == entity_id, Link.state == "active")
        .execution_options(populate_existing=True)
    )  # fmt: skip


def bill(customer_id):
    with unit_of_work() as session:
        session.add(
            Transaction(
                organisation_id=session.info["organisation_id"],
                kind="invoices",
                customer_id=customer_id,
                date=datetime.date(2026, 11, 1),
                currency="USD",
            )
        )


def fill_both_sides(partners):
    """Records of all kinds on both sides, namesakes among them."""
    partners.sandbox.seed(accounts=4, contacts_per_account=2, loose_contacts=2)
    acme = partners.add("Accounts", Account_Name="Acme Ltd", Phone="crm", Website="https://acme.example")
    partners.add("Contacts", First_Name="Ada", Last_Name="Lovelace", Account_Name={"id": acme}, Mobile="1")
    partners.add("Contacts", First_Name="Alan", Last_Name="Turing", Salutation="Dr.")
    add_customer(display_name="Acme Ltd", phone="ours", fax="7", persons=(person(email="ada@acme.example"),))
    add_customer(display_name="Zylker Export", company_name="Zylker Export and Sons", persons=(person("Bo", ""),))
    add_customer(type="individual", display_name="Alan Turing", first_name="Alan", last_name="Turing", phone="2")
    add_customer(
        type="individual", display_name="The countess", first_name="Ada", last_name="King", notes="  two\nlines "
    )
    add_customer(type="individual", display_name="Prince")


# --- a worker dies ----------------------------------------------------------------------------------


class Killed(BaseException):
    """kill -9: nothing that comes after it happens."""


def dies(partners, *, before=None, after=None):
    """A way to open clients whose worker dies before or after the named call."""

    def open_client(connection):
        client = partners.client
        name = before or after
        inner = getattr(client, name)

        def call(*args, **kwargs):
            if after:
                inner(*args, **kwargs)
            raise Killed

        setattr(client, name, call)
        return client

    return open_client


def sync_and_die(partners, **when):
    with pytest.raises(Killed):
        partners.sync(open_client=dies(partners, **when))
    return release_leases()


def release_leases():
    """The dead worker's lease runs out."""
    with unit_of_work() as session:
        session.execute(update(SyncRun).values(lease_until=now() - datetime.timedelta(seconds=1)))
        return session.scalars(select(SyncRun.id).where(SyncRun.status == "running")).one()
