"""A customer's potentials in the CRM, and the money that documents tied to them came to."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from tests.factories.customers import make_customer
from tests.factories.sync import connected
from tests.factories.transactions import make_invoice, make_line, make_order, make_quote, pay
from zbweb.billing import books, customers, journal, moves, transactions
from zbweb.billing.drafts import Potential
from zbweb.billing.journal import SYSTEM, Actor
from zbweb.billing.models import Organisation, Transaction
from zbweb.billing.queries import potentials as money
from zbweb.billing.queries.potentials import Progress
from zbweb.billing.status import Status
from zbweb.crm.errors import CrmError
from zbweb.db import db, unit_of_work, work_for
from zbweb.errors import Conflict, NotFound
from zbweb.sync.potentials import linking
from zbweb.sync.pull import picking

BEN = Actor("Ben Okafor")


@pytest.fixture
def partners(app, asha, sandbox):
    return connected(app, sandbox, scope="accounts_and_contacts", include_loose=True)


@pytest.fixture
def zylker(partners):
    """Zylker's account, and the customer it is here."""
    account = partners.add("Accounts", Account_Name="Zylker Ltd", Phone="+1 555 0100", Industry="Banking")
    return account, picking.fetch_one(partners.connection, "Accounts", account, actor=BEN, client=partners.client)


def add_deal(partners, account, name="Big one", **values):
    given = {"Stage": "Qualification", "Amount": 5000, "Closing_Date": "2031-05-04"} | values
    return partners.add("Deals", Deal_Name=name, Account_Name={"id": account}, **given)


def ask(partners, customer_id, what=linking.for_customer, *more):
    return what(db.session(), partners.connection, partners.client, customer_id, *more)


def customer_of(session, customer_id):
    return customers.find(session, customer_id)


# --- what the CRM says --------------------------------------------------------------------------------


def test_a_customers_potentials_come_with_stage_amount_closing_date_and_owner(partners, zylker):
    account, customer_id = zylker
    other = partners.add("Accounts", Account_Name="Other")
    add_deal(partners, other, "Not theirs")
    add_deal(partners, account, "Small one", Amount=None, Closing_Date="2030-01-01")
    big = add_deal(partners, account, Amount=Decimal("5000.5"))
    views = ask(partners, customer_id)
    assert [view.name for view in views] == ["Big one", "Small one"]
    assert views[0] == linking.PotentialView(
        big, "Big one", "Qualification", Progress(), Decimal("5000.5"), "USD", date(2031, 5, 4), views[0].owner
    )
    assert views[0].owner
    assert views[1].amount is None


def test_an_individuals_potentials_are_those_of_the_contact(partners):
    contact = partners.add("Contacts", First_Name="Zoe", Last_Name="Ray")
    customer_id = picking.fetch_one(partners.connection, "Contacts", contact, actor=BEN, client=partners.client)
    deal = partners.add(
        "Deals", Deal_Name="Hers", Contact_Name={"id": contact}, Stage="Qualification", Closing_Date="2031-05-04"
    )
    assert [view.id for view in ask(partners, customer_id)] == [deal]
    assert ask(partners, customer_id, linking.find, deal).name == "Hers"


def test_the_details_are_what_the_crm_says_of_the_customer_without_what_is_empty(partners, zylker):
    account, customer_id = zylker
    details = ask(partners, customer_id, linking.crm_details)
    assert (details.crm_module, details.crm_id, details.name) == ("Accounts", account, "Zylker Ltd")
    facts = dict(details.facts)
    assert (facts["Phone"], facts["Industry"]) == ("+1 555 0100", "Banking")
    assert facts["Owner"]
    assert "Website" not in facts


def test_a_customer_who_is_not_linked_has_no_potentials_to_show(partners):
    with unit_of_work() as session:
        customer_id = make_customer(session, display_name="Local Ltd").id
    for what in (linking.for_customer, linking.crm_details):
        with pytest.raises(Conflict, match="Local Ltd is not linked"):
            ask(partners, customer_id, what)


def test_a_crm_in_trouble_is_the_callers_to_tell(partners, zylker):
    _, customer_id = zylker
    client = partners.client
    partners.sandbox.faults(fail_next=[{"status": 500, "count": 99, "path": "/crm/v8/Accounts"}])
    with pytest.raises(CrmError):
        linking.for_customer(db.session(), partners.connection, client, customer_id)


# --- linking --------------------------------------------------------------------------------------------


