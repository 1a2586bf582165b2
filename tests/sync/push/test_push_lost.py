"""A worker or an answer that is lost at any point of a push: nothing is lost, nothing is there twice."""

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from tests.factories.both_sides import (
    Killed,
    add_customer,
    change,
    link_of,
    person,
    release_leases,
    sync_and_die,
    waiting,
)
from tests.factories.customers import make_customer
from tests.factories.sync import connected
from zbweb.billing import customers
from zbweb.billing.models import ContactPerson, Customer
from zbweb.billing.recognition import note_keys
from zbweb.clock import now
from zbweb.db import unit_of_work
from zbweb.sync.models import Link, SyncRun
from zbweb.sync.push import additions, our_id
from zbweb.sync.push.waiting import enrol_all


def lose_answers(partners, *modules):
    """The next inserts are carried out, and their answers never arrive."""
    partners.sandbox.faults(
        fail_next=[
            {"status": 500, "path": f"/crm/v8/{module}", "method": "POST", "after_applying": True} for module in modules
        ]
    )


def add_family():
    customer_id = add_customer(phone="1", persons=(person(), person("Grace", "Hopper")))
    add_customer(type="individual", display_name="Alan Turing", first_name="Alan", last_name="Turing")
    return customer_id


def assert_all_is_there_once(partners):
    assert [each["Account_Name"] for each in partners.records("Accounts", "Account_Name")] == ["Acme Ltd"]
    names = sorted(each["Full_Name"] for each in partners.records("Contacts", "Full_Name"))
    assert names == ["Ada Lovelace", "Alan Turing", "Grace Hopper"]
    assert (partners.count(Customer), partners.count(ContactPerson), partners.count(Link)) == (2, 2, 4)
    assert waiting() == set()


@pytest.fixture(params=["clone", "overwrite", "skip"])
def partners(request, app, asha, sandbox):
    return connected(
        app, sandbox, scope="accounts_and_contacts", include_loose=True, extent="both", policy=request.param
    )


@pytest.mark.parametrize("when", [{"before": "insert"}, {"after": "insert"}], ids=["before the call", "after the call"])
def test_a_worker_that_dies_at_an_insert_is_continued_without_loss_or_double(partners, when):
    add_family()
    run_id = sync_and_die(partners, **when)
    assert partners.carry_out(run_id).status == "succeeded"
    assert_all_is_there_once(partners)


@pytest.mark.parametrize("when", [{"before": "insert"}, {"after": "insert"}], ids=["before the call", "after the call"])
def test_a_new_run_after_a_death_fetches_nothing_that_we_made(partners, when):
    add_family()
    run_id = sync_and_die(partners, **when)
    with unit_of_work() as session:
        session.get_one(SyncRun, run_id).status = "cancelled"
    assert partners.sync().status == "succeeded"
    assert_all_is_there_once(partners)


def test_a_worker_that_dies_after_the_commit_goes_on_behind_it(partners, monkeypatch):
    add_family()
    inner = additions._insert

    def insert_and_die(*args):
        inner(*args)
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(additions, "_insert", insert_and_die)
        with pytest.raises(Killed):
            partners.sync()
    assert partners.carry_out(release_leases()).status == "succeeded"
    assert_all_is_there_once(partners)


@pytest.mark.parametrize("when", [{"before": "update"}, {"after": "update"}], ids=["before the call", "after the call"])
def test_a_worker_that_dies_at_an_update_is_continued(partners, asha, when):
    customer_id = add_family()
    partners.sync()
    change(customer_id, asha.actor, phone="2")
    run_id = sync_and_die(partners, **when)
    assert partners.carry_out(run_id).status == "succeeded"
    assert [each["Phone"] for each in partners.records("Accounts", "Phone")] == ["2"]
    assert_all_is_there_once(partners)


def test_an_answer_that_is_lost_is_looked_up_before_anything_is_repeated(partners):
    add_family()
    lose_answers(partners, "Accounts")
    run = partners.sync()
    assert run.status == "succeeded", run.error_message
    assert "found_in_crm" in [entry.reason for entry in partners.entries(run)]
    assert_all_is_there_once(partners)


