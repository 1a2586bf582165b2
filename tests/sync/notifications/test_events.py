"""Notifications: kept once, handled a little later, never more than a hint."""

import hashlib
import itertools
from datetime import timedelta

import pytest
from sqlalchemy import select

from tests.factories.customers import make_customer
from tests.factories.potentials import WON, Altered, add_deal, switch_on
from tests.factories.sync import connected, hasty_client
from zbweb.billing.journal import SYSTEM
from zbweb.billing.models import ContactPerson, Transaction
from zbweb.clock import now
from zbweb.db import db, unit_of_work, work_for
from zbweb.jobs import queue
from zbweb.sync import connection as connections
from zbweb.sync import runs
from zbweb.sync.core.notices import Notice
from zbweb.sync.core.words import RunStatus, Trigger
from zbweb.sync.errors import NotConnected, Paused
from zbweb.sync.models import Connection, CrmEvent, Link, SyncRun
from zbweb.sync.notifications import events

_digests = itertools.count(1)


@pytest.fixture
def partners(app, asha, sandbox):
    """Zylker Ltd, which fetches accounts and their contacts; the first sync is over."""
    return first_synced(connected(app, sandbox, scope="accounts_and_contacts", include_loose=True))


def first_synced(partners):
    run = partners.sync()
    assert run.status == "succeeded", run.error_message
    return partners


@pytest.fixture
def woken():
    """The events that workers were woken for."""
    heard = []
    events.on_received(heard.append)
    yield heard
    events.on_received(queue.handle_event)


def notice(module, *crm_ids, operation="update", digest=""):
    digest = hashlib.sha256((digest or str(next(_digests))).encode()).hexdigest()
    return Notice(module, operation, tuple(crm_ids), digest, "secret")


def received(partners, *which, **more):
    """A notification comes, and has rested."""
    event_id = just_received(partners, *which, **more)
    with unit_of_work() as session:
        session.get_one(CrmEvent, event_id).retry_at = None
    db.session.rollback()
    return event_id


def just_received(partners, *which, **more):
    with unit_of_work() as session:
        events.receive(session, partners.connection, notice(*which, **more))
    db.session.rollback()
    return db.session.scalars(select(CrmEvent).order_by(CrmEvent.received_at.desc())).first().id


def handled(partners, event_id, *, client=None):
    organisation_id = partners.connection.organisation_id
    opened = (lambda *_args, **_more: client) if client else hasty_client
    events.handle(event_id, open_client=opened)
    work_for(db.session(), organisation_id)
    return the_event(event_id)


def the_event(event_id):
    db.session.rollback()
    return db.session.get_one(CrmEvent, event_id, populate_existing=True)


def told(partners, *which, **more):
    """A notification comes and is handled."""
    return handled(partners, received(partners, *which, **more))


def waiting(partners):
    """The events that the schedule would hand on."""
    organisation_id = partners.connection.organisation_id
    work_for(db.session(), None)
    found = events.waiting(db.session())
    work_for(db.session(), organisation_id)
    return found


def notified_runs():
    db.session.rollback()
    statement = select(SyncRun).where(SyncRun.trigger == Trigger.NOTIFICATION).order_by(SyncRun.id)
    return list(db.session.scalars(statement))


def names(partners):
    return sorted(customer.display_name for customer in partners.customers())


def make_due(event_id):
    with unit_of_work() as session:
        event = session.get_one(CrmEvent, event_id)
        event.retry_at = now()


# --- keeping ----------------------------------------------------------------------------------------


def test_a_notification_is_kept_and_wakes_a_worker(partners, woken):
    event_id = received(partners, "Deals", "1", "2", operation="insert")
    event = the_event(event_id)
    assert (event.module, event.operation, event.crm_ids) == ("Deals", "insert", ["1", "2"])
    assert woken == [event_id]


@pytest.mark.parametrize("module", ["Accounts", "Contacts"])
def test_a_changed_customer_rests_before_it_is_handled(partners, woken, module):
    event = the_event(just_received(partners, module, "1"))
    assert handled(partners, event.id).handled_at is None
    assert timedelta(seconds=5) < event.retry_at - event.received_at < timedelta(seconds=10)
    assert woken == waiting(partners) == []


