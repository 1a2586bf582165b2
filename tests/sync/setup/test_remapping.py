"""A billing field is mapped to another CRM field after a first sync: nobody loses a value by it."""

import pytest
from sqlalchemy import select

from tests.factories.both_sides import link_of
from tests.factories.customers import make_customer
from tests.factories.links import make_connection, make_link
from tests.factories.sync import Partners, connected, hasty_client
from tests.people import Person
from zbweb.db import db, unit_of_work, work_for
from zbweb.sync import execution, runs
from zbweb.sync.core.fields import Table
from zbweb.sync.core.words import RunStatus, Trigger
from zbweb.sync.models import Link
from zbweb.sync.preview.rehearsal import preview
from zbweb.sync.setup import offer, remapping, wizard


@pytest.fixture
def join(app, asha, sandbox):
    """Connect with the choices a test is about."""

    def connect(**choices) -> Partners:
        return connected(app, sandbox, **({"scope": "accounts", "extent": "fetch", "policy": "skip"} | choices))

    return connect


def draft_mapping(partners, **changes):
    """Somebody maps account fields anew in the wizard."""
    with unit_of_work() as session:
        chosen = {**wizard.draft_of(partners.setup).mapping(Table.ACCOUNT), **changes}
        return wizard.keep(session, partners.connection, {"mappings": {"account": chosen}})


def remap(partners, asha, **changes):
    seen = draft_mapping(partners, **changes).stamp
    sight = offer.look(partners.client, ("Accounts",))
    with unit_of_work() as session:
        wizard.save(session, partners.connection, sight, seen=seen, actor=asha.actor)


def phone_of(partners):
    (customer,) = partners.customers()
    return customer.phone


def test_an_empty_field_of_the_crm_takes_no_value_away(join, asha):
    pair = join()
    pair.add("Accounts", Account_Name="Akamai", Phone="555")
    pair.sync()
    remap(pair, asha, phone="Account_Site")
    for _ in range(2):
        run = pair.sync()
        assert (run.status, run.updated, run.conflicts) == (RunStatus.SUCCEEDED, 0, 0)
        assert phone_of(pair) == "555"


def test_a_field_of_the_crm_that_holds_a_value_is_followed(join, asha):
    pair = join()
    crm_id = pair.add("Accounts", Account_Name="Akamai", Phone="555", Account_Site="777")
    pair.sync()
    remap(pair, asha, phone="Account_Site")
    pair.sync()
    assert phone_of(pair) == "777"
    pair.edit("Accounts", crm_id, Account_Site=None)
    pair.sync()
    assert phone_of(pair) == ""


def test_both_ways_the_new_field_is_filled_with_what_is_here(join, asha):
    pair = join(extent="both")
    pair.add("Accounts", Account_Name="Akamai", Phone="555")
    pair.sync()
    remap(pair, asha, phone="Account_Site")
    pair.sync()
    (account,) = pair.records("Accounts", "Phone", "Account_Site")
    assert (phone_of(pair), account["Account_Site"], account["Phone"]) == ("555", "555", "555")
    pair.forget_calls()
    pair.sync()
    assert pair.writes() == []


def test_a_run_that_began_before_takes_nothing_away_either(join, asha):
    pair = join()
    for first in (0, 100, 200):  # two pages of 200
        names = [f"Akamai {number}" for number in range(first, min(first + 100, 201))]
        pair.crm.insert("Accounts", [{"Account_Name": name, "Phone": "555"} for name in names])
    with unit_of_work() as session:
        run_id = runs.queue_run(session, pair.connection, trigger=Trigger.FIRST, actor_name="Asha Rao").id
    execution.execute(run_id, execution.Shift("slice", hasty_client, should_yield=lambda: True))
    assert len(pair.customers()) == 200
    remap(pair, asha, phone="Account_Site")
    assert pair.carry_out(run_id).status == RunStatus.SUCCEEDED
    assert pair.sync().updated == 0
    assert [each.phone for each in pair.customers()] == ["555"] * 201


def test_the_preview_of_a_draft_knows_it_too(join, asha):
    pair = join()
    pair.add("Accounts", Account_Name="Akamai", Phone="555")
    pair.sync()
    draft_mapping(pair, phone="Account_Site")
    found = preview(pair.connection, hasty_client(pair.connection), of_draft=True)
    assert found.groups == []
    customer = pair.customers()[0]
    assert link_of("customer", customer.id).snapshot["phone"] == "555"


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        # nothing moved
        ({"account": [("phone", "Phone")]}, {"account": [("phone", "Phone"), ("fax", "Fax")]}, {}),
        # to another field, and to none
        ({"account": [("phone", "Phone")]}, {"account": [("phone", "Fax")]}, {Table.ACCOUNT: ["phone"]}),
        ({"account": [("phone", "Phone")]}, {"account": []}, {Table.ACCOUNT: ["phone"]}),
        # a table that was read by the defaults until it was needed
        ({}, {"person": [("mobile", "Phone")]}, {"phone"}),
    ],
)
def test_only_fields_whose_crm_field_changed_have_moved(before, after, expected):
    tables = [
        {table: [{"field": field, "crm": crm} for field, crm in rows] for table, rows in each.items()}
        for each in (before, after)
    ]
    found = remapping.moved(*tables)
    if isinstance(expected, set):
        assert expected <= set(found[Table.PERSON])
    else:
        assert found == expected


def test_links_forget_the_moved_fields_alone(any_app):
    asha = Person.make(any_app, "asha@zylker.example", "Asha Rao", "admin")
    work_for(db.session(), asha.organisation_id)
    with unit_of_work() as session:
        connection = make_connection(session)
        for module in ("Accounts", "Contacts"):
            snapshot = {"phone": "ü1", "custom.my staff": 3, "fax": None}
            make_link(session, connection, make_customer(session), crm_module=module, snapshot=snapshot)
    with unit_of_work() as session:
        remapping.forget(session, connection.id, {Table.ACCOUNT: ["phone", "custom.my staff", "absent"]})
    found = dict(db.session.execute(select(Link.crm_module, Link.snapshot)).all())
    assert found == {"Accounts": {"fax": None}, "Contacts": {"phone": "ü1", "custom.my staff": 3, "fax": None}}
