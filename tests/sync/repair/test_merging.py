"""Customers that are merged here: the CRM's records follow, and nobody comes back as a second one."""

from decimal import Decimal

import pytest

from tests.factories.both_sides import add_customer, link_of, outcomes, person
from tests.factories.documents import configure, deliver, documents_in, due_now, invoice_for, waiting
from tests.factories.sync import connected
from zbweb.billing import customers
from zbweb.billing.models import ContactPerson
from zbweb.db import db, unit_of_work
from zbweb.sandbox.merging import merge as merge_records
from zbweb.sync.core.words import LinkState
from zbweb.sync.figures import panel_links
from zbweb.sync.models import Link
from zbweb.sync.outbox.claims import METRICS
from zbweb.sync.pull import picking
from zbweb.sync.repair import merging


def merge(asha, kept_id, other_id):
    with unit_of_work() as session:
        kept, other = merging.both_locked(session, kept_id, other_id)
        merging.merge(session, kept, other, actor=asha.actor)


def names(partners):
    return sorted(each.display_name for each in partners.customers())


def is_quiet(partners):
    partners.forget_calls()
    run = partners.sync()
    return (run.added, run.updated, run.deleted, run.failed, run.conflicts, partners.writes()) == (0, 0, 0, 0, 0, [])


@pytest.fixture
def two(both_ways):
    """Acme and Acme Limited, both linked, with a contact each; the ids of both."""
    ids = {}
    for name, last in (("Acme", "Hopper"), ("Acme Limited", "Lovelace")):
        account = both_ways.add("Accounts", Account_Name=name, Phone="1")
        both_ways.add("Contacts", Last_Name=last, Account_Name={"id": account})
        ids[name] = account
    both_ways.sync()
    found = {each.display_name: each.id for each in both_ways.customers()}
    return both_ways, found["Acme"], found["Acme Limited"], ids


def merge_there(partners, survivor, duplicate):
    behind = partners.sandbox.sandbox
    with behind.changing(behind.admin) as work:
        merge_records(work, "Accounts", int(survivor), duplicate_id=int(duplicate))


def test_the_other_s_account_is_never_fetched_again_though_it_changes(two, asha):
    partners, kept, other, accounts = two
    merge(asha, kept, other)
    assert is_quiet(partners)
    partners.sandbox.faults(clock_skew_seconds=120)
    partners.edit("Accounts", accounts["Acme Limited"], Phone="9")
    run = partners.sync()
    assert ("in", "skipped", "merged_here", "Acme Limited") in outcomes(partners, run)
    assert names(partners) == ["Acme"]
    with unit_of_work() as session:
        session.get_one(type(partners.setup), partners.setup_id).watermarks = {}
    partners.sync()
    assert names(partners) == ["Acme"]
    assert is_quiet(partners)


def test_the_contacts_of_both_accounts_are_the_kept_one_s_people(two, asha):
    partners, kept, other, accounts = two
    merge(asha, kept, other)
    partners.add("Contacts", Last_Name="Turing", Account_Name={"id": accounts["Acme Limited"]})
    lovelace = next(each for each in partners.records("Contacts", "Last_Name") if each["Last_Name"] == "Lovelace")
    partners.edit("Contacts", lovelace["id"], Phone="7")
    partners.sync()
    people = {(each.last_name, each.phone, each.customer_id) for each in db.session.query(ContactPerson)}
    assert people == {("Hopper", "", kept), ("Lovelace", "7", kept), ("Turing", "", kept)}
    assert is_quiet(partners)


@pytest.mark.parametrize("survivor", ["Acme", "Acme Limited"])
def test_when_the_crm_merges_the_two_as_well_the_link_follows_either_way(two, asha, survivor):
    partners, kept, other, accounts = two
    invoice_for(kept)
    merge(asha, kept, other)
    duplicate = next(name for name in accounts if name != survivor)
    merge_there(partners, accounts[survivor], accounts[duplicate])
    partners.sync()
    partners.sync()
    assert len(partners.customers()) == 1
    assert link_of("customer", kept).crm_id == accounts[survivor]
    assert is_quiet(partners)


