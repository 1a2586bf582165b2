"""Making sure that a document's customer is in the CRM."""

from dataclasses import replace

import pytest

from tests.factories.both_sides import add_customer, change, link_of, person, waiting
from tests.factories.sync import connected
from zbweb import config
from zbweb.billing import customers
from zbweb.crm.errors import CrmError
from zbweb.db import db, unit_of_work
from zbweb.errors import Conflict
from zbweb.sync import runs
from zbweb.sync.core.words import Trigger
from zbweb.sync.models import SyncRun
from zbweb.sync.push.one_customer import push_one
from zbweb.sync.repair import links


def last_run():
    db.session.rollback()
    return db.session.query(SyncRun).order_by(SyncRun.id.desc()).populate_existing().first()


def test_a_customer_without_a_pair_is_pushed_at_once_and_alone(both_ways):
    add_customer(display_name="Other")
    customer_id = add_customer(display_name="Acme Ltd")
    link = push_one(both_ways.connection, customer_id, both_ways.client)
    assert link.entity_id == customer_id
    assert [each["Account_Name"] for each in both_ways.records("Accounts", "Account_Name")] == ["Acme Ltd"]
    run = last_run()
    assert (run.trigger, run.status, run.added) == ("transaction", "succeeded", 1)
    assert [entry.reason for entry in both_ways.entries(run)] == ["pushed_new"]


def test_a_customer_with_a_pair_costs_no_call(both_ways):
    customer_id = add_customer()
    both_ways.sync()
    both_ways.forget_calls()
    assert (
        push_one(both_ways.connection, customer_id, both_ways.client).crm_id == link_of("customer", customer_id).crm_id
    )
    assert both_ways.sandbox.requests() == []


def test_its_persons_follow_with_the_next_sync(both_ways):
    customer_id = add_customer(persons=(person(),))
    push_one(both_ways.connection, customer_id, both_ways.client)
    both_ways.sync()
    assert len(both_ways.records("Contacts")) == 1


def test_it_waits_its_turn_while_a_run_is_under_way(both_ways):
    customer_id = add_customer()
    with unit_of_work() as session:
        queued = runs.queue_run(session, both_ways.connection, trigger=Trigger.AUTO, actor_name="")
        assert runs.claim(session, queued.id, "somebody") is not None
    assert push_one(both_ways.connection, customer_id, both_ways.client) is None
    assert both_ways.records("Accounts") == []


def test_customers_that_are_only_fetched_are_not_pushed_for_a_document_either(app, asha, sandbox):
    partners = connected(app, sandbox, extent="fetch")
    assert push_one(partners.connection, add_customer(), partners.client) is None
    assert partners.records("Accounts") == []


def test_a_refused_customer_has_no_link_and_an_entry_that_says_why(both_ways):
    customer_id = add_customer(display_name="A" * 130)
    assert push_one(both_ways.connection, customer_id, both_ways.client) is None
    assert last_run().status == "partly_failed"
    assert waiting() == {("customer", customer_id)}


def test_a_crm_that_is_away_is_told_and_the_run_ends_failed(both_ways):
    customer_id = add_customer()
    both_ways.sandbox.faults(fail_next=[{"status": 503, "count": 50}])
    with pytest.raises(CrmError):
        push_one(both_ways.connection, customer_id, both_ways.client)
    assert last_run().status == "failed"
    both_ways.sandbox.faults(fail_next=[])
    assert push_one(both_ways.connection, customer_id, both_ways.client) is not None


def test_push_now_sends_one_customer_with_its_persons_and_lets_the_others_wait(both_ways, asha):
    customer_id, other_id = add_customer(display_name="Acme", persons=(person(),)), add_customer(display_name="Other")
    both_ways.sync()
    for each in (customer_id, other_id):
        change(each, asha.actor, phone="7")
    with unit_of_work() as session:
        links.push_now(session, customers.find(session, customer_id), actor=asha.actor)
    run = both_ways.carry_out(last_run().id)
    assert (run.status, run.updated, run.actor_name) == ("succeeded", 1, "Asha Rao")
    there = {each["Account_Name"]: each["Phone"] for each in both_ways.records("Accounts", "Account_Name,Phone")}
    assert there == {"Acme": "7", "Other": None}
    assert waiting() == {("customer", other_id)}


def test_customers_that_are_only_fetched_cannot_be_pushed_by_hand_either(app, asha, sandbox):
    connected(app, sandbox, scope="accounts", extent="fetch")
    customer_id = add_customer()
    with unit_of_work() as session, pytest.raises(Conflict, match="only fetched"):
        links.push_now(session, customers.find(session, customer_id), actor=asha.actor)


def test_a_push_that_had_nothing_to_tell_is_no_part_of_the_history(both_ways, asha):
    customer_id = add_customer(display_name="Acme")
    both_ways.sync()
    with unit_of_work() as session:
        links.unlink(session, links.active_link(session, "customer", customer_id), actor=asha.actor)
    before = last_run().id
    assert push_one(both_ways.connection, customer_id, both_ways.client) is None
    assert last_run().id == before


def test_a_push_that_meets_the_end_of_the_allowance_ends_its_run_and_says_so(both_ways):
    config.use(replace(config.current(), credits_reserve=100))
    both_ways.sandbox.faults(credits_remaining=90)
    customer_id = add_customer()
    assert push_one(both_ways.connection, customer_id, both_ways.client).entity_id == customer_id
    run = last_run()
    assert (run.status, run.error_code) == ("failed", "CreditsLow")
    assert "kept for people" in run.error_message


def test_push_now_reads_before_it_writes_so_that_the_setup_says_who_wins(both_ways, asha):
    customer_id = add_customer(phone="1", fax="1")
    both_ways.sync()
    account_id = link_of("customer", customer_id).crm_id
    both_ways.edit("Accounts", account_id, Phone="crm")
    change(customer_id, asha.actor, phone="ours", fax="ours")
    with unit_of_work() as session:
        run_id = links.push_now(session, customers.find(session, customer_id), actor=asha.actor).id
    run = both_ways.carry_out(run_id)
    (there,) = both_ways.records("Accounts", "Phone", "Fax")
    assert both_ways.setup.winner == "crm"
    assert (there["Phone"], there["Fax"], both_ways.customers()[0].phone) == ("crm", "ours", "crm")
    assert "crm_won" in [entry.reason for entry in both_ways.entries(run)]
