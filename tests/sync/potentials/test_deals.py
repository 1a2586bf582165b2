"""What a potential's fate does here: invoices and quotes that follow it, once, and never over a person's head."""

import threading
from decimal import Decimal

import pytest
from sqlalchemy import select

from tests.factories.customers import make_customer
from tests.factories.potentials import LOST, OPEN, WON, Altered, add_deal, move_deal, notify, switch_on
from tests.factories.sync import connected
from tests.factories.transactions import pay
from zbweb.billing import customers, items, moves, transactions
from zbweb.billing.journal import SYSTEM, history
from zbweb.billing.models import ContactPerson, Customer, Transaction
from zbweb.billing.status import Status
from zbweb.crm.errors import Unavailable
from zbweb.crm.port import StageKind
from zbweb.db import db, unit_of_work, work_for
from zbweb.sync import connection as connections
from zbweb.sync.clients import client_for
from zbweb.sync.core.words import Automation
from zbweb.sync.models import Connection, Link, SeenPotential, SyncEntry, SyncRun
from zbweb.sync.potentials import deals


@pytest.fixture
def partners(app, asha, sandbox):
    """Zylker Ltd, which fetches accounts and their contacts."""
    return connected(app, sandbox, scope="accounts_and_contacts", include_loose=True)


@pytest.fixture
def acme(partners):
    """An account of the CRM that nobody has fetched yet."""
    account = partners.add("Accounts", Account_Name="Acme Ltd")
    partners.add("Contacts", Last_Name="Lee", Account_Name={"id": account})
    return account


def documents():
    db.session.rollback()
    statement = select(Transaction).order_by(Transaction.id).execution_options(populate_existing=True)
    return list(db.session.scalars(statement))


def document():
    (found,) = documents()
    return found


def potential_runs():
    db.session.rollback()
    return list(db.session.scalars(select(SyncRun).where(SyncRun.module == "potentials").order_by(SyncRun.id)))


def told(run):
    entries = db.session.scalars(select(SyncEntry).where(SyncEntry.run_id == run.id).order_by(SyncEntry.id))
    return [(entry.outcome, entry.reason) for entry in entries]


def last_told():
    return told(potential_runs()[-1])


# --- an invoice when a potential is won -------------------------------------------------------------


def test_a_won_potential_makes_a_draft_invoice_for_its_account(partners, acme):
    switch_on(partners)
    deal = add_deal(partners, "Big Deal", account=acme, stage=WON, amount=Decimal("1250.5"))
    notify(partners, deal)
    invoice = document()
    assert (invoice.kind, invoice.status, invoice.origin) == ("invoices", "draft", "automation")
    assert (invoice.potential_id, invoice.potential_name, invoice.potential_stage) == (deal, "Big Deal", WON)
    assert [(line.name, line.quantity, line.amount) for line in invoice.lines] == [
        ("As per potential Big Deal", 1, Decimal("1250.5"))
    ]
    assert invoice.customer.display_name == "Acme Ltd"
    assert [person.last_name for person in db.session.scalars(select(ContactPerson))] == ["Lee"]


def test_the_history_tells_of_it_as_a_run_of_its_own(partners, acme):
    switch_on(partners)
    deal = add_deal(partners, account=acme, stage=WON)
    notify(partners, deal)
    (run,) = potential_runs()
    assert (run.trigger, run.status, run.added, run.actor_name) == ("notification", "succeeded", 1, "Automation")
    (entry,) = partners.entries(run)
    assert (entry.outcome, entry.reason, entry.name) == ("added", "potential_won", "Big Deal")
    assert (entry.crm_module, entry.crm_id, entry.entity, entry.entity_id) == (
        "Deals", deal, "transaction", document().id,
    )  # fmt: skip
    journal = history(db.session(), "transaction", document().id)
    assert [(line.action, line.actor_name, line.run_id) for line in journal] == [
        ("potential_followed", "Automation", run.id),
        ("created", "Automation", run.id),
    ]


