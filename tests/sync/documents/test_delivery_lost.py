"""A worker, an answer or a race lost at any point of a delivery: every document is in the CRM once."""

import threading
from dataclasses import replace

import pytest
from sqlalchemy import select

from tests.factories.documents import (
    add_customer,
    configure,
    deliver,
    documents_in,
    due_now,
    link_of,
    move,
    the_document,
    total_of,
    waiting,
)
from tests.factories.sync import connected, hasty_client
from tests.factories.transactions import make_invoice
from zbweb.billing import transactions
from zbweb.billing.drafts import from_transaction
from zbweb.billing.journal import SYSTEM
from zbweb.billing.models import Customer, OutboxRow, Transaction
from zbweb.billing.status import Status
from zbweb.clock import now
from zbweb.crm import own_fields
from zbweb.db import db, unit_of_work, work_for
from zbweb.sync import connection as connections
from zbweb.sync.documents import delivery
from zbweb.sync.models import Link, SyncRun
from zbweb.sync.outbox import claims


class Killed(BaseException):
    """kill -9: nothing that comes after it happens."""


def dies(partners, *, before=None, after=None, module="Invoices"):
    """A way to open clients whose worker dies before or after the named call about a module."""

    def open_client(connection):
        client, name = partners.client, before or after
        inner = getattr(client, name)

        def call(subject, *args, **kwargs):
            if subject != module:
                return inner(subject, *args, **kwargs)
            if after:
                inner(subject, *args, **kwargs)
            raise Killed

        setattr(client, name, call)
        return client

    return open_client


def deliver_and_die(partners, **when):
    with pytest.raises(Killed):
        deliver(partners, open_client=dies(partners, **when))
    due_now()


def lose_answers(partners, *modules):
    """The next inserts are carried out, and their answers never arrive."""
    partners.sandbox.faults(
        fail_next=[
            {"status": 500, "path": f"/crm/v8/{module}", "method": "POST", "after_applying": True} for module in modules
        ]
    )


def invoices(customer_id, count=1):
    with unit_of_work() as session:
        return [make_invoice(session, session.get_one(Customer, customer_id)).id for _ in range(count)]


def reprice(invoice_id):
    with unit_of_work() as session:
        invoice = session.get_one(Transaction, invoice_id)
        draft = from_transaction(invoice)
        lines = tuple(replace(line, rate=line.rate + 1) for line in draft.lines)
        transactions.edit(session, invoice, replace(draft, lines=lines), version=None, actor=SYSTEM)


def assert_all_there_once(partners, ids):
    found = documents_in(partners)
    assert sorted(each["Billing_Document_Id"] for each in found) == sorted(str(each) for each in ids)
    assert waiting() == []
    assert {link_of(each).crm_id for each in ids} == {each["id"] for each in found}
    names = [each["Product_Name"] for each in partners.records("Products", "Product_Name")]
    assert names.count("Other goods and services") == 1


@pytest.fixture
def acme(both_ways):
    customer_id = add_customer(display_name="Acme Ltd")
    both_ways.sync()
    configure(both_ways)
    return customer_id


@pytest.mark.parametrize("when", [{"before": "insert"}, {"after": "insert"}], ids=["before the call", "after the call"])
@pytest.mark.parametrize("module", ["Products", "Invoices"])
def test_a_worker_that_dies_at_an_insert_is_continued(both_ways, acme, when, module):
    ids = invoices(acme, 3)
    deliver_and_die(both_ways, module=module, **when)
    deliver(both_ways)
    assert_all_there_once(both_ways, ids)


@pytest.mark.parametrize("when", [{"before": "update"}, {"after": "update"}], ids=["before the call", "after the call"])
def test_a_worker_that_dies_at_an_update_is_continued(both_ways, acme, when):
    ids = invoices(acme)
    deliver(both_ways)
    move(ids[0], Status.VOID)
    deliver_and_die(both_ways, **when)
    deliver(both_ways)
    assert the_document(both_ways)["Status"] == "Cancelled"
    assert_all_there_once(both_ways, ids)


def test_while_a_dead_worker_holds_its_lease_nobody_else_sends(both_ways, acme):
    invoices(acme)
    with pytest.raises(Killed):
        deliver(both_ways, open_client=dies(both_ways, before="insert"))
    deliver(both_ways)
    assert documents_in(both_ways) == []


def test_no_run_seems_to_go_on_after_a_death(both_ways, acme):
    invoices(acme)
    deliver_and_die(both_ways, after="insert")
    db.session.rollback()
    assert db.session.scalars(select(SyncRun).where(SyncRun.status.in_(["running", "queued"]))).all() == []


