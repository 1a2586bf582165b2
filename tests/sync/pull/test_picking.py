"""Search Contacts in CRM: finding a record there, and fetching the one that a person picks."""

import threading

import pytest
from sqlalchemy import select

from tests.factories.customers import make_customer
from tests.factories.sync import connected
from tests.slowness import PATIENCE_SECONDS, slow
from zbweb.billing.journal import SYSTEM, Actor
from zbweb.billing.models import ContactPerson, Customer
from zbweb.crm.errors import TimedOut, Unavailable
from zbweb.db import db, unit_of_work, work_for
from zbweb.errors import Conflict, NotFound
from zbweb.sync import connection as connections
from zbweb.sync.clients import client_for
from zbweb.sync.core.words import Entity
from zbweb.sync.errors import NotConnected, Paused
from zbweb.sync.models import ModuleSetup, SyncRun
from zbweb.sync.pull import picking, searching
from zbweb.sync.repair import links

BEN = Actor("Ben Okafor")


@pytest.fixture
def partners(app, asha, sandbox):
    """Accounts and their contacts; nothing is here yet."""
    return connected(app, sandbox, scope="accounts_and_contacts", policy="skip")


def with_scope(app, sandbox, scope, **choices):
    return connected(app, sandbox, scope=scope, **choices)


def find(partners, query):
    db.session.rollback()
    return searching.search(db.session(), partners.connection, partners.client, query)


def fetch(partners, crm_module, crm_id, **more):
    given = {"actor": BEN, "client": partners.client} | more
    return picking.fetch_one(partners.connection, crm_module, crm_id, **given)


def customer(customer_id):
    db.session.rollback()
    return db.session.get_one(Customer, customer_id, populate_existing=True)


def persons_of(customer_id):
    statement = select(ContactPerson.last_name).where(ContactPerson.customer_id == customer_id)
    return sorted(db.session.scalars(statement))


def last_run():
    db.session.rollback()
    return db.session.scalars(select(SyncRun).order_by(SyncRun.id.desc()).limit(1)).one()


def add_zylker(partners):
    account = partners.add("Accounts", Account_Name="Zylker Ltd", Phone="+1 555 0100", Billing_City="Austin")
    ann = partners.add(
        "Contacts", First_Name="Ann", Last_Name="Lee", Email="ann@zylker.example", Account_Name={"id": account}
    )
    return account, ann


# --- searching --------------------------------------------------------------------------------------


def test_accounts_and_contacts_are_found_by_name_the_best_match_first(partners):
    partners.add("Accounts", Account_Name="The Zylker Group")
    account, ann = add_zylker(partners)
    found = find(partners, "zylker ltd")
    assert [(each.crm_module, each.crm_id, each.name) for each in found] == [("Accounts", account, "Zylker Ltd")]
    assert found[0].detail == "+1 555 0100 · Austin"
    assert [each.name for each in find(partners, "zylker")] == ["Zylker Ltd", "The Zylker Group", "Ann Lee"]
    (person,) = find(partners, "Ann Lee")
    assert (person.crm_module, person.crm_id, person.detail) == ("Contacts", ann, "Zylker Ltd · ann@zylker.example")


def test_each_result_says_whether_it_leads_to_a_customer_who_is_here(partners):
    account, _ann = add_zylker(partners)
    assert {each.customer_id for each in find(partners, "zylker")} == {None}
    customer_id = fetch(partners, "Accounts", account)
    partners.add("Contacts", Last_Name="Zylkerson", Account_Name={"id": account})
    partners.add("Contacts", Last_Name="Zylkerino")
    here = {each.name: each.customer_id for each in find(partners, "zylker")}
    assert here == {"Zylker Ltd": customer_id, "Ann Lee": customer_id, "Zylkerson": customer_id, "Zylkerino": None}


def test_where_contacts_become_customers_accounts_are_not_searched(app, asha, sandbox):
    partners = with_scope(app, sandbox, "contacts")
    _account, ann = add_zylker(partners)
    found = find(partners, "zylker")
    assert [(each.crm_module, each.crm_id) for each in found] == [("Contacts", ann)]


def test_what_the_search_index_does_not_know_yet_is_found_all_the_same(partners):
    partners.sandbox.faults(search_delay_seconds=600)
    partners.add("Accounts", Account_Name="O'Hara \\ Sons (100%)")
    assert [each.name for each in find(partners, "o'hara \\ sons (1")] == ["O'Hara \\ Sons (100%)"]
    assert find(partners, "nobody of that name") == []


# --- fetching ---------------------------------------------------------------------------------------