def test_invoices_move_to_the_kept_one_s_account_and_both_accounts_tell_its_figures(two, asha):
    partners, kept, other, _ = two
    configure(partners)
    invoice_for(other)
    deliver(partners)
    merge(asha, kept, other)
    deliver(partners)
    assert [each["Account_Name"]["name"] for each in documents_in(partners)] == ["Acme"]
    owed = [each["Outstanding_Receivables"] for each in partners.records("Accounts", "Outstanding_Receivables")]
    assert owed == [Decimal(100)] * 2
    assert is_quiet(partners)


def test_figures_that_the_crm_refuses_wait_once_however_many_records_the_customer_has(two, asha):
    partners, kept, other, _ = two
    merge(asha, kept, other)
    invoice_for(kept)
    partners.sandbox.faults(fail_next=[{"status": 503, "path": "/crm/v8/Accounts", "method": "PUT", "count": 50}])
    deliver(partners)
    assert [(row.entity_id, row.attempts) for row in waiting(METRICS)] == [(kept, 1)]
    partners.sandbox.faults(fail_next=[])
    due_now()
    deliver(partners)
    owed = [each["Outstanding_Receivables"] for each in partners.records("Accounts", "Outstanding_Receivables")]
    assert (waiting(METRICS), owed) == ([], [Decimal(100)] * 2)


def test_the_search_of_the_crm_and_the_panel_lead_to_the_kept_one(two, asha):
    partners, kept, other, accounts = two
    merge(asha, kept, other)
    found = picking.fetch_one(
        partners.connection, "Accounts", accounts["Acme Limited"], actor=asha.actor, client=partners.client
    )
    assert (found, names(partners)) == (kept, ["Acme"])
    shown = {panel_links.customer_of(db.session(), partners.connection, each) for each in accounts.values()}
    assert shown == {kept}


def test_a_kept_customer_without_a_record_takes_the_other_s_over(app, asha, sandbox):
    partners = connected(app, sandbox, scope="accounts_and_contacts", extent="fetch", policy="skip")
    account = partners.add("Accounts", Account_Name="Acme Limited", Phone="1")
    partners.add("Contacts", Last_Name="Lovelace", Account_Name={"id": account})
    partners.sync()
    (theirs,) = partners.customers()
    kept = add_customer(display_name="Acme", persons=(person("", "Lovelace"), person("Alan", "Turing")))
    merge(asha, kept, theirs.id)
    partners.sync()
    (only,) = partners.customers()
    assert (only.id, only.display_name, only.phone) == (kept, "Acme Limited", "1")
    assert sorted(each.last_name for each in only.contact_persons) == ["Lovelace", "Turing"]
    assert is_quiet(partners)


def test_merged_once_more_every_record_is_the_last_one_s(two, asha):
    partners, acme, limited, accounts = two
    third = add_customer(display_name="Acme Holding")
    partners.sync()
    merge(asha, acme, limited)
    merge(asha, third, acme)
    partners.edit("Accounts", accounts["Acme"], Phone="5")
    partners.edit("Accounts", accounts["Acme Limited"], Phone="5")
    partners.sync()
    assert names(partners) == ["Acme Holding"]
    links = db.session.query(Link).filter_by(entity="customer", state=LinkState.APART).populate_existing()
    assert [(each.entity_id, each.reason) for each in links] == [(third, "merged_here")] * 2
    assert is_quiet(partners)


def test_deleted_later_neither_record_comes_back(two, asha):
    partners, kept, other, accounts = two
    merge(asha, kept, other)
    with unit_of_work() as session:
        customers.delete(session, customers.locked(session, kept), actor=asha.actor)
    for account in accounts.values():
        partners.edit("Accounts", account, Phone="5")
    partners.sync()
    assert partners.customers() == []


def test_people_of_one_name_who_add_nothing_go_with_the_other_customer(app, asha):
    same, known = person(email="ada@acme.example"), person(email="ada@acme.example", phone="1")
    kept = add_customer(display_name="Acme", persons=(known, person("Alan", "Turing")))
    other = add_customer(display_name="Acme Limited", persons=(same, person("Alan", "Turing", phone="2")))
    merge(asha, kept, other)
    people = [(each.last_name, each.phone) for each in db.session.query(ContactPerson).order_by(ContactPerson.id)]
    assert people == [("Lovelace", "1"), ("Turing", ""), ("Turing", "2")]
