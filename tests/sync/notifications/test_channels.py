"""The standing order for notifications: what it covers, how it is renewed, and what a refusal means."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.factories.potentials import WON, add_deal, switch_on
from tests.factories.runs import make_setup
from tests.factories.sync import connected, hasty_client
from zbweb import config
from zbweb.billing.journal import SYSTEM
from zbweb.billing.models import Transaction
from zbweb.clock import now
from zbweb.db import db, unit_of_work, work_for
from zbweb.sandbox.channels import channels as standing_orders
from zbweb.sync import connection as connections
from zbweb.sync.core.words import Automation
from zbweb.sync.models import Connection, ModuleSetup
from zbweb.sync.notifications import channels

WATCH = "/crm/v8/actions/watch"


@pytest.fixture
def partners(app, asha, sandbox):
    return connected(app, sandbox, scope="accounts_and_contacts")


def kept(partners):
    """Look after the order if it is due, as the schedule does; the connection as it is then."""
    organisation_id = partners.connection.organisation_id
    work_for(db.session(), None)
    for connection_id in channels.due(db.session()):
        channels.keep(connection_id, open_client=hasty_client)
    work_for(db.session(), organisation_id)
    return partners.connection


def orders(partners):
    """What the CRM was ordered to tell since the calls were forgotten."""
    return [call["method"] for call in partners.sandbox.requests() if call["path"] == WATCH]


def subscriptions(partners):
    """The orders that stand in the CRM."""
    sandbox = partners.sandbox.sandbox
    with sandbox.reading() as connection:
        return standing_orders(connection, now=sandbox.clock.now())


def change(partners, **values):
    with unit_of_work() as session:
        connection = session.get_one(Connection, partners.connection_id)
        for name, value in values.items():
            setattr(connection, name, value)


def test_configured_customers_are_told_of(partners):
    connection = kept(partners)
    assert connection.channel_events == ["Accounts.all", "Contacts.all"]
    assert connection.channel_problem == ""
    standing = subscriptions(partners)
    assert [each.module for each in standing] == ["Accounts", "Contacts"]
    for each in standing:
        assert each.token == connection.channel_secret
        assert each.notify_url == f"http://127.0.0.1:8000/hooks/zoho/{connection.hook_token}"
    assert timedelta(days=6) < connection.channel_expires_at - now() < timedelta(days=7)


def test_an_order_that_stands_costs_no_call(partners):
    kept(partners)
    partners.forget_calls()
    kept(partners)
    assert orders(partners) == []


@pytest.mark.parametrize(
    ("scope", "events"),
    [("accounts", ["Accounts.all"]), ("contacts", ["Contacts.all"])],
)
def test_only_what_is_synced_is_ordered(app, asha, sandbox, scope, events):
    assert kept(connected(app, sandbox, scope=scope)).channel_events == events


def test_the_automation_adds_potentials_and_takes_them_away(partners):
    kept(partners)
    switch_on(partners)
    assert "Deals.all" in kept(partners).channel_events
    switch_on(partners, Automation.NONE)
    assert "Deals.all" not in kept(partners).channel_events
    assert [each.module for each in subscriptions(partners)] == ["Accounts", "Contacts"]


def test_documents_that_come_from_the_crm_too_are_told_of(partners):
    with unit_of_work() as session:
        make_setup(session, partners.connection, module="quotes", extent="fetch")
        make_setup(session, partners.connection, module="sales-orders", extent="both", enabled=False)
        make_setup(session, partners.connection, module="invoices", extent="both")
    assert kept(partners).channel_events == ["Accounts.all", "Contacts.all", "Invoices.all"]


def test_what_was_won_before_the_order_stood_is_caught_up_with(partners):
    account = partners.add("Accounts", Account_Name="Acme Ltd")
    switch_on(partners)
    add_deal(partners, account=account, stage=WON)
    kept(partners)
    assert partners.count(Transaction) == 1


def test_the_order_is_renewed_long_before_it_ends(partners):
    first = kept(partners)
    secret, channel_id = first.channel_secret, first.channel_id
    change(partners, channel_due_at=now(), channel_expires_at=now() + timedelta(days=1))
    partners.forget_calls()
    renewed = kept(partners)
    assert orders(partners) == ["POST"]
    assert renewed.channel_expires_at > now() + timedelta(days=6)
    assert (renewed.channel_secret, renewed.channel_id) == (secret, channel_id)


def test_a_short_order_is_renewed_before_it_ends(partners):
    soon = now() + timedelta(hours=1)
    assert now() + timedelta(minutes=45) < channels._next_look(soon) < soon
    assert channels._next_look(now()) > now()


def test_another_address_of_ours_is_ordered_anew(partners):
    kept(partners)
    config.use(replace(config.current(), public_url="https://billing.example"))
    assert kept(partners).channel_url.startswith("https://billing.example/hooks/zoho/")
    assert {each.notify_url for each in subscriptions(partners)} == {partners.connection.channel_url}


def test_nothing_configured_orders_nothing(partners):
    with unit_of_work() as session:
        session.get_one(ModuleSetup, partners.setup_id).enabled = False
    partners.forget_calls()
    assert kept(partners).channel_events == []
    assert orders(partners) == []


def test_what_is_not_needed_any_more_is_withdrawn(partners):
    kept(partners)
    with unit_of_work() as session:
        session.get_one(ModuleSetup, partners.setup_id).enabled = False
    connection = kept(partners)
    assert (connection.channel_events, connection.channel_expires_at) == ([], None)
    assert subscriptions(partners) == []


def test_a_refusal_is_noted_and_tried_again_later(partners):
    partners.sandbox.faults(fail_next=[{"status": 403, "count": 1, "path": WATCH}])
    connection = kept(partners)
    assert connection.channel_problem
    assert connection.channel_due_at > now()
    partners.forget_calls()
    kept(partners)
    assert orders(partners) == []
    change(partners, channel_due_at=now())
    connection = kept(partners)
    assert connection.channel_problem == ""
    assert connection.channel_events == ["Accounts.all", "Contacts.all"]


def test_a_crm_that_is_away_is_asked_again_within_a_minute(partners):
    partners.sandbox.faults(fail_next=[{"status": 500, "count": 50, "path": WATCH}])
    assert kept(partners).channel_due_at < now() + timedelta(minutes=1)
    partners.sandbox.faults(fail_next=[])


def test_a_disabled_connection_orders_nothing(partners):
    with unit_of_work() as session:
        connections.disable(session, partners.connection, actor=SYSTEM)
    partners.forget_calls()
    kept(partners)
    channels.keep(partners.connection_id, open_client=hasty_client)
    assert partners.sandbox.requests() == []


def test_before_disabling_the_order_is_withdrawn_and_enabling_orders_anew(partners):
    kept(partners)
    channels.withdraw(partners.connection, partners.client)
    assert subscriptions(partners) == []
    assert partners.connection.channel_events == []
    assert kept(partners).channel_events == ["Accounts.all", "Contacts.all"]


def test_withdrawing_from_a_crm_that_is_away_does_not_fail(partners):
    kept(partners)
    partners.sandbox.faults(fail_next=[{"status": 500, "count": 50, "path": WATCH}])
    channels.withdraw(partners.connection, partners.client)
    partners.sandbox.faults(fail_next=[])
    assert partners.connection.channel_events == []
