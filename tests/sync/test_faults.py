"""What goes wrong while a sync is going on: nothing is lost, nothing is there twice, and the next sync repairs."""

import pytest
from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from tests.factories.both_sides import add_customer, change, link_of, release_leases, waiting
from tests.factories.sync import Partners, connected, hasty_client
from zbweb.db import db, unit_of_work
from zbweb.sandbox.catalog import load_catalog
from zbweb.sandbox.custom_fields import create_field
from zbweb.sync import execution, runs
from zbweb.sync.core.words import RunStatus, Trigger
from zbweb.sync.models import Link

ACCOUNTS = 450


@pytest.fixture
def pair(app, asha, sandbox) -> Partners:
    sandbox.seed(accounts=ACCOUNTS, contacts_per_account=0)
    return connected(app, sandbox, scope="accounts", extent="both", policy="skip")


@pytest.fixture
def half_way(pair) -> int:
    """The id of a run that has read its first page."""
    with unit_of_work() as session:
        run_id = runs.queue_run(session, pair.connection, trigger=Trigger.FIRST, actor_name="Asha").id
    assert not execution.execute(run_id, execution.Shift("slice", hasty_client, should_yield=lambda: True))
    return run_id


def assert_all_are_here_once(pair, count=ACCOUNTS):
    there = {each["id"]: each["Account_Name"] for each in pair.records("Accounts", "Account_Name")}
    here = [each.display_name for each in pair.customers()]
    assert (len(here), sorted(here), pair.count(Link)) == (count, sorted(there.values()), count)


def test_a_key_that_is_revoked_in_the_middle_stops_the_run_with_a_sentence(pair, half_way):
    pair.sandbox.faults(revoke_zsc_key=True, expire_tokens=True)
    ended = pair.carry_out(half_way)
    assert ended.status == RunStatus.FAILED
    assert pair.connection.problem
    assert len(pair.customers()) == 200, "what had come stays"


def test_a_list_that_moves_while_it_is_read_loses_nobody(pair, half_way):
    ids = [each["id"] for each in pair.records("Accounts")]
    pair.drop("Accounts", ids[0], ids[-1], ids[200], ids[250])
    pair.edit("Accounts", ids[1], Phone="new")
    pair.edit("Accounts", ids[-2], Phone="new")
    pair.add("Accounts", Account_Name="Made meanwhile")
    pair.carry_out(half_way)
    assert pair.sync().status == RunStatus.SUCCEEDED
    assert_all_are_here_once_but(pair, gone=4, added=1)
    assert [each.phone for each in pair.customers()].count("new") == 2


def test_what_changed_behind_the_reader_is_fetched_next_however_long_the_read_took(pair, half_way):
    pair.edit("Accounts", pair.records("Accounts")[-1]["id"], Phone="new")  # the newest were read first
    pair.sandbox.faults(clock_skew_seconds=7200)
    assert pair.carry_out(half_way).status == RunStatus.SUCCEEDED
    before = [each.phone for each in pair.customers()].count("new")
    assert pair.sync().status == RunStatus.SUCCEEDED
    assert (before, [each.phone for each in pair.customers()].count("new")) == (0, 1)


def assert_all_are_here_once_but(pair, *, gone, added):
    there = sorted(each["Account_Name"] for each in pair.records("Accounts", "Account_Name"))
    assert sorted(each.display_name for each in pair.customers()) == there
    assert len(there) == ACCOUNTS - gone + added


def test_a_storm_of_refusals_for_being_too_fast_is_waited_out(pair):
    pair.sandbox.faults(retry={"count": 3, "after_seconds": 1})
    add_customer(display_name="Ours")
    assert pair.sync().status == RunStatus.SUCCEEDED
    assert_all_are_here_once(pair, ACCOUNTS + 1)


def test_a_storm_that_does_not_end_fails_the_push_and_the_next_sync_sends_everything_once(pair, asha):
    pair.sync()
    add_customer(display_name="Ours")
    first = pair.customers()[0].id
    change(first, asha.actor, phone="ours")
    storm = {"status": 429, "count": 50, "path": "/crm/v8/Accounts"}
    pair.sandbox.faults(fail_next=[{**storm, "method": "POST"}, {**storm, "method": "PUT"}])
    assert pair.sync().status == RunStatus.FAILED
    pair.sandbox.faults(fail_next=[])
    assert pair.sync().status == RunStatus.SUCCEEDED
    assert_all_are_here_once(pair, ACCOUNTS + 1)
    assert waiting() == set()


