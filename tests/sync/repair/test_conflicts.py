"""Fields changed on both sides, where a person is asked."""

import pytest
from sqlalchemy import select

from tests.factories.both_sides import add_customer, change, link_of, person
from tests.factories.sync import connected
from zbweb.billing import contact_persons
from zbweb.billing.models import ContactPerson, Customer, JournalEntry
from zbweb.db import db, unit_of_work
from zbweb.errors import Conflict, Invalid, NotFound
from zbweb.sync.repair import conflicts, undo
from zbweb.sync.repair.conflicts import Side, Typed


@pytest.fixture
def partners(app, asha, sandbox):
    return connected(app, sandbox, scope="accounts_and_contacts", include_loose=True, extent="both", winner="ask")


def quarrel(partners, asha, **more):
    """A customer whose phone was changed on both sides, and that has been synced since."""
    customer_id = add_customer(phone="1", fax="1", **more)
    partners.sync()
    partners.edit("Accounts", link_of("customer", customer_id).crm_id, Phone="crm")
    change(customer_id, asha.actor, phone="ours", fax="2")
    partners.sync()
    return customer_id


def only_conflict(partners):
    db.session.rollback()
    (conflict,) = conflicts.open_conflicts(db.session(), partners.connection_id)
    return conflict


def decide(partners, asha, **choices):
    entry_id = only_conflict(partners).entry.id
    with unit_of_work() as session:
        conflicts.resolve(session, entry_id, choices, actor=asha.actor)


def phones(partners):
    (account,) = partners.records("Accounts", "Phone")
    (customer,) = partners.customers()
    return customer.phone, account["Phone"]


def test_a_field_in_conflict_stays_on_both_sides_and_the_others_flow(partners, asha):
    quarrel(partners, asha)
    assert phones(partners) == ("ours", "crm")
    (account,) = partners.records("Accounts", "Fax")
    assert account["Fax"] == "2"
    conflict = only_conflict(partners)
    assert [(field.key, field.ours, field.theirs) for field in conflict.fields] == [("phone", "ours", "crm")]


def test_what_flows_beside_a_conflict_is_told_journalled_and_undone_as_itself(partners, asha):
    customer_id = add_customer(phone="1", fax="1")
    partners.sync()
    partners.edit("Accounts", link_of("customer", customer_id).crm_id, Phone="crm", Fax="2")
    change(customer_id, asha.actor, phone="ours")
    run = partners.sync()
    told = {entry.outcome: dict(entry.diff) for entry in partners.entries(run)}
    assert told == {"updated": {"fax": ["1", "2"]}, "conflict": {"phone": ["ours", "crm"]}}
    (line,) = db.session.scalars(select(JournalEntry).where(JournalEntry.run_id == run.id))
    assert line.changes == {"fax": ["1", "2"]}
    with unit_of_work() as session:
        undo.undo(session, run.id, actor=asha.actor)
    (customer,) = partners.customers()
    assert (customer.fax, customer.phone) == ("1", "ours")


@pytest.mark.parametrize(
    ("choice", "value"),
    [
        pytest.param(Side.CRM, "crm", id="crm"),
        pytest.param(Side.BILLING, "ours", id="billing"),
        pytest.param(Typed("third"), "third", id="typed"),
    ],
)
def test_a_decision_makes_both_sides_equal_with_the_next_sync(partners, asha, choice, value):
    quarrel(partners, asha)
    decide(partners, asha, phone=choice)
    partners.sync()
    assert phones(partners) == (value, value)
    assert conflicts.open_conflicts(db.session(), partners.connection_id) == []
    partners.forget_calls()
    assert partners.entries(partners.sync()) == []
    assert partners.writes() == []


def test_several_conflicts_are_decided_for_one_side_at_once(partners, asha):
    for name in ("One", "Two"):
        quarrel(partners, asha, display_name=name)
    db.session.rollback()
    ids = [each.entry.id for each in conflicts.open_conflicts(db.session(), partners.connection_id)]
    with unit_of_work() as session:
        assert conflicts.resolve_all(session, [*ids, *ids], Side.BILLING, actor=asha.actor) == 2
    partners.sync()
    assert [each["Phone"] for each in partners.records("Accounts", "Phone")] == ["ours", "ours"]


def test_a_decision_about_a_contact_person_reaches_its_contact(partners, asha):
    add_customer(persons=(person(phone="1"),))
    partners.sync()
    (contact,) = partners.records("Contacts")
    partners.edit("Contacts", contact["id"], Phone="crm")
    with unit_of_work() as session:
        someone = session.query(ContactPerson).one()
        contact_persons.change(session, someone, values={"phone": "ours"}, actor=asha.actor)
    partners.sync()
    decide(partners, asha, phone=Typed("third"))
    partners.sync()
    assert [each["Phone"] for each in partners.records("Contacts", "Phone")] == ["third"]


def test_what_the_crm_changed_after_the_decision_is_not_overwritten_silently(partners, asha):
    customer_id = quarrel(partners, asha)
    decide(partners, asha, phone=Side.BILLING)
    partners.edit("Accounts", link_of("customer", customer_id).crm_id, Phone="later")
    partners.sync()
    assert phones(partners) == ("ours", "later")
    assert only_conflict(partners).fields[0].theirs == "later"


def test_every_field_must_be_decided(partners, asha):
    quarrel(partners, asha)
    with pytest.raises(Invalid) as refused:
        decide(partners, asha)
    assert set(refused.value.fields) == {"phone"}


def test_a_conflict_is_decided_once(partners, asha):
    quarrel(partners, asha)
    entry_id = only_conflict(partners).entry.id
    decide(partners, asha, phone=Side.CRM)
    with pytest.raises(NotFound), unit_of_work() as session:
        conflicts.resolve(session, entry_id, {"phone": Side.CRM}, actor=asha.actor)


def test_a_pair_that_was_parted_has_nothing_to_decide(partners, asha):
    customer_id = quarrel(partners, asha)
    with unit_of_work() as session:
        session.merge(link_of("customer", customer_id)).state = "archived"
    with pytest.raises(Conflict):
        decide(partners, asha, phone=Side.CRM)
    assert db.session.get(Customer, customer_id).phone == "ours"