def test_a_potential_is_tied_to_a_document_with_its_name_and_stage(partners, zylker):
    account, customer_id = zylker
    deal = add_deal(partners, account)
    with unit_of_work() as session:
        invoice_id = make_invoice(session, customer_of(session, customer_id)).id
    chosen = ask(partners, customer_id, linking.find, deal)
    with unit_of_work() as session:
        invoice = transactions.find(session, invoice_id)
        linking.associate(session, invoice, chosen, customer_id=customer_id, actor=BEN)
    saved = transactions.find(db.session(), invoice_id)
    assert (saved.potential_id, saved.potential_name, saved.potential_stage) == (deal, "Big one", "Qualification")
    newest = journal.history(db.session(), "transaction", invoice_id)[0]
    assert (newest.action, newest.actor_name) == ("potential_linked", "Ben Okafor")
    assert [view.name for view in linking.known_here(db.session(), customer_id)] == ["Big one"]


def test_the_potential_of_another_account_is_refused(partners, zylker):
    _, customer_id = zylker
    other = partners.add("Accounts", Account_Name="Other")
    with pytest.raises(Conflict, match="Not theirs belongs to somebody else"):
        ask(partners, customer_id, linking.find, add_deal(partners, other, "Not theirs"))


@pytest.mark.parametrize("potential_id", ["12345678901", "1/../org", ""])
def test_a_potential_that_is_not_there_is_not_found(partners, zylker, potential_id):
    with pytest.raises(NotFound):
        ask(partners, zylker[1], linking.find, potential_id)


def test_a_document_that_changed_its_customer_meanwhile_is_not_tied(partners, zylker):
    _, customer_id = zylker
    with unit_of_work() as session:
        invoice = make_invoice(session, make_customer(session, display_name="Somebody else"))
    with pytest.raises(Conflict, match="another customer by now"), unit_of_work() as session:
        linking.associate(
            session, session.get_one(Transaction, invoice.id), Potential("1", "x"), customer_id=customer_id, actor=BEN
        )


def test_the_document_of_another_organisation_is_not_found(asha, dora):
    with unit_of_work() as session:
        theirs = make_invoice(session, make_customer(session, display_name="Theirs")).id
    work_for(db.session(), asha.organisation_id)
    with pytest.raises(NotFound):
        transactions.find(db.session(), theirs)


# --- the money --------------------------------------------------------------------------------------------


def test_the_money_of_a_potential_is_summed_over_the_documents_that_count(any_app):
    deal = Potential("771", "Big one", "Qualification")
    with unit_of_work() as session:
        home = Organisation(name="Zylker Ltd", base_currency="USD", time_zone="America/New_York", country="US")
        session.add(home)
        session.flush()
        work_for(session, home.id)
        today = books.today(session)
        acme = make_customer(session)
        tied = {"potential": deal, "lines": [make_line(rate="100.10")]}
        make_quote(session, acme, **tied)
        make_quote(session, acme, is_draft=True, **tied)
        declined = make_quote(session, acme, **tied)
        moves.move(session, declined, Status.DECLINED, SYSTEM)
        make_order(session, acme, **tied)
        late = make_invoice(session, acme, date=today - timedelta(60), due_date=today - timedelta(30), **tied)
        make_invoice(session, acme, due_date=today + timedelta(30), **tied)
        void = make_invoice(session, acme, **tied)
        moves.move(session, void, Status.VOID, SYSTEM)
        berlin = make_customer(session, display_name="Berlin GmbH", currency="EUR")
        make_invoice(session, berlin, exchange_rate=Decimal(2), **tied)
        make_invoice(session, acme)
        pay(session, acme, "40", invoices={late: "40"})
        session.flush()
        found = money.progress(session, ["771", "772"], today=today)
    assert set(found) == {"771"}
    progress = found["771"]
    assert (progress.quoted, progress.ordered) == (Decimal("100.10"), Decimal("100.10"))
    assert (progress.invoiced, progress.paid) == (Decimal("400.40"), Decimal("40"))
    assert (progress.outstanding, progress.overdue) == (Decimal("360.40"), Decimal("60.10"))
    assert progress.documents == 8


def test_a_view_of_the_potential_shows_that_money(partners, zylker):
    account, customer_id = zylker
    deal = add_deal(partners, account)
    with unit_of_work() as session:
        make_invoice(session, customer_of(session, customer_id), potential=Potential(deal, "Big one"))
    (view,) = ask(partners, customer_id)
    assert (view.progress.invoiced, view.progress.outstanding, view.progress.documents) == (100, 100, 1)


def test_what_is_linked_comes_first_even_where_the_crm_does_not_list_it(partners, zylker):
    account, customer_id = zylker
    add_deal(partners, account, "Another")
    gone = add_deal(partners, account, "Gone")
    linked = linking.PotentialView(gone, "Gone", "Qualification", Progress())
    assert [view.name for view in linking.with_linked(ask(partners, customer_id), linked)] == ["Gone", "Another"]
    partners.drop("Deals", gone)
    assert [view.name for view in linking.with_linked(ask(partners, customer_id), linked)] == ["Gone", "Another"]