def test_the_same_notification_twice_makes_one_invoice_and_one_run(partners, acme):
    switch_on(partners)
    deal = add_deal(partners, account=acme, stage=WON)
    notify(partners, deal)
    notify(partners, deal, deal)
    assert len(documents()) == len(potential_runs()) == 1


def test_an_open_potential_leaves_no_trace_in_the_history(partners, acme):
    switch_on(partners)
    notify(partners, add_deal(partners, account=acme))
    assert documents() == potential_runs() == []


def test_a_potential_won_before_makes_no_invoice_however_often_it_is_edited(partners, acme):
    deal = add_deal(partners, account=acme, stage=WON)
    switch_on(partners)
    notify(partners, deal)
    partners.edit("Deals", deal, Amount=99)
    notify(partners, deal)
    partners.sync()
    assert documents() == []


def test_one_won_before_and_won_again_does(partners, acme):
    deal = add_deal(partners, account=acme, stage=WON)
    switch_on(partners)
    for stage in (OPEN, WON):
        move_deal(partners, deal, stage)
        notify(partners, deal)
    assert document().potential_id == deal


def test_what_was_won_while_the_automation_was_off_stays_without_invoice(partners, acme):
    switch_on(partners)
    deal = add_deal(partners, account=acme)
    switch_on(partners, Automation.NONE)
    move_deal(partners, deal, WON)
    notify(partners, deal)
    switch_on(partners)
    notify(partners, deal)
    assert documents() == []


def test_choosing_what_is_chosen_changes_nothing(partners):
    assert switch_on(partners)
    since = partners.connection.automation_since
    assert not switch_on(partners)
    assert partners.connection.automation_since == since


def test_what_won_means_is_the_pipelines_word_not_the_stages_name(partners, acme):
    """Somebody renamed the stages: "Closed Won" is an open one now, and "Qualification" is where potentials are won."""
    client = Altered(partners.client, stage_kinds=lambda: {WON: StageKind.OPEN, OPEN: StageKind.WON})
    switch_on(partners)
    named, meant = add_deal(partners, "Named", account=acme, stage=WON), add_deal(partners, "Meant", account=acme)
    notify(partners, named, meant, client=client)
    assert document().potential_name == "Meant"


def test_a_lost_potential_voids_its_invoice(partners, acme):
    switch_on(partners)
    deal = add_deal(partners, account=acme, stage=WON)
    notify(partners, deal)
    move_deal(partners, deal, LOST)
    notify(partners, deal)
    assert (document().status, document().potential_stage) == ("void", LOST)
    assert last_told() == [("updated", "potential_lost")]
    move_deal(partners, deal, WON)
    notify(partners, deal)
    assert document().status == "void"
    assert last_told() == [("skipped", "already_done")]


def test_an_invoice_that_a_person_sent_is_left_alone(partners, acme, asha):
    switch_on(partners)
    deal = add_deal(partners, account=acme, stage=WON)
    notify(partners, deal)
    with unit_of_work() as session:
        moves.move(session, document(), Status.SENT, asha.actor)
    move_deal(partners, deal, LOST)
    notify(partners, deal)
    assert document().status == "sent"
    assert last_told() == [("skipped", "status_by_person")]


def test_an_invoice_that_was_paid_is_left_alone(partners, acme):
    switch_on(partners)
    deal = add_deal(partners, account=acme, stage=WON)
    notify(partners, deal)
    with unit_of_work() as session:
        invoice = moves.move(session, document(), Status.SENT, SYSTEM)
        pay(session, session.get(Customer, invoice.customer_id), 100, invoices={invoice: 100})
    move_deal(partners, deal, LOST)
    notify(partners, deal)
    assert document().status == "sent"