def test_a_sync_brings_and_counts_what_rests(partners):
    account = partners.add("Accounts", Account_Name="Acme Ltd")
    event_id = just_received(partners, "Accounts", account)
    assert partners.sync().added == 1
    make_due(event_id)
    assert handled(partners, event_id).handled_at
    assert notified_runs() == []


def test_an_older_notification_leaves_a_record_that_changed_again_to_the_newer_one(partners):
    acme, zoom = (partners.add("Accounts", Account_Name=name) for name in ("Acme Ltd", "Zoom Ltd"))
    older = received(partners, "Accounts", acme, zoom, operation="insert")
    assert partners.sync().added == 2
    for account in (acme, zoom):
        partners.edit("Accounts", account, Phone="555")
    newer = just_received(partners, "Accounts", acme)
    assert handled(partners, older).handled_at
    assert {customer.display_name: customer.phone for customer in partners.customers()} == {
        "Acme Ltd": "", "Zoom Ltd": "555",
    }  # fmt: skip
    make_due(newer)
    handled(partners, newer)
    assert {customer.phone for customer in partners.customers()} == {"555"}


def test_a_notification_whose_records_all_changed_again_is_done_with(partners):
    account = partners.add("Accounts", Account_Name="Acme Ltd")
    older = received(partners, "Accounts", account)
    newer = just_received(partners, "Accounts", account)
    assert handled(partners, older).handled_at
    assert the_event(newer).handled_at is None


def test_a_sync_that_is_asked_for_brings_and_counts_what_has_rested(partners):
    account = partners.add("Accounts", Account_Name="Acme Ltd")
    event_id = received(partners, "Accounts", account)
    with unit_of_work() as session:
        runs.queue_run(session, partners.connection, trigger=Trigger.INSTANT, actor_name="Asha")
    assert handled(partners, event_id).handled_at is None
    assert notified_runs() == []


def test_a_replay_is_refused(partners, woken):
    event_id = received(partners, "Deals", "1", digest="same")
    handled(partners, event_id)
    with unit_of_work() as session:
        session.get_one(CrmEvent, event_id).received_at = now() - timedelta(minutes=1)
    received(partners, "Deals", "1", digest="same")
    assert woken == [event_id]
    assert the_event(event_id).handled_at
    assert partners.count(CrmEvent) == 1


def test_two_changes_within_a_second_look_alike_and_are_both_heard(partners, woken):
    event_id = received(partners, "Deals", "1", digest="same")
    handled(partners, event_id)
    assert received(partners, "Deals", "1", digest="same") == event_id
    assert woken == [event_id, event_id]
    assert the_event(event_id).handled_at is None


def test_old_notifications_are_forgotten_once_they_are_handled(partners):
    for crm_id in ("1", "2"):
        received(partners, "Deals", crm_id)
    with unit_of_work() as session:
        done, _ = events_of(session)
        done.handled_at = now()
        for event in events_of(session):
            event.received_at = now() - timedelta(days=9)
        events.forget_old(session)
    assert [event.crm_ids for event in events_of(db.session)] == [["2"]]


def events_of(session):
    return list(session.scalars(select(CrmEvent).order_by(CrmEvent.id)))


# --- potentials -------------------------------------------------------------------------------------


def test_a_potential_that_was_won_makes_its_invoice(partners):
    account = partners.add("Accounts", Account_Name="Acme Ltd")
    switch_on(partners)
    event = told(partners, "Deals", add_deal(partners, account=account, stage=WON))
    assert event.handled_at
    assert event.error == ""
    assert db.session.scalars(select(Transaction)).one().potential_name == "Big Deal"


def test_notifications_of_one_module_are_handled_together(partners):
    account = partners.add("Accounts", Account_Name="Acme Ltd")
    switch_on(partners)
    waiting = [received(partners, "Deals", add_deal(partners, f"D{n}", account=account, stage=WON)) for n in range(3)]
    partners.forget_calls()
    handled(partners, waiting[1])
    assert all(the_event(event_id).handled_at for event_id in waiting)
    assert partners.count(Transaction) == 3
    reads = [call for call in partners.sandbox.requests() if call["path"] == "/crm/v8/Deals"]
    assert len(reads) == 1