def test_an_account_is_fetched_with_its_contacts_and_the_history_explains_it(partners):
    account, _ = add_zylker(partners)
    partners.add("Contacts", Last_Name="Stranger")
    customer_id = fetch(partners, "Accounts", account)
    fetched = customer(customer_id)
    assert (fetched.type, fetched.display_name, fetched.phone, fetched.origin) == (
        "business",
        "Zylker Ltd",
        "+1 555 0100",
        "crm",
    )
    assert persons_of(customer_id) == ["Lee"]
    run = last_run()
    assert (run.trigger, run.status, run.module, run.actor_name) == ("picked", "succeeded", "customers", "Ben Okafor")
    assert (run.added, run.done, run.total, run.finished_at is not None) == (2, 2, 2, True)
    assert [(entry.name, entry.outcome) for entry in partners.entries(run)] == [
        ("Zylker Ltd", "added"),
        ("Ann Lee", "added"),
    ]
    assert links.inspect(db.session(), Entity.CUSTOMER, customer_id).link.crm_id == account


def test_a_contact_brings_its_account_and_the_accounts_other_contacts(partners):
    account, ann = add_zylker(partners)
    partners.add("Contacts", Last_Name="Bo", Account_Name={"id": account})
    customer_id = fetch(partners, "Contacts", ann)
    assert customer(customer_id).display_name == "Zylker Ltd"
    assert persons_of(customer_id) == ["Bo", "Lee"]


def test_a_contact_without_an_account_becomes_an_individual_whatever_the_setup_fetches(app, asha, sandbox):
    partners = with_scope(app, sandbox, "accounts")
    loose = partners.add("Contacts", First_Name="Zoe", Last_Name="Ray", Email="zoe@ray.example")
    fetched = customer(fetch(partners, "Contacts", loose))
    assert (fetched.type, fetched.display_name, fetched.email) == ("individual", "Zoe Ray", "zoe@ray.example")


def test_where_contacts_become_customers_a_contact_of_an_account_does_too(app, asha, sandbox):
    partners = with_scope(app, sandbox, "contacts")
    _, ann = add_zylker(partners)
    fetched = customer(fetch(partners, "Contacts", ann))
    assert (fetched.type, fetched.display_name) == ("individual", "Ann Lee")
    assert [each.display_name for each in partners.customers()] == ["Ann Lee"]


def test_where_accounts_alone_are_synced_no_contact_persons_come_along(app, asha, sandbox):
    partners = with_scope(app, sandbox, "accounts")
    _, ann = add_zylker(partners)
    customer_id = fetch(partners, "Contacts", ann)
    assert customer(customer_id).display_name == "Zylker Ltd"
    assert persons_of(customer_id) == []


def test_without_a_saved_setup_the_usual_fields_are_fetched(partners):
    account, _ = add_zylker(partners)
    with unit_of_work() as session:
        session.delete(session.get_one(ModuleSetup, partners.setup_id))
    customer_id = fetch(partners, "Accounts", account)
    assert (customer(customer_id).phone, customer(customer_id).billing_city) == ("+1 555 0100", "Austin")
    assert persons_of(customer_id) == ["Lee"]


def test_fetching_again_takes_over_what_changed_there(partners):
    account, _ = add_zylker(partners)
    customer_id = fetch(partners, "Accounts", account)
    partners.edit("Accounts", account, Phone="+1 555 0199")
    assert fetch(partners, "Accounts", account) == customer_id
    assert customer(customer_id).phone == "+1 555 0199"
    run = last_run()
    assert (run.added, run.updated, run.unchanged) == (0, 1, 1)


def test_a_run_after_a_pick_finds_nothing_new(partners):
    account, _ = add_zylker(partners)
    fetch(partners, "Accounts", account)
    run = partners.sync()
    assert (run.status, run.added, run.updated) == ("succeeded", 0, 0)


def test_what_was_deleted_here_comes_back_when_somebody_picks_it(partners):
    account, _ = add_zylker(partners)
    customer_id = fetch(partners, "Accounts", account)
    with unit_of_work() as session:
        links.archive_removed(session, Entity.CUSTOMER, customer_id)
        session.delete(session.get_one(Customer, customer_id))
    assert customer(fetch(partners, "Accounts", account)).display_name == "Zylker Ltd"


def test_an_unlinked_twin_stands_for_the_record_when_the_setup_says_skip(partners):
    account, _ = add_zylker(partners)
    with unit_of_work() as session:
        twin_id = make_customer(session, display_name="ZYLKER ltd", phone="ours").id
    assert [fetch(partners, "Accounts", account) for _ in range(2)] == [twin_id, twin_id]
    assert customer(twin_id).phone == "ours"
    assert last_run().added == 0


def test_a_second_record_of_a_name_that_is_paired_is_refused_with_the_reason(partners):
    first, _ = add_zylker(partners)
    second = partners.add("Accounts", Account_Name="Zylker Ltd")
    fetch(partners, "Accounts", first)
    for _ in range(2):
        with pytest.raises(Conflict, match="already paired with another CRM record"):
            fetch(partners, "Accounts", second)
    assert len(partners.customers()) == 1