def test_an_invoice_that_a_person_deleted_is_not_made_again(partners, acme, asha):
    switch_on(partners)
    deal = add_deal(partners, account=acme, stage=WON)
    notify(partners, deal)
    with unit_of_work() as session:
        transactions.delete(session, document(), actor=asha.actor)
    partners.edit("Deals", deal, Amount=99)
    notify(partners, deal)
    partners.sync()
    assert documents() == []


# --- a quote that follows its potential -------------------------------------------------------------


def test_a_quote_is_made_with_its_potential_and_follows_it(partners, acme):
    switch_on(partners, Automation.QUOTE)
    deal = add_deal(partners, account=acme)
    notify(partners, deal)
    assert (document().kind, document().status) == ("quotes", "draft")
    for stage, status in ((WON, "accepted"), (LOST, "declined"), (WON, "accepted")):
        move_deal(partners, deal, stage)
        notify(partners, deal)
        assert document().status == status
    assert [told(run) for run in potential_runs()] == [
        [("added", "potential_created")],
        [("updated", "potential_won")],
        [("updated", "potential_lost")],
        [("updated", "potential_won")],
    ]


def test_a_potential_first_heard_of_when_it_is_won_has_an_accepted_quote(partners, acme):
    switch_on(partners, Automation.QUOTE)
    notify(partners, add_deal(partners, account=acme, stage=WON))
    assert (document().kind, document().status) == ("quotes", "accepted")


def test_no_quote_is_made_for_potentials_that_were_there_before(partners, acme):
    deal = add_deal(partners, account=acme)
    closed = partners.client
    switch_on(partners, Automation.QUOTE)
    with unit_of_work() as session:  # the CRM counts in whole seconds
        connection = session.get_one(Connection, partners.connection_id)
        connection.automation_since = connection.automation_since.replace(year=2090)
    notify(partners, deal, client=closed)
    assert documents() == []


def test_a_quote_that_a_person_declined_is_left_alone(partners, acme, asha):
    switch_on(partners, Automation.QUOTE)
    deal = add_deal(partners, account=acme)
    notify(partners, deal)
    with unit_of_work() as session:
        moves.move(session, document(), Status.DECLINED, asha.actor)
    move_deal(partners, deal, WON)
    notify(partners, deal)
    assert document().status == "declined"
    assert last_told() == [("skipped", "status_by_person")]


# --- whose document it is ---------------------------------------------------------------------------


def test_a_customer_who_is_here_already_is_not_fetched_again(partners, acme):
    partners.sync()
    switch_on(partners)
    deal = add_deal(partners, account=acme, stage=WON)
    partners.forget_calls()
    notify(partners, deal)
    assert document().customer_id == partners.customers()[0].id
    assert not any("Accounts" in call["path"] for call in partners.sandbox.requests())


def test_a_contact_alone_becomes_an_individual_customer(partners):
    contact = partners.add("Contacts", First_Name="Ann", Last_Name="Lee")
    switch_on(partners)
    notify(partners, add_deal(partners, contact=contact, stage=WON))
    assert (document().customer.display_name, document().customer.type) == ("Ann Lee", "individual")


def test_where_contacts_are_synced_the_potential_belongs_to_its_contact(app, asha, sandbox):
    partners = connected(app, sandbox, scope="contacts")
    account = partners.add("Accounts", Account_Name="Acme Ltd")
    contact = partners.add("Contacts", First_Name="Ann", Last_Name="Lee", Account_Name={"id": account})
    switch_on(partners)
    notify(partners, add_deal(partners, account=account, contact=contact, stage=WON))
    assert document().customer.display_name == "Ann Lee"


def test_a_potential_of_nobody_fails_until_it_has_an_account(partners, acme):
    switch_on(partners)
    deal = add_deal(partners, stage=WON)
    notify(partners, deal)
    assert last_told() == [("failed", "no_customer")]
    partners.edit("Deals", deal, Account_Name={"id": acme})
    run = partners.sync()
    assert document().potential_id == deal
    assert ("added", "potential_won") in told(run)
    assert all(entry.resolved_at for entry in partners.entries(potential_runs()[0]))


