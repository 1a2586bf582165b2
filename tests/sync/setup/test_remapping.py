"""A billing field is mapped to another CRM field after a first sync: nobody loses a value by it."""

from contextlib import suppress

import pytest
from sqlalchemy import select

from tests.factories.both_sides import link_of
from tests.factories.customers import make_customer
from tests.factories.links import make_connection, make_link
from tests.factories.runs import make_entry, make_run
from tests.factories.sync import Partners, connected, hasty_client
from tests.people import Person
from tests.races import overtaken
from zbweb.billing import customers
from zbweb.billing.journal import SYSTEM
from zbweb.db import db, unit_of_work, work_for
from zbweb.errors import NotFound
from zbweb.sync import execution, runs
from zbweb.sync.core.fields import Table
from zbweb.sync.core.words import RunStatus, Trigger
from zbweb.sync.models import Connection, Link, SyncRun
from zbweb.sync.notifications import arrivals
from zbweb.sync.preview.rehearsal import preview
from zbweb.sync.pull import picking
from zbweb.sync.repair import conflicts
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


class _Meanwhile:
    """A client during whose reading somebody does something else."""

    def __init__(self, client, deed):
        self._client, self._deed = client, deed

    def __getattr__(self, name):
        return getattr(self._client, name)

    def get_many(self, *args):
        found = self._client.get_many(*args)
        deed, self._deed = self._deed, lambda: None
        deed()
        return found


def test_a_record_that_was_being_picked_meanwhile_loses_nothing_either(join, asha):
    pair = join()
    crm_id = pair.add("Accounts", Account_Name="Akamai", Phone="555")
    pair.sync()
    client = _Meanwhile(pair.client, lambda: remap(pair, asha, phone="Account_Site"))
    picking.fetch_one(pair.connection, "Accounts", crm_id, actor=asha.actor, client=client)
    pair.sync()
    assert phone_of(pair) == "555"


def test_nor_one_of_which_the_crm_had_told_that_it_changed(join, asha):
    pair = join()
    crm_id = pair.add("Accounts", Account_Name="Akamai", Phone="555")
    began = pair.sync().started_at
    pair.edit("Accounts", crm_id, Fax="1")
    client = _Meanwhile(pair.client, lambda: remap(pair, asha, phone="Account_Site"))
    assert arrivals.bring(pair.connection, "Accounts", [crm_id], began, client)
    pair.sync()
    assert phone_of(pair) == "555"


def test_nor_one_that_was_picked_before_anybody_chose_a_mapping(app, asha, sandbox):
    pair = connected(app, sandbox, scope="accounts")
    with unit_of_work():
        pair.setup.version, pair.setup.mappings = 0, {}
    crm_id = pair.add("Accounts", Account_Name="Akamai", Phone="555")
    picking.fetch_one(pair.connection, "Accounts", crm_id, actor=asha.actor, client=pair.client)
    assert phone_of(pair) == "555"
    remap(pair, asha, phone="Account_Site")
    pair.sync()
    assert phone_of(pair) == "555"


@pytest.mark.parametrize("side", list(conflicts.Side))
def test_a_conflict_about_a_moved_field_is_over(join, asha, side):
    pair = join(extent="both", winner="ask")
    crm_id = pair.add("Accounts", Account_Name="Akamai", Phone="555")
    pair.sync()
    pair.edit("Accounts", crm_id, Phone="666")
    (customer,) = pair.customers()
    with unit_of_work() as session:
        customers.change(session, customers.locked(session, customer.id), values={"phone": "777"}, actor=asha.actor)
    pair.sync()
    (conflict,) = conflicts.open_conflicts(db.session(), pair.connection_id)
    remap(pair, asha, phone="Account_Site")
    with suppress(NotFound), unit_of_work() as session:
        conflicts.resolve(session, conflict.entry.id, {"phone": side}, actor=asha.actor)
    pair.sync()
    assert phone_of(pair) in {"777", "666"}
    (account,) = pair.records("Accounts", "Account_Site")
    assert account["Account_Site"] == phone_of(pair)


def test_open_conflicts_about_the_moved_fields_alone_are_over(any_app):
    asha = Person.make(any_app, "asha@zylker.example", "Asha Rao", "admin")
    work_for(db.session(), asha.organisation_id)
    diffs = [{"phone": ["1", "2"]}, {"fax": ["1", ""]}, {"fax": ["1", ""], "custom.my staff": [3, None]}]
    with unit_of_work() as session:
        connection = make_connection(session)
        run = make_run(session, connection)
        ids = [make_entry(session, run, outcome="conflict", reason="both_changed", diff=each).id for each in diffs]
    with unit_of_work() as session:
        remapping.forget(session, connection.id, {Table.ACCOUNT: ["phone", "custom.my staff"]})
    assert [each.entry.id for each in conflicts.open_conflicts(db.session(), connection.id)] == [ids[1]]


@pytest.mark.parametrize("saves", [True, False], ids=["saves the setup", "picks a record"])
def test_a_run_notes_how_far_it_has_read_while_somebody(any_app, sandbox, saves):
    pair = connected(any_app, sandbox, scope="accounts")
    crm_id = pair.add("Accounts", Account_Name="Akamai")
    seen, sight = draft_mapping(pair, phone="Account_Site").stamp, offer.look(pair.client, ("Accounts",))
    with unit_of_work() as session:
        run_id = runs.queue_run(session, pair.connection, trigger=Trigger.FIRST, actor_name="Asha Rao").id
        runs.claim(session, run_id, "slice")

    def read(session):
        run = session.get_one(SyncRun, run_id, with_for_update=True)
        session.get_one(Connection, run.connection_id).credits_remaining = 7
        session.flush()

    def note(session):
        runs.setup_of(session, pair.connection_id, "customers", lock=True).watermarks = {"Accounts": "2026-01-01"}

    def deed(session):
        connection = session.get_one(Connection, pair.connection_id)
        if saves:
            wizard.save(session, connection, sight, seen=seen, actor=SYSTEM)
            runs.queue_run(session, connection, trigger=Trigger.FIRST, actor_name="Asha Rao")
        else:
            client = _Meanwhile(hasty_client(connection), lambda: None)
            client.credits_remaining = 5
            picking.fetch_one(connection, "Accounts", crm_id, actor=SYSTEM, client=client)

    assert overtaken(any_app, read, deed, at_last=note) is None
    assert (pair.setup.version, pair.setup.watermarks == {}) == ((2, True) if saves else (1, False))