def test_a_record_that_does_not_fit_is_refused_naming_the_field(app, asha, sandbox):
    partners = connected(app, sandbox, scope="accounts", mappings={"account": {"company_name": "Description"}})
    account = partners.add("Accounts", Account_Name="Zylker Ltd", Description="x" * 300)
    with pytest.raises(Conflict, match=r"too long.*Company Name"):
        fetch(partners, "Accounts", account)
    run = last_run()
    assert (run.status, run.failed) == ("partly_failed", 1)


@pytest.mark.parametrize(("module", "crm_id"), [("Leads", "1"), ("Accounts", "../org"), ("Accounts", "99999999999")])
def test_what_is_not_there_is_not_fetched(partners, module, crm_id):
    with pytest.raises(NotFound):
        fetch(partners, module, crm_id)
    assert partners.customers() == []


# --- when it cannot be --------------------------------------------------------------------------------


def test_a_crm_in_trouble_is_told_and_noted_in_the_history(partners):
    account, _ = add_zylker(partners)
    partners.sandbox.faults(fail_next=[{"status": 500, "count": 99, "path": "/crm/v8/Accounts"}])
    with pytest.raises(Unavailable):
        fetch(partners, "Accounts", account)
    run = last_run()
    assert (run.trigger, run.status) == ("picked", "failed")
    assert "500" in run.error_message
    assert partners.customers() == []


def test_a_slow_crm_is_not_waited_for_longer_than_a_person_would(partners):
    account, _ = add_zylker(partners)
    hasty = client_for(partners.connection, patience_seconds=PATIENCE_SECONDS)
    with slow(partners.sandbox):
        with pytest.raises(TimedOut):
            searching.search(db.session(), partners.connection, hasty, "zylker")
        with pytest.raises(TimedOut):
            fetch(partners, "Accounts", account, client=hasty)
    assert last_run().status == "failed"


@pytest.mark.parametrize(("stop", "refusal"), [(connections.pause, Paused), (connections.disable, NotConnected)])
def test_while_paused_or_disabled_the_crm_is_neither_searched_nor_fetched_from(partners, stop, refusal):
    account, _ = add_zylker(partners)
    client = partners.client
    with unit_of_work() as session:
        stop(session, partners.connection, actor=SYSTEM)
    partners.forget_calls()
    with pytest.raises(refusal):
        searching.search(db.session(), partners.connection, client, "zylker")
    with pytest.raises(refusal):
        fetch(partners, "Accounts", account, client=client)
    assert partners.sandbox.requests() == []
    assert partners.count(SyncRun) == 0


def test_a_sync_paused_while_the_crm_was_asked_brings_nothing_in(partners, monkeypatch):
    account, _ = add_zylker(partners)
    client = partners.client

    def pause_meanwhile(*args):
        with unit_of_work() as session:
            connections.pause(session, partners.connection, actor=SYSTEM)
        return asked(*args)

    asked = client.related
    monkeypatch.setattr(client, "related", pause_meanwhile)
    with pytest.raises(Paused):
        fetch(partners, "Accounts", account, client=client)
    assert partners.customers() == []


def test_two_people_who_pick_the_same_record_at_once_get_the_same_customer(any_app, sandbox):
    partners = connected(any_app, sandbox, scope="accounts_and_contacts", policy="skip")
    organisation_id = partners.connection.organisation_id
    account, _ = add_zylker(partners)
    connection_id, ready, got = partners.connection_id, threading.Barrier(3), []

    def pick():
        with any_app.app_context():
            work_for(db.session(), organisation_id)
            connection = db.session.get_one(picking.Connection, connection_id)
            client = client_for(connection)
            ready.wait()
            got.append(picking.fetch_one(connection, "Accounts", account, actor=BEN, client=client))
            db.session.remove()

    threads = [threading.Thread(target=pick) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 3
    assert len(set(got)) == 1
    assert [each.id for each in partners.customers()] == got[:1]
    assert persons_of(got[0]) == ["Lee"]
    assert partners.count(SyncRun) == 3


def test_a_pick_does_not_wait_for_a_run_that_is_going_on(partners):
    """In the middle of a run, before its contacts are read, somebody picks one of its accounts."""
    account, _ = add_zylker(partners)
    picked = []

    def open_client(connection):
        client = partners.client
        pages = client.pages

        def pages_and_a_pick(module, *args, **kwargs):
            if module == "Contacts" and not picked:
                picked.append(fetch(partners, "Accounts", account, client=partners.client))
            return pages(module, *args, **kwargs)

        client.pages = pages_and_a_pick
        return client

    run = partners.sync(open_client=open_client)
    assert (run.status, len(picked), len(partners.customers())) == ("succeeded", 1, 1)
    assert persons_of(picked[0]) == ["Lee"]
