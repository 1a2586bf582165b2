"""Customers: what may be saved, what the journal tells, and who may be deleted."""

from datetime import date
from decimal import Decimal

import pytest
from sqlalchemy import select

from tests.factories.customers import make_customer
from tests.people import Person
from zbweb.billing import customers, journal, removal
from zbweb.billing.contact_persons import PersonDraft
from zbweb.billing.customers import CustomerDraft
from zbweb.billing.journal import SYSTEM, Actor
from zbweb.billing.models import ContactPerson, Customer, JournalEntry, OutboxRow, PaymentTerm, Transaction
from zbweb.billing.naming import name_key
from zbweb.billing.queries import activity
from zbweb.billing.words import Origin
from zbweb.db import db, unit_of_work, work_for
from zbweb.errors import Conflict, Invalid, NotFound, Stale

CRM = Actor("Zoho CRM", origin=Origin.CRM)


@pytest.fixture
def work(asha):
    """An open unit of work for Asha's organisation."""
    with unit_of_work() as session:
        yield session


def last_entry(session, customer):
    session.flush()
    return journal.history(session, "customer", customer.id, limit=1)[0]


def add_invoice(session, customer):
    session.add(
        Transaction(
            organisation_id=customer.organisation_id, kind="invoices", customer_id=customer.id, currency="USD",
            date=date(2026, 3, 1), total=Decimal(10),
        )
    )  # fmt: skip
    session.flush()


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ({"company_name": "Acme Ltd", "first_name": "Ann", "last_name": "Lee"}, "Acme Ltd"),
        ({"type": "individual", "company_name": "Acme Ltd", "first_name": "Ann", "last_name": "Lee"}, "Ann Lee"),
        ({"type": "individual", "company_name": "Acme Ltd"}, "Acme Ltd"),
        ({"last_name": "  Lee "}, "Lee"),
        ({"email": "ann@acme.example"}, "ann@acme.example"),
        ({"display_name": " Typed  ", "company_name": "Acme Ltd"}, "Typed"),
    ],
)
def test_the_display_name_is_what_was_typed_or_suggested_from_the_rest(work, asha, values, name):
    assert customers.create(work, CustomerDraft(**values), actor=asha.actor).display_name == name


def test_a_new_customer_is_in_the_base_currency_unless_it_says_otherwise(work, asha):
    assert customers.create(work, CustomerDraft(display_name="A"), actor=asha.actor).currency == "USD"
    assert customers.create(work, CustomerDraft(display_name="B", currency="JPY"), actor=asha.actor).currency == "JPY"


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({}, "display_name"),
        ({"display_name": "A", "type": "robot"}, "type"),
        ({"display_name": "A", "currency": "XQZ"}, "currency"),
        ({"display_name": "A", "payment_term_id": 4711}, "payment_term_id"),
        ({"display_name": "A" * 256}, "display_name"),
        ({"display_name": "A", "phone": "1" * 65}, "phone"),
        ({"display_name": "A", "custom": {"nowhere": "x"}}, "custom.nowhere"),
    ],
)
def test_a_value_that_cannot_be_kept_is_refused_at_its_field(work, asha, values, field):
    with pytest.raises(Invalid) as refusal:
        customers.create(work, CustomerDraft(**values), actor=asha.actor)
    assert field in refusal.value.fields


def test_an_edit_is_journalled_with_old_and_new_and_raises_the_version(work, asha):
    customer = make_customer(work, phone="1")
    assert customers.change(work, customer, values={"phone": "2", "email": ""}, actor=asha.actor) == {
        "phone": ("1", "2")
    }
    assert customer.version == 2
    entry = last_entry(work, customer)
    assert (entry.action, entry.actor_name, entry.changes) == ("updated", "Asha Rao", {"phone": ["1", "2"]})


def test_an_edit_that_changes_nothing_leaves_no_trace(work, asha):
    customer = make_customer(work, phone="1")
    before = last_entry(work, customer).id
    assert not customers.edit(
        work, customer, CustomerDraft(display_name="Acme Ltd ", phone="1", currency="USD"), actor=asha.actor
    )
    assert customer.version == 1
    assert last_entry(work, customer).id == before


def test_payment_terms_are_journalled_by_name(work, asha):
    term = PaymentTerm(organisation_id=asha.organisation_id, name="Net 15", days=15)
    work.add(term)
    work.flush()
    customer = make_customer(work)
    customers.change(work, customer, values={"payment_term_id": term.id}, actor=asha.actor)
    assert last_entry(work, customer).changes == {"payment_term": [None, "Net 15"]}