def test_a_run_tells_once_of_a_potential_that_fails_again(partners):
    switch_on(partners)
    add_deal(partners, stage=WON)
    for _ in range(2):
        assert told(partners.sync()) == [("failed", "no_customer")]


def test_retry_tries_just_the_failed_potential_again(partners, acme):
    switch_on(partners)
    deal = add_deal(partners, stage=WON)
    notify(partners, deal)
    partners.edit("Deals", deal, Account_Name={"id": acme})
    run = partners.sync("retry", only={"crm": {"Deals": [deal]}, "local": {}})
    assert told(run) == [("added", "potential_won")]


def test_a_failed_potential_that_was_deleted_in_the_crm_is_settled(partners):
    switch_on(partners)
    deal = add_deal(partners, stage=WON)
    notify(partners, deal)
    partners.drop("Deals", deal)
    partners.sync()
    assert all(entry.resolved_at for entry in partners.entries(potential_runs()[0]))


def test_a_customer_who_was_deleted_here_is_not_brought_back(partners, acme, asha):
    partners.sync()
    with unit_of_work() as session:
        customers.delete(session, customers.find(session, partners.customers()[0].id), actor=asha.actor)
    switch_on(partners)
    notify(partners, add_deal(partners, account=acme, stage=WON))
    assert documents() == partners.customers() == []
    (entry,) = partners.entries(potential_runs()[-1])
    assert "it is not fetched again" in entry.crm_words


def test_the_skipped_twin_of_an_account_gets_the_invoice(partners, acme):
    with unit_of_work() as session:
        make_customer(session, display_name="ACME  ltd")
    switch_on(partners)
    notify(partners, add_deal(partners, account=acme, stage=WON))
    assert document().customer.display_name == "ACME  ltd"


# --- what it says -----------------------------------------------------------------------------------


def with_products(partners, *products):
    client = partners.client
    read = client.related
    return Altered(client, related=lambda module, *which: list(products) if module == "Deals" else read(module, *which))


def test_products_of_the_potential_become_lines_at_their_prices(partners, acme):
    with unit_of_work() as session:
        saved = items.create(
            session, items.ItemDraft(name="Widget", sku="W-1", rate=Decimal(9), unit="pcs"), actor=SYSTEM
        )
    switch_on(partners)
    widget = {
        "id": "1",
        "Product_Name": "The widget",
        "Product_Code": "W-1",
        "Unit_Price": 9,
        "List_Price": 7,
        "Quantity": 3,
    }
    fee = {"id": "2", "Product_Name": "Fee", "Unit_Price": Decimal("19.90")}
    notify(partners, add_deal(partners, account=acme, stage=WON), client=with_products(partners, widget, fee))
    assert [(line.name, line.quantity, line.rate, line.unit, line.item_id) for line in document().lines] == [
        ("The widget", 3, 7, "pcs", saved.id),
        ("Fee", 1, Decimal("19.90"), "", None),
    ]


def test_a_potential_of_an_inactive_customer_fails_with_what_to_do_and_succeeds_when_that_is_done(partners, acme):
    partners.sync()
    switch_on(partners)
    active(False)
    deal = add_deal(partners, account=acme, stage=WON)
    notify(partners, deal)
    entry = db.session.scalars(select(SyncEntry).where(SyncEntry.crm_id == deal)).one()
    assert (documents(), entry.outcome, entry.reason) == ([], "failed", "potential_refused")
    assert "Acme Ltd is inactive, so nothing new is made for it. Mark it as active first." in entry.crm_words
    active(True)
    notify(partners, deal)
    assert document().customer.display_name == "Acme Ltd"


def active(is_so):
    """Somebody marks Acme Ltd as active, or not."""
    with unit_of_work() as session:
        work_for(session, db.session.scalars(select(Connection)).one().organisation_id)
        customers.set_active(session, session.scalars(select(Customer)).one(), active=is_so, actor=SYSTEM)