def test_without_a_field_for_our_id_lost_records_are_found_by_name_and_time(partners, monkeypatch):
    monkeypatch.setattr(our_id, "field_in", lambda client, crm_module: None)
    partners.sync()
    add_family()
    lose_answers(partners, "Accounts", "Contacts", "Contacts")
    partners.sync()
    partners.sync()
    assert_all_is_there_once(partners)


def test_without_a_field_for_our_id_a_worker_that_dies_is_continued_all_the_same(partners, monkeypatch):
    monkeypatch.setattr(our_id, "field_in", lambda client, crm_module: None)
    add_family()
    run_id = sync_and_die(partners, after="insert")
    assert partners.carry_out(run_id).status == "succeeded"
    assert_all_is_there_once(partners)


def test_what_never_arrived_is_told_as_tried_again_and_is_pushed_by_the_next_run(partners, monkeypatch):
    monkeypatch.setattr(our_id, "field_in", lambda client, crm_module: None)
    partners.sync()
    add_family()
    partners.sandbox.faults(fail_next=[{"status": 500, "count": 1, "path": "/crm/v8/Accounts", "method": "POST"}])
    run = partners.sync()
    assert run.status == "partly_failed"
    assert next(entry.reason for entry in partners.entries(run) if entry.outcome == "failed") == "crm_away"
    assert partners.sync().status == "succeeded"
    assert_all_is_there_once(partners)


def test_an_edit_after_a_lost_answer_is_not_lost(partners, asha):
    customer_id = add_family()
    run_id = sync_and_die(partners, after="insert")
    change(customer_id, asha.actor, phone="2", display_name="Acme Ltd")
    partners.carry_out(run_id)
    assert [each["Phone"] for each in partners.records("Accounts", "Phone")] == ["2"]
    assert link_of("customer", customer_id).snapshot["phone"] == "2"
    assert_all_is_there_once(partners)


def test_an_older_record_of_other_books_with_the_same_id_is_not_taken_for_ours(both_ways):
    add_customer(display_name="First")
    both_ways.sync()
    (first,) = both_ways.records("Accounts")
    with unit_of_work() as session:
        for link in session.scalars(select(Link)):
            session.delete(link)
        for customer in session.scalars(select(Customer)):
            customer.display_name = "Somebody else"
            note_keys(customer)
            customer.created_at = now() + timedelta(hours=1)
        make_customer(session, display_name="Third")
        enrol_all(session, both_ways.connection_id)
    both_ways.sync()
    both_ways.sync()
    names = {each["id"]: each["Account_Name"] for each in both_ways.records("Accounts", "Account_Name")}
    assert names.pop(first["id"]) == "First"
    assert sorted(names.values()) == ["Somebody else", "Third"]


def test_a_customer_deleted_here_while_its_push_is_in_doubt_does_not_come_back(partners, asha):
    customer_id = add_customer()
    sync_and_die(partners, after="insert")
    with unit_of_work() as session:
        customers.delete(session, customers.locked(session, customer_id), actor=asha.actor)
        session.execute(update(SyncRun).values(status="cancelled"))
    partners.sync()
    partners.sync()
    assert partners.customers() == []
    assert waiting() == set()


@pytest.mark.parametrize("kinds", [("business", "individual"), ("individual", "business")], ids=" then ".join)
def test_a_customer_whose_type_changes_while_its_push_is_in_doubt_is_found_where_it_went(partners, asha, kinds):
    before, after = kinds
    customer_id = add_customer(type=before, display_name="Ada Lovelace", first_name="Ada", last_name="Lovelace")
    run_id = sync_and_die(partners, after="insert")
    change(customer_id, asha.actor, type=after)
    partners.carry_out(run_id)
    partners.sync()
    assert len(partners.records("Accounts")) + len(partners.records("Contacts")) == 1
    assert link_of("customer", customer_id).crm_module == {"business": "Accounts", "individual": "Contacts"}[before]
    assert (len(partners.customers()), waiting()) == (1, set())