def test_a_full_disk_stops_the_run_and_room_lets_it_go_on(pair, half_way):
    pages = {"most": 1}  # which SQLite takes as: no more than there are

    def limit(connection):
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages['most']}")

    event.listen(db.engine, "begin", limit)
    with pytest.raises(OperationalError, match="full"):
        pair.carry_out(half_way)
    pages["most"] = 2**30
    assert pair.carry_out(release_leases()).status == RunStatus.SUCCEEDED
    assert_all_are_here_once(pair)


def test_a_field_that_is_removed_in_the_middle_leaves_our_values_alone(app, asha, sandbox):
    sandbox.seed(accounts=250, contacts_per_account=0)
    with_field(sandbox)
    name = "Telex"
    pair = connected(app, sandbox, scope="accounts", extent="both", mappings={"account": {"fax": name}})
    ids = [each["id"] for each in pair.records("Accounts")]
    pair.crm.update("Accounts", [{"id": each, name: "7"} for each in ids[:50]])
    pair.crm.update("Accounts", [{"id": each, name: "7"} for each in ids[-50:]])
    with unit_of_work() as session:
        run_id = runs.queue_run(session, pair.connection, trigger=Trigger.FIRST, actor_name="Asha").id
    assert not execution.execute(run_id, execution.Shift("slice", hasty_client, should_yield=lambda: True))
    remove_field(sandbox, name)
    assert pair.carry_out(run_id).status == RunStatus.SUCCEEDED
    assert len(pair.customers()) == 250
    kept = next(each for each in pair.customers() if each.fax == "7")
    change(kept.id, asha.actor, fax="8", phone="9")
    pair.edit("Accounts", link_of("customer", kept.id).crm_id, Website="new.example")
    assert pair.sync().status == RunStatus.SUCCEEDED
    now_here = next(each for each in pair.customers() if each.id == kept.id)
    assert (now_here.fax, now_here.phone, now_here.website) == ("8", "9", "new.example")
    pair.forget_calls()
    assert pair.sync().status == RunStatus.SUCCEEDED
    assert pair.writes() == []


def test_a_field_that_is_renamed_in_the_middle_goes_on_under_its_own_name(app, asha, sandbox):
    """People rename what they read; the name that the API knows stays."""
    sandbox.seed(accounts=250, contacts_per_account=0)
    with_field(sandbox)
    pair = connected(app, sandbox, scope="accounts", extent="both", mappings={"account": {"fax": "Telex"}})
    pair.crm.update("Accounts", [{"id": each["id"], "Telex": "7"} for each in pair.records("Accounts")[:100]])
    with unit_of_work() as session:
        run_id = runs.queue_run(session, pair.connection, trigger=Trigger.FIRST, actor_name="Asha").id
    assert not execution.execute(run_id, execution.Shift("slice", hasty_client, should_yield=lambda: True))
    rename_field(sandbox, "Telex", "Teleprinter")
    assert pair.carry_out(run_id).status == RunStatus.SUCCEEDED
    assert sum(each.fax == "7" for each in pair.customers()) == 100
    pair.forget_calls()
    assert pair.sync().status == RunStatus.SUCCEEDED
    assert pair.writes() == []


def with_field(sandbox, label="Telex"):
    """Somebody adds a field of text in the CRM's settings."""
    module = sandbox.sandbox.catalog.module("Accounts")
    create_field(sandbox.sandbox, module, {"field_label": label, "data_type": "text", "length": 50})


def remove_field(sandbox, api_name):
    """Somebody deletes a field in the CRM's settings."""
    behind = sandbox.sandbox
    with behind.store.write() as connection:
        connection.execute("DELETE FROM custom_field WHERE api_name = ?", (api_name,))
        behind.catalog = load_catalog(connection, multi_currency=False)


def rename_field(sandbox, api_name, label):
    """Somebody calls a field something else in the CRM's settings."""
    behind = sandbox.sandbox
    with behind.store.write() as connection:
        statement = "UPDATE custom_field SET body = json_set(body, '$.label', ?) WHERE api_name = ?"
        connection.execute(statement, (label, api_name))
        behind.catalog = load_catalog(connection, multi_currency=False)
    assert label in {field.display_label for field in behind.catalog.module("Accounts").fields}