def test_a_product_s_discount_is_rounded_to_the_currency(partners, acme):
    switch_on(partners)
    widget = {"id": "1", "Product_Name": "Widget", "List_Price": 7, "Quantity": 1, "Discount": Decimal("0.125")}
    notify(partners, add_deal(partners, account=acme, stage=WON), client=with_products(partners, widget))
    assert (document().lines[0].discount_value, document().total) == (Decimal("0.13"), Decimal("6.87"))


def test_products_of_the_potential_are_the_items_they_are_paired_with(partners, acme):
    with unit_of_work() as session:
        paired = items.create(session, items.ItemDraft(name="Widget"), actor=SYSTEM).id
        folded = items.create(session, items.ItemDraft(name="SCHLÜSSEL"), actor=SYSTEM).id
        session.add(
            Link(
                organisation_id=partners.connection.organisation_id, connection_id=partners.connection_id,
                entity="item", entity_id=paired, crm_module="Products", crm_id="1",
            )
        )  # fmt: skip
    switch_on(partners)
    renamed = {"id": "1", "Product_Name": "Gadget", "List_Price": 1}
    shouted = {"id": "2", "Product_Name": "Schlüssel", "List_Price": 1}
    notify(partners, add_deal(partners, account=acme, stage=WON), client=with_products(partners, renamed, shouted))
    assert [line.item_id for line in document().lines] == [paired, folded]


def test_products_without_prices_give_way_to_the_amount(partners, acme):
    switch_on(partners)
    nameless = {"id": "1", "Product_Name": "Something"}
    notify(partners, add_deal(partners, account=acme, stage=WON), client=with_products(partners, nameless))
    assert [(line.name, line.amount) for line in document().lines] == [("As per potential Big Deal", 1250)]


def test_a_potential_without_an_amount_makes_an_empty_draft_to_be_filled(partners, acme):
    switch_on(partners)
    notify(partners, add_deal(partners, account=acme, stage=WON, amount=None))
    assert document().total == 0


def in_currency(partners, currency, rate):
    client = partners.client
    read = client.get_many

    def get_many(module, ids, fields):
        records = read(module, ids, fields)
        more = {"Currency": currency, "Exchange_Rate": rate} if module == "Deals" else {}
        return [{**record, **more} for record in records]

    return Altered(client, get_many=get_many)


def test_a_potential_in_the_customers_currency_keeps_its_rate(partners, acme):
    with unit_of_work() as session:
        make_customer(session, display_name="Acme Ltd", currency="EUR")
    switch_on(partners)
    deal = add_deal(partners, account=acme, stage=WON, amount=800)
    notify(partners, deal, client=in_currency(partners, "EUR", Decimal("0.8")))
    assert (document().currency, document().total, document().base_total) == ("EUR", 800, 1000)


def test_a_potential_in_another_currency_says_what_to_change(partners, acme):
    switch_on(partners)
    deal = add_deal(partners, account=acme, stage=WON)
    notify(partners, deal, client=in_currency(partners, "EUR", Decimal("0.8")))
    assert documents() == []
    (entry,) = partners.entries(potential_runs()[0])
    assert (entry.outcome, entry.reason) == ("failed", "potential_refused")
    assert "in EUR, but Acme Ltd is billed in USD" in entry.crm_words


@pytest.mark.parametrize(
    ("amount", "words"),
    [
        ("-5", "The rate cannot be less than zero."),
        ("9999999999999.99", "The rate is too large; a million millions is too much."),
    ],
)
def test_an_amount_that_no_document_takes_is_told_once_and_truly(partners, acme, amount, words):
    switch_on(partners)
    notify(partners, add_deal(partners, account=acme, stage=WON, amount=Decimal(amount)))
    (entry,) = partners.entries(potential_runs()[0])
    assert entry.crm_words == words


