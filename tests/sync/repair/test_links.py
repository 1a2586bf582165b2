"""Links as people mend them: parted, made by hand, and remembered when the local record goes."""

import pytest
from sqlalchemy import select

from tests.factories.both_sides import add_customer
from tests.factories.customers import make_customer
from tests.factories.links import make_connection, make_link
from tests.factories.sync import connected
from zbweb.billing import customers, journal
from zbweb.billing.contact_persons import PersonDraft
from zbweb.billing.models import Customer, OutboxRow
from zbweb.db import db, unit_of_work, work_for
from zbweb.errors import Conflict, NotFound
from zbweb.sync.core.words import ConnectionStatus, Entity, LinkState
from zbweb.sync.errors import NotConnected
from zbweb.sync.models import Link
from zbweb.sync.repair import links


@pytest.fixture
def work(asha):
    """An open unit of work for Asha's organisation."""
    with unit_of_work() as session:
        yield session


@pytest.fixture
def connection(work):
    return make_connection(work)


def outbox(session):
    return session.scalars(select(OutboxRow)).all()


def test_the_inspector_tells_the_record_and_what_waits(work, asha, connection):
    customer = make_customer(work)
    work.query(OutboxRow).delete()
    make_link(work, connection, customer, crm_name="")
    view = links.inspect(work, Entity.CUSTOMER, customer.id)
    assert (view.crm_name, view.crm_module, view.waiting, view.can_ask) == (view.link.crm_id, "Accounts", False, True)
    customers.change(work, customer, values={"phone": "1"}, actor=asha.actor)
    assert links.inspect(work, Entity.CUSTOMER, customer.id).waiting


def test_a_record_without_an_active_link_has_nothing_to_inspect(work, connection):
    customer = make_customer(work)
    make_link(work, connection, customer, state=LinkState.ARCHIVED)
    make_link(work, connection, customer, entity="item")
    assert links.inspect(work, Entity.CUSTOMER, customer.id) is None
    with pytest.raises(NotFound):
        links.active_link(work, Entity.CUSTOMER, customer.id)


def test_unlinking_keeps_a_memory_and_says_nothing_to_the_crm(work, asha, connection):
    customer = make_customer(work)
    link = make_link(work, connection, customer)
    work.query(OutboxRow).delete()
    links.unlink(work, link, actor=asha.actor)
    assert (link.state, link.reason) == (LinkState.ARCHIVED, "unlinked")
    assert outbox(work) == []
    work.flush()
    entry = journal.history(work, "customer_link", customer.id)[0]
    assert (entry.action, entry.changes) == ("unlinked", {"crm_record": ["Acme in the CRM (Accounts)", ""]})


def test_a_customer_is_linked_by_hand_and_no_longer_kept_apart(work, asha, connection):
    customer = make_customer(work)
    make_link(work, connection, customer, state=LinkState.APART, crm_id="7")
    link = links.link_to(work, customer, "Accounts", "7", crm_name="Acme", actor=asha.actor)
    assert links.inspect(work, Entity.CUSTOMER, customer.id).link is link
    assert [each.state for each in work.scalars(select(Link))] == [LinkState.ACTIVE]


def test_a_linked_customer_is_not_linked_again(work, asha, connection):
    customer = make_customer(work)
    make_link(work, connection, customer)
    with pytest.raises(Conflict, match="Unlink it first"):
        links.link_to(work, customer, "Accounts", "8", actor=asha.actor)


@pytest.mark.parametrize("crm_id", ["", "7;8", " 7", "7\n", "x" * 65, "7" * 21, "٧"])
def test_a_customer_is_linked_to_nothing_but_an_id_of_the_crm(work, asha, connection, crm_id):
    with pytest.raises(NotFound, match="no record of Zoho CRM"):
        links.link_to(work, make_customer(work), "Accounts", crm_id, actor=asha.actor)
    assert work.scalars(select(Link)).all() == []