# --- accounts and contacts --------------------------------------------------------------------------


def test_a_changed_account_is_updated(partners):
    account = partners.add("Accounts", Account_Name="Acme Ltd")
    partners.sync()
    partners.edit("Accounts", account, Phone="555")
    told(partners, "Accounts", account)
    assert [customer.phone for customer in partners.customers()] == ["555"]
    (run,) = notified_runs()
    assert (run.status, run.updated, run.module, run.actor_name) == ("succeeded", 1, "customers", "Zoho CRM")


def test_a_new_account_comes_with_its_contacts(partners):
    account = partners.add("Accounts", Account_Name="Acme Ltd")
    partners.add("Contacts", Last_Name="Lee", Account_Name={"id": account})
    told(partners, "Accounts", account, operation="insert")
    assert names(partners) == ["Acme Ltd"]
    assert [person.last_name for person in db.session.scalars(select(ContactPerson))] == ["Lee"]
    assert notified_runs()[0].added == 2


def test_a_new_contact_joins_its_accounts_customer(partners):
    account = partners.add("Accounts", Account_Name="Acme Ltd")
    partners.sync()
    contact = partners.add("Contacts", Last_Name="Lee", Account_Name={"id": account})
    told(partners, "Contacts", contact, operation="insert")
    assert db.session.scalars(select(ContactPerson)).one().last_name == "Lee"


def test_a_deleted_account_is_let_go(partners):
    account = partners.add("Accounts", Account_Name="Acme Ltd")
    partners.sync()
    partners.drop("Accounts", account)
    told(partners, "Accounts", account, operation="delete")
    assert partners.customers() == []
    assert notified_runs()[0].deleted == 1


def test_a_deletion_that_did_not_happen_deletes_nothing(partners):
    """A notification is a hint: the record is the truth."""
    account = partners.add("Accounts", Account_Name="Acme Ltd")
    partners.sync()
    told(partners, "Accounts", account, operation="delete")
    assert names(partners) == ["Acme Ltd"]
    assert notified_runs() == []


def test_what_we_knew_already_makes_no_entry(partners):
    account = partners.add("Accounts", Account_Name="Acme Ltd")
    partners.sync()
    before = partners.count(SyncRun)
    told(partners, "Accounts", account)
    assert partners.count(SyncRun) == before


def test_what_we_told_the_crm_is_not_told_back(both_ways):
    with unit_of_work() as session:
        make_customer(session, display_name="Ours Ltd", phone="1")
    first_synced(both_ways)
    both_ways.forget_calls()
    before = both_ways.count(SyncRun)
    (account,) = [link.crm_id for link in db.session.scalars(select(Link))]
    told(both_ways, "Accounts", account, operation="insert")
    assert names(both_ways) == ["Ours Ltd"]
    assert both_ways.count(SyncRun) == before
    assert both_ways.writes() == []


def test_a_module_that_is_not_synced_is_not_asked_about(app, asha, sandbox):
    partners = first_synced(connected(app, sandbox, scope="accounts"))
    contact = partners.add("Contacts", Last_Name="Lee")
    partners.forget_calls()
    assert told(partners, "Contacts", contact).handled_at
    assert partners.sandbox.requests() == partners.customers() == []


def test_before_the_first_sync_nothing_is_brought_in(app, asha, sandbox):
    partners = connected(app, sandbox, scope="accounts")
    assert told(partners, "Accounts", partners.add("Accounts", Account_Name="Acme Ltd")).handled_at
    assert partners.customers() == []


# --- views ------------------------------------------------------------------------------------------


@pytest.fixture
def viewed(app, asha, sandbox):
    """Only a view's accounts are fetched: those in the banking industry."""
    made = sandbox.control(
        "custom_views", {"module": "Accounts", "name": "Banks", "criteria": "(Industry:equals:Banking)"}
    )
    return first_synced(connected(app, sandbox, scope="accounts", account_view_id=str(made["id"])))