def test_a_renamed_customer_is_found_under_its_new_name(work, asha):
    customer = make_customer(work, display_name="Acme")
    customers.change(work, customer, values={"display_name": "Müller  & Söhne"}, actor=asha.actor)
    assert customer.name_key == "muller & sohne"


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("ŁUKASIEWICZ", "lukasiewicz"),
        ("Østergaard", "ostergaard"),
        ("Yıldız", "yildiz"),
        ("İnci", "inci"),
        ("Ǽther Œuvre", "aether oeuvre"),
        ("Straße", "strasse"),
        ("Đorđe Þór", "dorde thor"),
        ("日本", "日本"),
    ],
)
def test_people_find_names_by_the_letters_of_their_keyboard(name, key):
    assert name_key(name) == key


def test_a_second_editor_is_told_that_the_first_was_quicker(work, asha):
    customer = make_customer(work)
    customers.edit(work, customer, CustomerDraft(display_name="First"), actor=asha.actor, version=1)
    with pytest.raises(Stale):
        customers.edit(work, customer, CustomerDraft(display_name="Second"), actor=asha.actor, version=1)
    assert customer.display_name == "First"


def test_a_customer_without_a_currency_of_its_own_can_be_edited_with_transactions(work, asha):
    customer = make_customer(work, currency="")
    customer.currency = ""  # as the CRM brings them
    add_invoice(work, customer)
    assert set(customers.change(work, customer, values={"currency": "USD", "phone": "1"}, actor=asha.actor)) == {
        "phone"
    }
    with pytest.raises(Invalid, match="cannot change any more"):
        customers.change(work, customer, values={"currency": "EUR"}, actor=asha.actor)


def test_the_currency_is_fixed_once_there_are_transactions(work, asha):
    customer = make_customer(work)
    customers.change(work, customer, values={"currency": "EUR"}, actor=asha.actor)
    add_invoice(work, customer)
    with pytest.raises(Invalid) as refusal:
        customers.change(work, customer, values={"currency": "USD", "phone": "1"}, actor=asha.actor)
    assert "currency" in refusal.value.fields
    assert (customer.currency, customer.phone) == ("EUR", "")


def test_a_customer_with_transactions_cannot_be_deleted(work, asha):
    customer = make_customer(work)
    add_invoice(work, customer)
    with pytest.raises(Conflict, match="inactive"):
        customers.delete(work, customer, actor=asha.actor)


def test_a_deleted_customer_takes_its_persons_along_and_everybody_is_told_before(work, asha, monkeypatch):
    told = []
    monkeypatch.setattr(removal, "_listeners", [lambda _session, entity, entity_id: told.append((entity, entity_id))])
    customer = make_customer(work, persons=(PersonDraft(first_name="Ann"),))
    person = customer.contact_persons[0]
    customers.delete(work, customer, actor=asha.actor)
    assert told == [("contact_person", person.id), ("customer", customer.id)]
    assert work.scalars(select(Customer)).all() == []
    assert work.scalars(select(ContactPerson)).all() == []
    assert last_entry(work, customer).changes == {"display_name": ["Acme Ltd", ""]}


def test_what_a_person_changes_waits_for_the_crm_and_what_the_crm_says_does_not(work, asha):
    customer = make_customer(work, actor=CRM)
    customers.change(work, customer, values={"phone": "1"}, actor=CRM)
    assert work.scalars(select(OutboxRow)).all() == []
    customers.change(work, customer, values={"phone": "2"}, actor=asha.actor)
    assert [(row.entity, row.entity_id) for row in work.scalars(select(OutboxRow))] == [("customer", customer.id)]


def test_marking_inactive_twice_is_one_change(work, asha):
    customer = make_customer(work)
    assert customers.set_active(work, customer, active=False, actor=asha.actor)
    assert not customers.set_active(work, customer, active=False, actor=asha.actor)
    assert customers.set_active(work, customer, active=True, actor=asha.actor)
    actions = [entry.action for entry in journal.history(work, "customer", customer.id)]
    assert actions == ["marked_active", "marked_inactive", "created"]