def test_what_billing_refuses_of_one_potential_spares_the_others(partners, acme):
    switch_on(partners)
    bad = add_deal(partners, "Bad", account=acme, stage=WON, amount=-5)
    good = add_deal(partners, "Good", account=acme, stage=WON)
    notify(partners, bad, good)
    assert document().potential_name == "Good"
    assert sorted(last_told()) == [("added", "potential_won"), ("failed", "potential_refused")]


# --- when ------------------------------------------------------------------------------------------


def test_each_sync_finds_what_no_notification_told(partners, acme):
    switch_on(partners)
    add_deal(partners, account=acme, stage=WON)
    run = partners.sync()
    assert run.status == "succeeded", run.error_message
    assert document().potential_name == "Big Deal"
    assert ("added", "potential_won") in told(run)


def test_a_second_sync_finds_nothing_new(partners, acme):
    switch_on(partners)
    add_deal(partners, account=acme, stage=WON)
    partners.sync()
    before = partners.connection.deals_watermark, partners.count(SeenPotential)
    partners.forget_calls()
    assert told(partners.sync()) == []
    assert partners.writes() == []
    assert (partners.connection.deals_watermark >= before[0], partners.count(SeenPotential)) == (True, before[1])


@pytest.mark.parametrize("state", ["paused", "disabled"])
def test_nothing_happens_while_paused_or_disabled(partners, acme, state):
    switch_on(partners)
    deal = add_deal(partners, account=acme, stage=WON)
    client = partners.client
    stop, go_on = {
        "paused": (connections.pause, connections.resume),
        "disabled": (connections.disable, connections.enable),
    }[state]
    with unit_of_work() as session:
        stop(session, partners.connection, actor=SYSTEM)
    partners.forget_calls()
    notify(partners, deal, client=client)
    deals.catch_up(partners.connection, client)
    assert documents() == partners.sandbox.requests() == []
    with unit_of_work() as session:
        go_on(session, partners.connection, actor=SYSTEM)
    partners.sync()
    assert document().potential_id == deal


def test_catching_up_looks_at_what_changed_since_the_last_look(partners, acme):
    switch_on(partners)
    deal = add_deal(partners, account=acme, stage=WON)
    deals.catch_up(partners.connection, partners.client)
    assert document().potential_id == deal
    assert potential_runs()[0].added == 1


def test_a_crm_that_is_away_leaves_everything_for_later(partners, acme):
    switch_on(partners)
    deal = add_deal(partners, account=acme, stage=WON)
    partners.sandbox.faults(fail_next=[{"status": 500, "count": 50, "path": "/crm/v8/Accounts"}])
    with pytest.raises(Unavailable):
        notify(partners, deal)
    assert documents() == []
    partners.sandbox.faults(fail_next=[])
    notify(partners, deal)
    assert document().potential_id == deal


def test_two_workers_with_one_notification_make_one_invoice(any_app, sandbox):
    partners = connected(any_app, sandbox, scope="accounts")
    organisation_id, connection_id = partners.connection.organisation_id, partners.connection_id
    account = partners.add("Accounts", Account_Name="Acme Ltd")
    switch_on(partners)
    won = [add_deal(partners, f"Deal {number}", account=account, stage=WON) for number in range(3)]
    ready, troubles = threading.Barrier(4), []

    def work():
        with any_app.app_context():
            work_for(db.session(), organisation_id)
            connection = db.session.get_one(Connection, connection_id)
            client = client_for(connection)
            ready.wait()
            try:
                deals.on_change(connection, won, client)
            except Exception as trouble:
                troubles.append(trouble)
            db.session.remove()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert troubles == []
    assert [each.potential_name for each in documents()] == ["Deal 0", "Deal 1", "Deal 2"]
    assert len(partners.customers()) == 1
    assert sum(run.added for run in potential_runs()) == 3
