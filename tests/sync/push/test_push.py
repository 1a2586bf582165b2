"""Pushing customers and contact persons into a real stand-in CRM."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from tests.factories.both_sides import add_customer, change, link_of, outcomes, person, waiting
from tests.factories.customers import make_customer
from tests.factories.sync import connected, hasty_client
from zbweb.billing import customers
from zbweb.billing.journal import SYSTEM
from zbweb.billing.models import ContactPerson, Customer, OutboxRow
from zbweb.clock import now
from zbweb.db import db, unit_of_work
from zbweb.sync import execution, history, runs
from zbweb.sync.core.words import Trigger
from zbweb.sync.models import Link, ModuleSetup, SyncEntry
from zbweb.sync.setup import offer, wizard

# --- what arrives where -----------------------------------------------------------------------------


def test_a_business_becomes_an_account_and_its_persons_contacts_of_it(both_ways):
    customer_id = add_customer(
        display_name="Acme Ltd", phone="555 0100", billing_city="Boston", persons=(person(email="ada@acme.example"),)
    )
    run = both_ways.sync()
    assert run.status == "succeeded", run.error_message
    (account,) = both_ways.records("Accounts", "Account_Name", "Phone", "Billing_City", "Owner", "Billing_Customer_Id")
    assert (account["Account_Name"], account["Phone"], account["Billing_City"]) == ("Acme Ltd", "555 0100", "Boston")
    assert account["Owner"]["id"] == both_ways.connection.crm_user_id
    assert account["Billing_Customer_Id"] == str(customer_id)
    (contact,) = both_ways.records("Contacts", "Full_Name", "Email", "Account_Name", "Owner")
    assert (contact["Full_Name"], contact["Email"]) == ("Ada Lovelace", "ada@acme.example")
    assert contact["Account_Name"]["id"] == account["id"]
    assert waiting() == set()
    assert (run.added, run.failed) == (2, 0)


def test_an_individual_becomes_a_contact_of_no_account(both_ways):
    add_customer(type="individual", display_name="Ada Lovelace", first_name="Ada", last_name="Lovelace")
    both_ways.sync()
    (contact,) = both_ways.records("Contacts", "First_Name", "Last_Name", "Account_Name")
    assert (contact["First_Name"], contact["Last_Name"], contact["Account_Name"]) == ("Ada", "Lovelace", None)
    assert both_ways.records("Accounts") == []


def test_the_display_name_stands_in_for_a_last_name_that_is_missing(both_ways):
    add_customer(type="individual", display_name="Ada")
    both_ways.sync()
    assert [each["Last_Name"] for each in both_ways.records("Contacts", "Last_Name")] == ["Ada"]


@pytest.mark.parametrize("scope", ["accounts", "contacts", "accounts_and_contacts"])
def test_customers_of_both_types_are_pushed_whatever_is_fetched(app, asha, sandbox, scope):
    partners = connected(app, sandbox, scope=scope, extent="both")
    add_customer(display_name="Acme Ltd", persons=(person(),))
    add_customer(type="individual", display_name="Grace Hopper", first_name="Grace", last_name="Hopper")
    partners.sync()
    partners.sync()
    assert len(partners.records("Accounts")) == 1
    assert len(partners.records("Contacts")) == 2
    assert partners.count(Customer) == 2
    assert partners.count(ContactPerson) == 1


def test_fetch_only_writes_nothing_to_the_crm(app, asha, sandbox):
    partners = connected(app, sandbox, extent="fetch")
    add_customer()
    partners.forget_calls()
    partners.sync()
    assert partners.writes() == []
    assert partners.records("Accounts") == []


def test_what_was_here_before_is_pushed_even_if_it_does_not_wait(both_ways):
    customer_id = add_customer(persons=(person(),))
    with unit_of_work() as session:
        for row in session.scalars(select(OutboxRow)):
            session.delete(row)
    both_ways.sync()
    assert link_of("customer", customer_id) is not None
    assert len(both_ways.records("Contacts")) == 1


def test_many_customers_go_a_hundred_at_a_time(both_ways):
    with unit_of_work() as session:
        for number in range(230):
            make_customer(session, display_name=f"Customer {number}")
    both_ways.forget_calls()
    run = both_ways.sync()
    inserts = [call for call in both_ways.writes() if call["path"] == "/crm/v8/Accounts"]
    assert [call["records"] for call in inserts] == [100, 100, 30]
    assert run.added == 230
    assert len(both_ways.records("Accounts")) == 230


def test_an_inactive_customer_that_was_never_synced_stays_here(both_ways):
    add_customer(active=False)
    both_ways.sync()
    assert both_ways.records("Accounts") == []
    assert waiting() == set()


def test_every_database_does_it(any_app, sandbox):
    partners = connected(any_app, sandbox, scope="accounts_and_contacts", extent="both", winner="ask")
    customer_id = add_customer(phone="1", persons=(person(),))
    add_customer(display_name="A" * 130)
    with unit_of_work() as session:
        for row in session.scalars(select(OutboxRow)):
            session.delete(row)
    assert partners.sync().failed == 1
    partners.edit("Accounts", link_of("customer", customer_id).crm_id, Phone="crm")
    change(customer_id, SYSTEM, phone="ours", fax="2")
    partners.sync()
    assert [(each["Phone"], each["Fax"]) for each in partners.records("Accounts", "Phone", "Fax")] == [("crm", "2")]
    assert partners.sync().conflicts <= 1
    assert len(partners.records("Contacts")) == 1


def test_a_record_outside_the_view_is_not_updated_until_it_is_back(both_ways, asha):
    customer_id = add_customer(phone="1")
    both_ways.sync()
    with unit_of_work() as session:
        link = session.merge(link_of("customer", customer_id))
        link.excluded_at = now()
    change(customer_id, asha.actor, phone="2")
    with unit_of_work() as session:
        setup = session.get_one(ModuleSetup, both_ways.setup_id)
        setup.watermarks = {name: (now() + timedelta(hours=1)).isoformat() for name in setup.watermarks}
    both_ways.forget_calls()
    both_ways.sync()
    assert both_ways.writes() == []


def test_a_customer_made_here_is_kept_in_step_though_the_view_does_not_show_it(app, asha, sandbox):
    banks = sandbox.control(
        "custom_views", {"module": "Accounts", "name": "Banks", "criteria": "(Industry:equals:Bank)"}
    )
    partners = connected(app, sandbox, scope="accounts", extent="both", account_view_id=str(banks["id"]))
    customer_id = add_customer(phone="1")
    for _ in range(2):
        assert partners.sync().excluded == 0
    change(customer_id, asha.actor, phone="2")
    partners.sync()
    assert [account["Phone"] for account in partners.records("Accounts", "Phone")] == ["2"]
    account_id = link_of("customer", customer_id).crm_id
    partners.edit("Accounts", account_id, Phone="3")
    partners.sync()
    assert [each.phone for each in partners.customers()] == ["3"]
    partners.edit("Accounts", account_id, Phone="4")
    read_all_again(partners)
    assert [each.phone for each in partners.customers()] == ["4"]
    partners.forget_calls()
    assert partners.sync().updated == 0
    assert partners.writes() == []


def read_all_again(partners):
    with unit_of_work() as session:
        session.get_one(ModuleSetup, partners.setup_id).watermarks = {}
    partners.sync()


# --- changes ----------------------------------------------------------------------------------------


def test_only_the_changed_field_is_sent(both_ways, asha):
    customer_id = add_customer(phone="1", fax="2")
    both_ways.sync()
    account_id = link_of("customer", customer_id).crm_id
    change(customer_id, asha.actor, phone="3")
    both_ways.edit("Accounts", account_id, Website="https://acme.example")
    run = both_ways.sync()
    (account,) = both_ways.records("Accounts", "Phone", "Fax", "Website")
    assert (account["Phone"], account["Fax"], account["Website"]) == ("3", "2", "https://acme.example")
    sent = [entry for entry in both_ways.entries(run) if entry.direction == "out"]
    assert [(entry.outcome, entry.reason, entry.diff) for entry in sent] == [
        ("updated", "changed_here", {"phone": ["1", "3"]})
    ]


def test_a_field_cleared_here_is_cleared_there(both_ways, asha):
    customer_id = add_customer(phone="1")
    both_ways.sync()
    change(customer_id, asha.actor, phone="")
    both_ways.sync()
    assert [each["Phone"] for each in both_ways.records("Accounts", "Phone")] == [None]


def test_a_change_that_was_taken_back_makes_no_call(both_ways, asha):
    customer_id = add_customer(phone="1")
    both_ways.sync()
    change(customer_id, asha.actor, phone="2")
    change(customer_id, asha.actor, phone="1")
    both_ways.forget_calls()
    both_ways.sync()
    assert both_ways.writes() == []
    assert waiting() == set()


def test_a_renamed_customer_renames_its_account(both_ways, asha):
    customer_id = add_customer(display_name="Acme Ltd")
    both_ways.sync()
    change(customer_id, asha.actor, display_name="Acme Limited")
    both_ways.sync()
    assert [each["Account_Name"] for each in both_ways.records("Accounts", "Account_Name")] == ["Acme Limited"]


def test_a_person_who_is_renamed_again_and_again_keeps_the_latest_name(both_ways, asha):
    both_ways.add("Contacts", First_Name="Ada", Last_Name="Byron")
    both_ways.sync()
    (customer,) = both_ways.customers()
    for last_name in ("King", "Lovelace"):
        change(customer.id, asha.actor, last_name=last_name, display_name=f"Ada {last_name}")
        both_ways.sync()
    (customer,) = both_ways.customers()
    assert (customer.display_name, customer.last_name) == ("Ada Lovelace", "Lovelace")
    assert [each["Full_Name"] for each in both_ways.records("Contacts", "Full_Name")] == ["Ada Lovelace"]


def test_an_edit_made_while_the_crm_is_called_is_pushed_next(both_ways, asha):
    customer_id = add_customer(phone="1")

    def client_that_is_slow(connection):
        client = both_ways.client
        inner = client.insert

        def insert(module, records, *, trigger=True):
            verdicts = inner(module, records, trigger=trigger)
            change(customer_id, asha.actor, phone="2")
            return verdicts

        client.insert = insert
        return client

    both_ways.sync(open_client=client_that_is_slow)
    both_ways.sync()
    assert [each["Phone"] for each in both_ways.records("Accounts", "Phone")] == ["2"]


# --- refusals ---------------------------------------------------------------------------------------


def test_a_refused_record_waits_with_the_crms_words_and_the_others_arrive(both_ways, asha):
    bad = add_customer(type="individual", display_name="Bad", last_name="Bad", email="no address")
    add_customer(type="individual", display_name="Good", last_name="Good")
    run = both_ways.sync()
    assert run.status == "partly_failed"
    (failed,) = [entry for entry in both_ways.entries(run) if entry.outcome == "failed"]
    assert (failed.direction, failed.entity_id, failed.resolved_at) == ("out", bad, None)
    assert "Email" in failed.crm_words
    assert [each["Last_Name"] for each in both_ways.records("Contacts", "Last_Name")] == ["Good"]
    assert waiting() == {("customer", bad)}
    change(bad, asha.actor, email="bad@acme.example")
    assert both_ways.sync().status == "succeeded"
    assert len(both_ways.records("Contacts")) == 2
    assert db.session.get(SyncEntry, failed.id, populate_existing=True).resolved_at is not None


def test_a_value_that_is_too_long_for_the_crm_names_its_field_and_calls_nobody(both_ways):
    add_customer(display_name="A" * 130)
    both_ways.forget_calls()
    run = both_ways.sync()
    (failed,) = both_ways.entries(run)
    assert failed.reason == "too_long_for_crm"
    assert "Customer Display Name" in failed.crm_words
    assert not [call for call in both_ways.writes() if call["path"] == "/crm/v8/Accounts"]


def test_a_failed_record_is_tried_again_by_the_next_run_and_has_one_open_failure(both_ways):
    add_customer(display_name="A" * 130)
    both_ways.sync()
    both_ways.sync()
    db.session.rollback()
    entries = list(db.session.scalars(select(SyncEntry).where(SyncEntry.outcome == "failed").order_by(SyncEntry.id)))
    assert [entry.resolved_at is None for entry in entries] == [False, True]


def test_a_person_waits_for_its_customer_instead_of_failing_twice(both_ways, asha):
    customer_id = add_customer(display_name="A" * 130, persons=(person(),))
    run = both_ways.sync()
    assert [entry.reason for entry in both_ways.entries(run)] == ["too_long_for_crm", "person_waits"]
    change(customer_id, asha.actor, display_name="Acme Ltd")
    assert both_ways.sync().status == "succeeded"
    assert len(both_ways.records("Contacts")) == 1


def test_retry_pushes_just_the_records_asked_for(both_ways, asha):
    first, second = add_customer(display_name="A" * 130), add_customer(display_name="B" * 130)
    both_ways.sync()
    change(first, asha.actor, display_name="Alpha")
    change(second, asha.actor, display_name="Beta")
    both_ways.sync(only={"crm": {}, "local": {"customer": [second]}})
    assert [each["Account_Name"] for each in both_ways.records("Accounts", "Account_Name")] == ["Beta"]
    assert waiting() == {("customer", first)}


def test_when_the_crm_is_away_the_run_fails_with_its_words_and_nothing_is_lost(both_ways):
    customer_id = add_customer()
    both_ways.sandbox.faults(fail_next=[{"status": 503, "count": 50, "path": "/crm/v8/Accounts", "method": "POST"}])
    run = both_ways.sync()
    assert run.status == "failed"
    assert "503" in run.error_message
    assert waiting() == {("customer", customer_id)}
    both_ways.sandbox.faults(fail_next=[])
    assert both_ways.sync().status == "succeeded"
    assert len(both_ways.records("Accounts")) == 1


def test_a_record_that_is_gone_in_the_crm_is_unlinked_at_once(both_ways, asha):
    customer_id = add_customer(phone="1")
    both_ways.sync()
    crm_id = link_of("customer", customer_id).crm_id
    change(customer_id, asha.actor, phone="2")

    def client_that_meets_a_deletion(connection):
        client = both_ways.client
        inner = client.update

        def update(module, records, *, trigger=True):
            both_ways.drop("Accounts", crm_id)
            return inner(module, records, trigger=trigger)

        client.update = update
        return client

    run = both_ways.sync(open_client=client_that_meets_a_deletion)
    assert outcomes(both_ways, run)[-1] == ("in", "deleted", "kept_here", "Acme Ltd")
    assert link_of("customer", customer_id) is None
    both_ways.sync()
    assert both_ways.records("Accounts") == []
    assert both_ways.count(Customer) == 1


# --- triggers ---------------------------------------------------------------------------------------


def spied(partners, seen):
    def open_client(connection):
        client = partners.client
        inner = client.insert

        def insert(module, records, *, trigger=True):
            seen.append(trigger)
            return inner(module, records, trigger=trigger)

        client.insert = insert
        return client

    return open_client


@pytest.mark.parametrize("fire", [False, True])
def test_workflows_stay_still_at_first_and_follow_the_setup_afterwards(app, asha, sandbox, fire):
    partners, seen = connected(app, sandbox, extent="both", fire_triggers=fire), []
    add_customer(display_name="First")
    partners.sync(open_client=spied(partners, seen))
    add_customer(display_name="Second")
    partners.sync(open_client=spied(partners, seen))
    assert seen == [False, fire]


# --- twins ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("policy", "accounts", "reason"),
    [("skip", 1, "duplicate_skipped"), ("overwrite", 1, "duplicate_overwritten"), ("clone", 2, "pushed_new")],
)
def test_a_twin_outside_the_view_is_decided_by_the_policy(app, asha, sandbox, policy, accounts, reason):
    partners = connected(app, sandbox, scope="contacts", extent="both", policy=policy)
    partners.add("Accounts", Account_Name="ACME ltd", Phone="9")
    customer_id = add_customer(display_name="Acme Ltd", fax="7") if policy == "skip" else add_customer(
        display_name="ACME ltd", fax="7"
    )  # fmt: skip
    run = partners.sync()
    assert reason in [entry.reason for entry in partners.entries(run)]
    assert len(partners.records("Accounts")) == accounts
    if policy == "overwrite":
        (account,) = partners.records("Accounts", "Phone", "Fax")
        assert (account["Phone"], account["Fax"]) == ("9", "7")
        assert db.session.get(Customer, customer_id, populate_existing=True).phone == "9"
    again = partners.sync()
    assert partners.entries(again) == []
    assert len(partners.records("Accounts")) == accounts


def test_a_skipped_twin_is_never_pushed_as_new(app, asha, sandbox):
    partners = connected(app, sandbox, extent="both", policy="skip")
    partners.add("Accounts", Account_Name="Acme Ltd")
    customer_id = add_customer(display_name="Acme Ltd")
    partners.sync()
    change(customer_id, asha.actor, phone="1")
    partners.sync()
    (account,) = partners.records("Accounts", "Phone")
    assert account["Phone"] is None


def test_what_the_crm_refused_is_no_failure_any_more_once_nothing_is_sent(app, asha, sandbox):
    partners = connected(app, sandbox, scope="accounts", extent="both")
    add_customer(type="individual", display_name="Ada", email="no address")
    assert partners.sync().failed == 1
    with unit_of_work() as session:
        seen = wizard.keep(session, partners.connection, {"extent": "fetch"}).stamp
        sight = offer.look(partners.client, ("Accounts",))
        wizard.save(session, partners.connection, sight, seen=seen, actor=asha.actor)
    assert history.overview(db.session(), partners.connection).failures == 0
    page = asha.get("/settings/integrations/zoho-crm/history/failures").text
    assert "Nothing failed" in page


def test_a_skipped_twin_is_pushed_once_its_namesake_was_cloned(app, asha, sandbox):
    partners = connected(app, sandbox, scope="accounts", extent="both", policy="skip")
    ours = add_customer(display_name="Acme Ltd", phone="1")
    partners.add("Accounts", Account_Name="Acme Ltd", Phone="2")
    partners.sync()
    partners.sync()
    with unit_of_work() as session:
        seen = wizard.keep(session, partners.connection, {"policy": "clone"}).stamp
        sight = offer.look(partners.client, ("Accounts",))
        wizard.save(session, partners.connection, sight, seen=seen, actor=asha.actor)
    partners.sync()
    assert sorted(each["Phone"] for each in partners.records("Accounts", "Phone")) == ["1", "2"]
    assert sorted(each.phone for each in partners.customers()) == ["1", "2"]
    assert link_of("customer", ours) is not None
    partners.forget_calls()
    partners.sync()
    assert partners.writes() == []


def test_an_unlinked_customer_is_not_added_anew(both_ways, asha):
    customer_id = add_customer()
    both_ways.sync()
    with unit_of_work() as session:
        link = link_of("customer", customer_id)
        session.get_one(Link, link.id).state = "archived"
        session.get_one(Link, link.id).reason = "unlinked"
    change(customer_id, asha.actor, phone="1")
    both_ways.sync()
    assert len(both_ways.records("Accounts")) == 1
    assert waiting() == set()


def test_a_person_is_paired_with_its_namesake_in_the_account(app, asha, sandbox):
    partners = connected(app, sandbox, scope="accounts", extent="both")
    account_id = partners.add("Accounts", Account_Name="Acme Ltd")
    partners.add("Contacts", Last_Name="Lovelace", First_Name="Ada", Account_Name={"id": account_id}, Mobile="1")
    partners.sync()
    (customer,) = partners.customers()
    with unit_of_work() as session:
        customer = customers.locked(session, customer.id)
        customers.contact_persons.add(session, customer, person(phone="2"), actor=asha.actor)
    partners.sync()
    (contact,) = partners.records("Contacts", "Mobile", "Phone")
    assert (contact["Mobile"], contact["Phone"]) == ("1", "2")


def test_the_first_push_comes_to_its_end_though_it_makes_room_after_each_batch(both_ways):
    for number in range(201):
        add_customer(display_name=f"Idle {number}", active=False)
    with unit_of_work() as session:
        run_id = runs.queue_run(session, both_ways.connection, trigger=Trigger.FIRST, actor_name="Asha").id
    slices = 1
    while not execution.execute(run_id, execution.Shift(f"slice-{slices}", hasty_client, should_yield=lambda: True)):
        slices += 1
        assert slices < 10
    assert both_ways.records("Accounts") == []
    assert waiting() == set()


def test_who_is_made_after_somebody_was_deleted_here_is_pushed_like_anybody_else(both_ways, asha):
    first = add_customer(display_name="Deleted")
    both_ways.sync()
    with unit_of_work() as session:
        customers.delete(session, customers.locked(session, first), actor=asha.actor)
    add_customer(display_name="New")
    both_ways.sync()
    assert sorted(each["Account_Name"] for each in both_ways.records("Accounts", "Account_Name")) == ["Deleted", "New"]