def test_a_bulk_update_changes_who_can_be_changed_and_names_who_cannot(work, asha):
    free, same, billed = (
        make_customer(work, display_name=name, currency=currency)
        for name, currency in (("Free", "USD"), ("Same", "EUR"), ("Billed", "USD"))
    )
    add_invoice(work, billed)
    ids = [free.id, same.id, billed.id, 4711]
    outcome = customers.bulk_update(work, ids, values={"currency": "EUR"}, actor=asha.actor)
    assert (outcome.changed, outcome.unchanged) == (1, 1)
    assert [name for name, _ in outcome.refused] == ["Billed"]
    assert (free.currency, billed.currency) == ("EUR", "USD")


def test_namesakes_are_found_whatever_their_case_and_accents(work, asha):
    first, second = make_customer(work, display_name="Société X"), make_customer(work, display_name="SOCIETE  X")
    assert customers.namesakes(work, first) == [second]


def test_a_stranger_finds_nothing_of_ours(asha, dora):
    with unit_of_work() as session:
        work_for(session, asha.organisation_id)
        customer = make_customer(session)
    with unit_of_work() as session:
        work_for(session, dora.organisation_id)
        with pytest.raises(NotFound):
            customers.find(session, customer.id)
        with pytest.raises(NotFound):
            customers.locked(session, customer.id)
        assert customers.bulk_set_active(session, [customer.id], active=False, actor=dora.actor).changed == 0


def test_the_locked_customer_is_read_anew(any_app):
    """An object read before the unit of work began must not hide what others saved meanwhile."""
    admin = Person.make(any_app, "asha@zylker.example", "Asha Rao", "admin")
    with unit_of_work() as session:
        customer_id = make_customer(session).id
    stale = customers.find(db.session(), customer_id)
    with db.engine.begin() as connection:
        connection.execute(Customer.__table__.update().values(phone="new"))
    with unit_of_work() as session:
        assert customers.locked(session, customer_id).phone == "new"
        assert customers.locked(session, customer_id) is stale
        assert customers.bulk_update(session, [customer_id], values={"phone": "new"}, actor=admin.actor).changed == 0


class TestContactPersons:
    def test_rows_of_a_form_are_added_edited_and_removed(self, work, asha):
        customer = make_customer(work, persons=(PersonDraft(first_name="Ann"), PersonDraft(first_name="Bob")))
        ann, bob = customer.contact_persons
        rows = (PersonDraft(id=bob.id, first_name="Bob", phone="2"), PersonDraft(first_name="Cid"))
        draft = CustomerDraft(display_name="Acme Ltd", currency="USD", persons=rows)
        assert customers.edit(work, customer, draft, actor=asha.actor)
        assert [(person.first_name, person.phone) for person in customer.contact_persons] == [("Bob", "2"), ("Cid", "")]
        assert customer.version == 2
        assert last_entry(work, customer).changes == {"contact_person": ["Ann", ""]}
        actions = [
            entry.action
            for entry in work.scalars(
                select(JournalEntry).where(JournalEntry.entity_id == ann.id, JournalEntry.entity == "contact_person")
            )
        ]
        assert actions == ["created", "deleted"]

    def test_there_is_always_one_primary_person(self, work, asha):
        people = tuple(PersonDraft(first_name=name, primary=name in "BC") for name in "ABC")
        customer = make_customer(work, persons=people)
        assert [person.primary for person in customer.contact_persons] == [False, True, False]
        customer = make_customer(work, persons=(PersonDraft(first_name="A"),))
        assert customer.contact_persons[0].primary

    def test_a_person_without_name_and_address_is_refused(self, work, asha):
        with pytest.raises(Invalid):
            make_customer(work, persons=(PersonDraft(phone="1"),))

    def test_rows_left_as_they_are_change_nothing(self, work, asha):
        customer = make_customer(work, persons=(PersonDraft(first_name="Ann"),))
        rows = (PersonDraft(id=customer.contact_persons[0].id, first_name="Ann", primary=True),)
        draft = CustomerDraft(display_name="Acme Ltd", currency="USD", persons=rows)
        assert not customers.edit(work, customer, draft, actor=asha.actor)


def test_a_new_customer_never_gets_the_id_of_a_deleted_one(any_app):
    Person.make(any_app, "asha@zylker.example", "Asha Rao", "admin")
    with unit_of_work() as session:
        first = make_customer(session, display_name="Deleted")
        customers.delete(session, first, actor=SYSTEM)
    with unit_of_work() as session:
        second = make_customer(session, display_name="New")
        assert second.id > first.id
        told = [each.sentence for each in activity.of_customer(session, second)]
    assert told == ["created the customer"]