def test_a_record_outside_of_the_view_is_not_brought_in(viewed):
    inside = viewed.add("Accounts", Account_Name="A bank", Industry="Banking")
    outside = viewed.add("Accounts", Account_Name="A shop", Industry="Education")
    told(viewed, "Accounts", inside, outside, operation="insert")
    assert names(viewed) == ["A bank"]


def test_a_customer_made_here_follows_its_account_though_the_view_does_not_show_it(app, asha, sandbox):
    banks = {"module": "Accounts", "name": "Banks", "criteria": "(Industry:equals:Banking)"}
    view_id = str(sandbox.control("custom_views", banks)["id"])
    partners = connected(app, sandbox, scope="accounts", extent="both", account_view_id=view_id)
    with unit_of_work() as session:
        make_customer(session, display_name="A shop", phone="1")
    first_synced(partners)
    (account,) = partners.records("Accounts")
    partners.edit("Accounts", account["id"], Phone="2")
    told(partners, "Accounts", account["id"])
    assert [(customer.display_name, customer.phone) for customer in partners.customers()] == [("A shop", "2")]


def test_a_record_that_leaves_the_view_is_excluded(viewed):
    account = viewed.add("Accounts", Account_Name="A bank", Industry="Banking")
    viewed.sync()
    viewed.edit("Accounts", account, Industry="Education", Phone="555")
    told(viewed, "Accounts", account)
    (link,) = db.session.scalars(select(Link).execution_options(populate_existing=True))
    assert link.excluded_at
    assert [(customer.display_name, customer.phone) for customer in viewed.customers()] == [("A bank", "")]
    assert notified_runs()[0].excluded == 1


# --- waiting ----------------------------------------------------------------------------------------


def change(partners, **values):
    with unit_of_work() as session:
        connection = session.get_one(Connection, partners.connection_id)
        for name, value in values.items():
            setattr(connection, name, value)


def test_while_paused_notifications_wait_and_are_handled_on_resume(partners):
    account = partners.add("Accounts", Account_Name="Acme Ltd")
    with unit_of_work() as session:
        connections.pause(session, partners.connection, actor=SYSTEM)
    partners.forget_calls()
    event_id = received(partners, "Accounts", account)
    assert handled(partners, event_id).handled_at is None
    make_due(event_id)
    assert waiting(partners) == []
    assert partners.sandbox.requests() == []
    with unit_of_work() as session:
        connections.resume(session, partners.connection, actor=SYSTEM)
    assert waiting(partners) == [event_id]
    assert handled(partners, event_id).handled_at
    assert names(partners) == ["Acme Ltd"]


def test_while_disabled_nothing_is_handled(partners):
    event_id = received(partners, "Accounts", partners.add("Accounts", Account_Name="Acme Ltd"))
    with unit_of_work() as session:
        connections.disable(session, partners.connection, actor=SYSTEM)
    partners.forget_calls()
    make_due(event_id)
    assert waiting(partners) == []
    assert handled(partners, event_id).handled_at is None
    assert partners.sandbox.requests() == []


def test_a_notification_waits_for_the_run_that_is_under_way(partners):
    """What a push has just added is told back before its link is written: as a stranger of the same name."""
    account = partners.add("Accounts", Account_Name="Acme Ltd")
    with unit_of_work() as session:
        run = runs.queue_run(session, partners.connection, trigger=Trigger.INSTANT, actor_name="Asha")
        runs.claim(session, run.id, "a worker")
    event = told(partners, "Accounts", account)
    assert event.handled_at is None
    assert partners.customers() == []
    with unit_of_work() as session:
        runs.end(session, session.get_one(SyncRun, run.id), RunStatus.SUCCEEDED)
    make_due(event.id)
    assert waiting(partners) == [event.id]
    assert handled(partners, event.id).handled_at
    assert names(partners) == ["Acme Ltd"]