@pytest.mark.parametrize("modules", [["Invoices"], ["Products"], ["Products", "Invoices"]])
def test_an_answer_that_is_lost_is_looked_up_before_anything_is_repeated(both_ways, acme, modules):
    ids = invoices(acme, 2)
    lose_answers(both_ways, *modules)
    for _ in range(3):
        deliver(both_ways)
        due_now()
    assert_all_there_once(both_ways, ids)


def test_without_a_field_for_our_id_lost_documents_are_found_by_their_subject(app, asha, sandbox, monkeypatch):
    monkeypatch.setattr(own_fields, "find_or_make", lambda *args, **kwargs: None)
    partners = connected(app, sandbox, extent="both")
    customer_id = add_customer()
    partners.sync()
    configure(partners)
    ids = invoices(customer_id, 2)
    lose_answers(partners, "Invoices")
    deliver(partners)
    due_now()
    deliver(partners)
    assert [each["Subject"] for each in documents_in(partners)] == ["INV-000001", "INV-000002"]
    assert len({link_of(each).crm_id for each in ids}) == 2
    assert waiting() == []


def test_an_older_document_of_other_books_with_the_same_id_is_not_taken_for_ours(both_ways, acme):
    (invoice_id,) = invoices(acme)
    deliver(both_ways)
    old = the_document(both_ways)["id"]
    with unit_of_work() as session:
        for link in session.scalars(select(Link).where(Link.entity == "transaction")):
            session.delete(link)
    with both_ways.sandbox.sandbox.store.write() as there:
        there.execute("UPDATE record SET created = created - 3600 WHERE id = ?", (int(old),))
    configure(both_ways, with_existing=True)
    lose_answers(both_ways, "Invoices")
    deliver(both_ways)
    due_now()
    deliver(both_ways)
    assert link_of(invoice_id).crm_id != old


def test_what_changed_while_it_was_being_sent_is_sent_too(both_ways, acme):
    (invoice_id,) = invoices(acme)

    def open_client(connection):
        client = hasty_client(connection)
        inner = client.insert

        def insert(module, *args, **kwargs):
            verdicts = inner(module, *args, **kwargs)
            if module == "Invoices":
                move(invoice_id, Status.VOID)
            return verdicts

        client.insert = insert
        return client

    deliver(both_ways, open_client=open_client)
    assert the_document(both_ways)["Status"] == "Cancelled"
    assert waiting() == []


def test_disabling_in_the_middle_stops_the_delivery_and_enabling_loses_nothing(both_ways, acme):
    ids = invoices(acme, 2)

    def open_client(connection):
        client = hasty_client(connection)
        inner = client.insert

        def insert(module, *args, **kwargs):
            verdicts = inner(module, *args, **kwargs)
            with unit_of_work() as session:
                connections.disable(session, both_ways.connection, actor=SYSTEM)
            return verdicts

        client.insert = insert
        return client

    deliver(both_ways, open_client=open_client)
    assert len(waiting()) == 2
    with unit_of_work() as session:
        connections.enable(session, both_ways.connection, actor=SYSTEM)
    due_now()
    deliver(both_ways)
    assert_all_there_once(both_ways, ids)


def test_something_unforeseen_is_tried_again_later_and_says_so(both_ways, acme, monkeypatch):
    (invoice_id,) = invoices(acme)

    def stumble(*args, **kwargs):
        raise RuntimeError

    with monkeypatch.context() as patched:
        patched.setattr(delivery.outgoing, "push", stumble)
        with pytest.raises(RuntimeError):
            deliver(both_ways)
    (row,) = waiting()
    assert (row.error_code, row.claimed_until) == ("unexpected", None)
    due_now()
    deliver(both_ways)
    assert_all_there_once(both_ways, [invoice_id])


def test_two_workers_at_once_send_everything_once(any_app, sandbox):
    partners = connected(any_app, sandbox, extent="both")
    organisation_id = partners.connection.organisation_id
    customer_id = add_customer(display_name="Acme Ltd")
    partners.sync()
    configure(partners)
    ids = invoices(customer_id, 30)
    start, failures = threading.Barrier(3), []

    def work():
        with any_app.app_context():
            try:
                start.wait()
                for _ in range(5):
                    delivery.deliver(organisation_id, open_client=hasty_client)
            except Exception as error:  # a thread's error must reach the test
                failures.append(error)
            finally:
                db.session.remove()

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    work_for(db.session(), organisation_id)
    deliver(partners)
    assert_all_there_once(partners, ids)


# --- the lease ---------------------------------------------------------------------------------------


def at_each_call(name, happens):
    """A way to open clients with which `happens` before each call of that name about an invoice."""

    def open_client(connection):
        client = hasty_client(connection)
        inner = getattr(client, name)

        def call(module, *args, **kwargs):
            if module == "Invoices":
                happens()
            return inner(module, *args, **kwargs)

        setattr(client, name, call)
        return client

    return open_client


