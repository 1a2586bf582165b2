"""Customers that may be the same under another name: found while they arrive, decided by a person."""

import pytest
from sqlalchemy import event, select

from tests.factories.both_sides import add_customer, change, link_of, outcomes, person
from tests.factories.sync import connected, hasty_client
from tests.factories.transactions import make_quote
from zbweb.billing import customers
from zbweb.billing.journal import SYSTEM
from zbweb.billing.models import ContactPerson, Customer, Transaction
from zbweb.db import db, unit_of_work
from zbweb.errors import Conflict, NotFound
from zbweb.sync.models import Link
from zbweb.sync.pull import picking
from zbweb.sync.repair import links, review


@pytest.fixture
def partners(app, asha, sandbox):
    return connected(app, sandbox, scope="accounts_and_contacts", include_loose=True, extent="fetch", policy="skip")


def pairs(partners):
    db.session.rollback()
    return review.open_pairs(db.session(), partners.connection_id)[0]


def told(partners):
    return [(pair.why, pair.ours.display_name, pair.other.display_name) for pair in pairs(partners)]


def decide(asha, decision, pair_id):
    with unit_of_work() as session:
        return decision(session, pair_id, actor=asha.actor)


def fetch(partners, asha, link):
    picking.fetch_one(
        partners.connection, link.crm_module, link.crm_id, actor=asha.actor, client=hasty_client(partners.connection)
    )


@pytest.mark.parametrize(
    ("ours", "theirs", "why"),
    [
        ({"display_name": "Acme Ltd"}, {"Account_Name": "ACME Limited"}, "name"),
        ({"display_name": "Acme", "website": "acme.example"},
         {"Account_Name": "Apex", "Website": "https://www.acme.example/"}, "domain"),
        ({"display_name": "Acme", "email": "info@acme.example"},
         {"Account_Name": "Apex", "Website": "acme.example"}, "domain"),
    ],
)  # fmt: skip
def test_an_account_that_is_like_a_customer_of_ours_is_kept_for_review_and_not_paired(partners, ours, theirs, why):
    add_customer(**ours)
    partners.add("Accounts", **theirs)
    run = partners.sync()
    assert (run.added, len(partners.customers())) == (1, 2)
    assert told(partners) == [(why, ours["display_name"], theirs["Account_Name"])]


def test_people_are_compared_by_their_own_address_only(partners):
    add_customer(type="individual", display_name="Annie O", last_name="O", email="ann@acme.example")
    partners.add("Contacts", First_Name="Ann", Last_Name="O'Brien", Email="ann@acme.example")
    partners.add("Contacts", First_Name="Bo", Last_Name="Lee", Email="bo@acme.example")
    partners.sync()
    assert told(partners) == [("email", "Annie O", "Ann O'Brien")]


def test_namesakes_and_customers_that_are_linked_or_came_from_the_crm_are_no_near_matches(partners):
    add_customer(display_name="Twin")
    partners.add("Accounts", Account_Name="TWIN")
    partners.add("Accounts", Account_Name="First Ltd")
    partners.sync()
    partners.add("Accounts", Account_Name="First Limited")
    partners.sync()
    assert told(partners) == []


def test_a_record_has_one_pair_with_the_oldest_of_those_that_are_most_alike(partners):
    add_customer(display_name="Other", website="acme.example")
    add_customer(display_name="Acme GmbH")
    add_customer(display_name="Acme Inc")
    partners.add("Accounts", Account_Name="Acme Ltd", Website="acme.example")
    partners.sync()
    assert told(partners) == [("name", "Acme GmbH", "Acme Ltd")]


def test_a_batch_asks_once_however_many_arrive(partners):
    for number in range(5):
        add_customer(display_name=f"Name {number} Ltd")
    partners.sandbox.seed(accounts=120)
    partners.add("Accounts", Account_Name="Name 3 Limited")
    asked = []

    def listen(connection, cursor, statement, *_more):
        if "customers.loose_key" in statement and "FROM customers" in statement and "customers.domain IN" in statement:
            asked.append(statement)

    event.listen(db.engine, "before_cursor_execute", listen)
    partners.sync()
    event.remove(db.engine, "before_cursor_execute", listen)
    assert len(asked) == 1
    assert told(partners) == [("name", "Name 3 Ltd", "Name 3 Limited")]


# --- what a decision does ---------------------------------------------------------------------------


def test_linking_leaves_one_customer_that_holds_both_books_values(partners, asha):
    ours = add_customer(display_name="Acme Ltd", billing_city="Rome", fax="7", persons=(person(phone="1"),))
    account = partners.add("Accounts", Account_Name="Acme Limited", Phone="5")
    for first in ("Ada", "Alan"):
        partners.add("Contacts", First_Name=first, Last_Name="Lovelace", Account_Name={"id": account})
    partners.sync()
    link = decide(asha, review.link, pairs(partners)[0].id)
    assert (link.entity_id, link.crm_id, link.made_by) == (ours, account, "billing")
    fetch(partners, asha, link)
    (customer,) = partners.customers()
    assert (customer.id, customer.display_name, customer.phone) == (ours, "Acme Limited", "5")
    assert (customer.billing_city, customer.fax) == ("Rome", "7")
    assert sorted(each.full_name for each in customer.contact_persons) == ["Ada Lovelace", "Alan Lovelace"]
    assert told(partners) == []
    partners.forget_calls()
    again = partners.sync()
    assert (again.added, again.updated, again.deleted, again.failed) == (0, 0, 0, 0)