def test_a_crm_record_belongs_to_one_customer_who_is_named(work, asha, connection):
    make_link(work, connection, make_customer(work, display_name="First Ltd"), crm_id="7")
    with pytest.raises(Conflict, match="First Ltd"):
        links.link_to(work, make_customer(work), "Accounts", "7", actor=asha.actor)


@pytest.mark.parametrize(("type", "module"), [("business", "Contacts"), ("individual", "Accounts")])
def test_a_customer_is_linked_to_the_module_of_its_type_only(work, asha, connection, type, module):
    with pytest.raises(Conflict):
        links.link_to(work, make_customer(work, type=type), module, "7", actor=asha.actor)


@pytest.mark.parametrize("status", [ConnectionStatus.DISABLED, ConnectionStatus.REPLACED])
def test_nothing_is_linked_without_a_live_connection(work, asha, status):
    make_connection(work, status=status)
    with pytest.raises(NotConnected):
        links.link_to(work, make_customer(work), "Accounts", "7", actor=asha.actor)


def test_a_deleted_customer_leaves_archived_links_behind(work, asha, connection):
    customer = make_customer(work, persons=(PersonDraft(first_name="Ann"),))
    made = [
        make_link(work, connection, customer),
        make_link(work, connection, customer.contact_persons[0], entity="contact_person", crm_module="Contacts"),
    ]
    customers.delete(work, customer, actor=asha.actor)
    assert {(link.state, link.reason) for link in made} == {(LinkState.ARCHIVED, "deleted_here")}


def test_crm_customers_are_those_with_an_active_link(work, connection):
    linked, parted, kept_apart, _ = (make_customer(work, display_name=name) for name in "ABCD")
    make_link(work, connection, linked)
    make_link(work, connection, parted, state=LinkState.ARCHIVED)
    make_link(work, connection, kept_apart, state=LinkState.APART)
    assert work.scalars(select(Customer).where(links.crm_customer_ids_clause())).all() == [linked]
    assert links.linked_ids(work, Entity.CUSTOMER, [linked.id, parted.id]) == {linked.id}


def test_a_strangers_links_are_not_ours(asha, dora):
    with unit_of_work() as session:
        work_for(session, dora.organisation_id)
        customer = make_customer(session)
        make_link(session, make_connection(session), customer)
    with unit_of_work() as session:
        work_for(session, asha.organisation_id)
        assert links.inspect(session, Entity.CUSTOMER, customer.id) is None


# --- why there is none ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("theirs", "ours", "words"),
    [
        ("Akamai", {"display_name": "Akamai"}, "left apart as the setup says Skip"),
        ("Akamai Ltd", {"display_name": "Akamai Limited"}, "review list"),
        ("Zylker", {"display_name": "Akamai", "phone": "+" + "1" * 40}, "could not be added"),
    ],
)
def test_a_customer_without_a_link_knows_why(app, asha, sandbox, theirs, ours, words):
    partners = connected(app, sandbox, scope="accounts", extent="both", policy="skip")
    partners.add("Accounts", Account_Name=theirs)
    customer_id = add_customer(**ours)
    assert links.why_none(db.session(), partners.connection, customer_id) == ""
    partners.sync()
    assert words in links.why_none(db.session(), partners.connection, customer_id)
    assert words in asha.get(f"/customers/{customer_id}").text


def test_a_customer_whose_link_was_ended_knows_it(app, asha, sandbox):
    partners = connected(app, sandbox, scope="accounts", extent="both", policy="skip")
    customer_id = add_customer(display_name="Akamai")
    partners.sync()
    with unit_of_work() as session:
        links.unlink(session, links.active_link(session, Entity.CUSTOMER, customer_id), actor=asha.actor)
    assert "deleted, merged or unlinked" in links.why_none(db.session(), partners.connection, customer_id)
    assert links.why_none(db.session(), None, customer_id) == ""