def others_claim():
    """The lease ran out and another courier has claimed all that waits; until when."""
    due_now()
    with unit_of_work() as session:
        return claims.take(session).until


def claimed_until():
    return {row.claimed_until for row in waiting()}


def test_a_courier_that_lost_its_lease_leaves_the_new_holders_alone(both_ways, acme):
    invoices(acme, 2)
    leases = []
    deliver(both_ways, open_client=at_each_call("insert", lambda: leases.append(others_claim())))
    assert claimed_until() == set(leases)
    assert [row.error_code for row in waiting()] == ["", ""]
    deliver(both_ways)
    assert claimed_until() == set(leases)


def test_something_unforeseen_after_the_lease_was_lost_leaves_the_new_holders_alone(both_ways, acme):
    invoices(acme)
    leases = []

    def stumble():
        leases.append(others_claim())
        raise RuntimeError

    with pytest.raises(RuntimeError):
        deliver(both_ways, open_client=at_each_call("insert", stumble))
    (row,) = waiting()
    assert (row.claimed_until, row.error_code, row.attempts) == (leases[0], "", 0)


def test_no_fate_is_written_over_the_claim_of_another(both_ways, acme):
    invoices(acme, 3)
    with unit_of_work() as session:
        lost = claims.take(session)
    until = others_claim()
    before = [(row.stamp, row.sent_at, row.not_before, row.attempts) for row in waiting()]
    with unit_of_work() as session:
        one, two, three = lost.rows.values()
        claims.mark_sent(session, lost, [one, two, three], now())
        claims.certain(session, lost, one)
        claims.refused(session, lost, one, code="x", words="x")
        claims.later(session, lost, two, seconds=9)
        claims.delivered(session, lost, [three])
        claims.release(session, lost)
    assert [(row.stamp, row.sent_at, row.not_before, row.attempts) for row in waiting()] == before
    assert claimed_until() == {until}


def test_what_disabling_stopped_goes_as_soon_as_it_is_enabled(both_ways, acme):
    ids = invoices(acme)
    deliver(both_ways)
    move(ids[0], Status.VOID)

    def disable():
        with unit_of_work() as session:
            connections.disable(session, both_ways.connection, actor=SYSTEM)

    deliver(both_ways, open_client=at_each_call("update", disable))
    (row,) = waiting()
    assert (row.claimed_until, row.not_before, row.error_code) == (None, None, "")
    with unit_of_work() as session:
        connections.enable(session, both_ways.connection, actor=SYSTEM)
    deliver(both_ways)
    assert_all_there_once(both_ways, ids)


def test_the_lease_lasts_however_many_documents_are_read_one_by_one(both_ways, acme, monkeypatch):
    ids = invoices(acme, 4)
    deliver(both_ways)
    for invoice_id in ids:
        reprice(invoice_id)
    leases, hour = [], [now()]

    def take_long():
        leases.append(min(claimed_until()) - hour[0])
        hour[0] += claims.LEASE / 2

    monkeypatch.setattr(claims, "now", lambda: hour[0])
    deliver(both_ways, open_client=at_each_call("get", take_long))
    assert len(leases) == 4
    assert min(leases) > claims.LEASE / 2
    assert waiting() == []


# --- deleted here -----------------------------------------------------------------------------------


def test_a_document_deleted_here_goes_from_the_crm_too(both_ways, acme):
    (invoice_id,) = invoices(acme)
    deliver(both_ways)
    with unit_of_work() as session:
        invoice = session.get_one(Transaction, invoice_id)
        invoice.status, invoice.number = Status.DRAFT, None
        transactions.delete(session, invoice, actor=SYSTEM)
    deliver(both_ways)
    assert documents_in(both_ways) == []
    assert waiting() == []
    deliver(both_ways)
    db.session.rollback()
    assert db.session.scalars(select(OutboxRow)).all() == []


def test_a_draft_that_was_never_sent_is_deleted_without_a_word(both_ways, acme):
    with unit_of_work() as session:
        draft = make_invoice(session, session.get_one(Customer, acme), is_draft=True)
        transactions.delete(session, draft, actor=SYSTEM)
    both_ways.forget_calls()
    deliver(both_ways)
    assert both_ways.writes() == []
    assert waiting() == []


def test_totals_stay_equal_whatever_was_lost(both_ways, acme):
    (invoice_id,) = invoices(acme)
    lose_answers(both_ways, "Invoices")
    deliver(both_ways)
    assert the_document(both_ways)["Grand_Total"] == total_of(invoice_id)