def test_a_crm_that_is_away_is_asked_again_later(partners):
    account = partners.add("Accounts", Account_Name="Acme Ltd")
    partners.sandbox.faults(fail_next=[{"status": 500, "count": 50, "path": "/crm/v8/Accounts"}])
    event = told(partners, "Accounts", account)
    assert event.handled_at is None
    assert event.error
    assert event.retry_at > now()
    assert waiting(partners) == []
    partners.sandbox.faults(fail_next=[])
    make_due(event.id)
    assert handled(partners, event.id).error == ""
    assert names(partners) == ["Acme Ltd"]


def test_a_notification_that_failed_for_an_hour_is_left_to_the_next_sync(partners):
    event_id = received(partners, "Accounts", "1")
    with unit_of_work() as session:
        event = session.get_one(CrmEvent, event_id)
        event.error, event.received_at, event.retry_at = "away", now() - timedelta(hours=2), now()
    assert waiting(partners) == []


def test_what_the_crm_refuses_for_good_is_closed_with_its_words(partners):
    account = partners.add("Accounts", Account_Name="Acme Ltd")
    partners.sandbox.faults(fail_next=[{"status": 403, "count": 50, "path": "/crm/v8/Accounts"}])
    event = told(partners, "Accounts", account)
    assert event.handled_at
    assert event.error


def test_one_worker_at_a_time_has_a_notification(partners):
    event_id = received(partners, "Accounts", partners.add("Accounts", Account_Name="Acme Ltd"))
    asked = []

    def get_many(*which):
        asked.append(which)
        handled(partners, event_id)  # another worker comes along
        return []

    handled(partners, event_id, client=Altered(partners.client, get_many=get_many))
    assert len(asked) == 1


def test_a_second_change_while_the_first_is_handled_is_not_lost(partners):
    account = partners.add("Accounts", Account_Name="Acme Ltd")
    event_id = received(partners, "Accounts", account, digest="same")
    client = partners.client
    read = client.get_many

    def get_many(*which):
        records = read(*which)
        partners.edit("Accounts", account, Phone="555")
        received(partners, "Accounts", account, digest="same")
        return records

    event = handled(partners, event_id, client=Altered(client, get_many=get_many))
    assert event.handled_at is None
    handled(partners, event_id)
    assert [customer.phone for customer in partners.customers()] == ["555"]


def test_an_error_of_ours_leaves_it_to_be_tried_again(partners):
    event_id = received(partners, "Accounts", partners.add("Accounts", Account_Name="Acme Ltd"))

    def get_many(*_which):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        handled(partners, event_id, client=Altered(partners.client, get_many=get_many))
    event = the_event(event_id)
    assert (event.handled_at, event.error) == (None, "ZeroDivisionError")


@pytest.mark.parametrize("refusal", [Paused(), NotConnected()])
def test_one_that_is_stopped_half_way_waits(partners, refusal):
    def get_many(*_which):
        raise refusal

    event_id = received(partners, "Accounts", partners.add("Accounts", Account_Name="Acme Ltd"))
    event = handled(partners, event_id, client=Altered(partners.client, get_many=get_many))
    assert (event.handled_at, event.error) == (None, "")
    make_due(event_id)
    assert handled(partners, event_id).handled_at
    assert names(partners) == ["Acme Ltd"]


def test_a_notification_is_kept_and_handled_once_on_either_database(any_app, sandbox):
    partners = first_synced(connected(any_app, sandbox, scope="accounts"))
    account = partners.add("Accounts", Account_Name="Acme Ltd")
    for _ in range(2):
        event_id = received(partners, "Accounts", account, digest="same")
    assert partners.count(CrmEvent) == 1
    for _ in range(2):
        assert handled(partners, event_id).handled_at
    assert names(partners) == ["Acme Ltd"]
    assert len(notified_runs()) == 1


def test_documents_are_handed_to_whoever_takes_them(partners):
    taken = []
    events.on_documents(lambda connection, module, ids, client: taken.append((connection.id, module, list(ids))))
    told(partners, "Quotes", "7")
    events._documents.clear()
    assert taken == [(partners.connection_id, "Quotes", ["7"])]