def test_what_has_become_one_stays_one_when_the_record_changes(partners, asha):
    ours = add_customer(display_name="Acme Ltd")
    account = partners.add("Accounts", Account_Name="Acme Limited")
    partners.sync()
    decide(asha, review.link, pairs(partners)[0].id)
    partners.edit("Accounts", account, Phone="9")
    partners.sync()
    (customer,) = partners.customers()
    assert (customer.id, customer.phone) == (ours, "9")


def test_kept_apart_they_are_not_asked_about_again(partners, asha):
    add_customer(display_name="Acme Ltd")
    account = partners.add("Accounts", Account_Name="Acme Limited")
    partners.sync()
    decide(asha, review.keep_apart, pairs(partners)[0].id)
    partners.edit("Accounts", account, Phone="9")
    partners.sync()
    assert told(partners) == []
    assert len(partners.customers()) == 2


def test_a_pair_is_decided_once(partners, asha):
    add_customer(display_name="Acme Ltd")
    partners.add("Accounts", Account_Name="Acme Limited")
    partners.sync()
    pair_id = pairs(partners)[0].id
    decide(asha, review.keep_apart, pair_id)
    for decision in (review.keep_apart, review.link):
        with pytest.raises(NotFound):
            decide(asha, decision, pair_id)
    assert len(partners.customers()) == 2


def test_who_keeps_apart_what_another_has_linked_is_told_so(partners, asha):
    add_customer(display_name="Acme Ltd")
    partners.add("Accounts", Account_Name="Acme Limited")
    partners.sync()
    pair_id = pairs(partners)[0].id
    decide(asha, review.link, pair_id)
    for decision in (review.keep_apart, review.link):
        with pytest.raises(NotFound):
            decide(asha, decision, pair_id)


def test_what_was_built_on_the_newer_customer_goes_to_the_older_one(partners, asha):
    add_customer(display_name="Acme Ltd")
    add_customer(display_name="Zoo Ltd")
    partners.add("Accounts", Account_Name="Acme Limited")
    partners.add("Accounts", Account_Name="Zoo Limited")
    partners.sync()
    billed, edited = pairs(partners)
    with unit_of_work() as session:
        quote_id = make_quote(session, session.get(Customer, billed.other.id)).id
    change(edited.other.id, asha.actor, phone="by hand")
    decide(asha, review.link, billed.id)
    decide(asha, review.link, edited.id)
    acme, zoo = partners.customers()
    assert (acme.id, zoo.id, zoo.phone) == (billed.ours.id, edited.ours.id, "by hand")
    assert db.session.get_one(Transaction, quote_id).customer_id == acme.id
    assert pairs(partners) == []


def test_a_business_and_an_individual_are_not_linked(partners, asha):
    ours = add_customer(display_name="Acme Ltd")
    partners.add("Accounts", Account_Name="Acme Limited")
    partners.sync()
    (pair,) = pairs(partners)
    change(ours, asha.actor, type="individual", last_name="Lee")
    with pytest.raises(Conflict, match="the other one an individual"):
        decide(asha, review.link, pair.id)
    assert len(partners.customers()) == 2


def test_a_pair_disappears_with_either_of_its_customers(partners, asha):
    for name in ("Acme", "Zoo"):
        add_customer(display_name=f"{name} Ltd")
        partners.add("Accounts", Account_Name=f"{name} Limited")
    partners.sync()
    one, two = pairs(partners)
    with unit_of_work() as session:
        customers.delete(session, customers.locked(session, one.ours.id), actor=asha.actor)
        customers.delete(session, customers.locked(session, two.other.id), actor=asha.actor)
    assert pairs(partners) == []


# --- both ways: ours is not added to the CRM before somebody has spoken -----------------------------


def test_a_customer_that_may_be_there_already_is_not_pushed_until_it_is_kept_apart(both_ways, asha):
    ours = add_customer(display_name="Acme Ltd", persons=(person(),))
    both_ways.add("Accounts", Account_Name="Acme Limited")
    run = both_ways.sync()
    assert ("out", "skipped", "awaits_review", "Acme Ltd") in outcomes(both_ways, run)
    assert [each["Account_Name"] for each in both_ways.records("Accounts", "Account_Name")] == ["Acme Limited"]
    assert both_ways.sync().skipped == 0
    decide(asha, review.keep_apart, pairs(both_ways)[0].id)
    both_ways.sync()
    names = {each["Account_Name"] for each in both_ways.records("Accounts", "Account_Name")}
    assert names == {"Acme Limited", "Acme Ltd"}
    assert link_of("customer", ours) is not None
    assert [each["Last_Name"] for each in both_ways.records("Contacts", "Last_Name")] == ["Lovelace"]


def test_linked_both_ways_the_books_agree_and_are_quiet(both_ways, asha):
    ours = add_customer(display_name="Acme Ltd", fax="7", persons=(person(phone="1"),))
    account = both_ways.add("Accounts", Account_Name="Acme Limited", Phone="5")
    both_ways.add("Contacts", First_Name="Ada", Last_Name="Lovelace", Account_Name={"id": account})
    both_ways.sync()
    fetch(both_ways, asha, decide(asha, review.link, pairs(both_ways)[0].id))
    both_ways.sync()
    ((name, phone, fax),) = [
        (each["Account_Name"], each["Phone"], each["Fax"])
        for each in both_ways.records("Accounts", "Account_Name", "Phone", "Fax")
    ]
    assert (name, phone, fax) == ("Acme Limited", "5", "7")
    assert [each["Phone"] for each in both_ways.records("Contacts", "Phone")] == ["1"]
    assert [each.id for each in both_ways.customers()] == [ours]
    assert db.session.scalars(select(ContactPerson.last_name)).all() == ["Lovelace"]
    both_ways.forget_calls()
    both_ways.sync()
    assert both_ways.writes() == []


def test_both_databases_find_and_link_near_matches(any_app, sandbox):
    partners = connected(any_app, sandbox, scope="accounts_and_contacts", extent="fetch", policy="skip")
    ours = add_customer(display_name="Acme Ltd", persons=(person(),))
    account = partners.add("Accounts", Account_Name="Acme Limited")
    for first in ("Ada", "Alan"):
        partners.add("Contacts", First_Name=first, Last_Name="Lovelace", Account_Name={"id": account})
    partners.sync()
    (pair,) = pairs(partners)
    with unit_of_work() as session:
        review.link(session, pair.id, actor=SYSTEM)
    assert [each.id for each in partners.customers()] == [ours]
    assert sorted(each.first_name for each in partners.customers()[0].contact_persons) == ["Ada", "Alan"]
    assert pairs(partners) == []


@pytest.mark.parametrize("how", ["deleted here", "deleted in the CRM", "unlinked"])
def test_a_customer_goes_to_the_crm_when_the_one_it_was_like_is_gone(both_ways, asha, how):
    ours = add_customer(display_name="Acme Ltd", persons=(person(),))
    account = both_ways.add("Accounts", Account_Name="Acme Limited")
    both_ways.sync()
    (pair,) = pairs(both_ways)
    if how == "deleted in the CRM":
        both_ways.drop("Accounts", account)
        both_ways.sync()
    else:
        with unit_of_work() as session:
            if how == "unlinked":
                links.unlink(session, session.get_one(Link, pair.link.id), actor=asha.actor)
            else:
                customers.delete(session, customers.locked(session, pair.other.id), actor=asha.actor)
    both_ways.sync()
    assert pairs(both_ways) == []
    assert link_of("customer", ours).crm_name == "Acme Ltd"
    assert [each["Last_Name"] for each in both_ways.records("Contacts", "Last_Name")] == ["Lovelace"]
    both_ways.forget_calls()
    both_ways.sync()
    assert both_ways.writes() == []


@pytest.mark.parametrize(
    ("theirs", "ours", "is_held"),
    [
        ({"Account_Name": "Acme Limited"}, {"display_name": "Acme Ltd"}, True),
        ({"Account_Name": "Harbour and Sons"}, {"display_name": "Harbour & Sons GmbH"}, True),
        ({"Account_Name": "Apex", "Website": "acme.example"},
         {"display_name": "Acme", "email": "info@acme.example"}, False),
        ({"Account_Name": "Acme Works"}, {"display_name": "Acme Ltd"}, False),
    ],
)  # fmt: skip
def test_one_of_ours_that_is_like_a_customer_fetched_before_waits_for_a_word(any_app, sandbox, theirs, ours, is_held):
    partners = connected(any_app, sandbox, scope="accounts_and_contacts", extent="both", policy="skip")
    partners.add("Accounts", **theirs)
    partners.sync()
    add_customer(**ours)
    run = partners.sync()
    assert len(partners.records("Accounts")) == (1 if is_held else 2)
    assert (("out", "skipped", "awaits_review", ours["display_name"]) in outcomes(partners, run)) is is_held
    assert len(pairs(partners)) == is_held
    assert partners.sync().skipped == 0


def test_kept_apart_once_it_is_not_asked_about_again(both_ways, asha):
    both_ways.add("Accounts", Account_Name="Acme Limited")
    both_ways.sync()
    ours = add_customer(display_name="Acme Ltd")
    both_ways.sync()
    decide(asha, review.keep_apart, pairs(both_ways)[0].id)
    both_ways.sync()
    assert link_of("customer", ours) is not None
    change(ours, asha.actor, phone="7")
    both_ways.sync()
    assert pairs(both_ways) == []
