"""The sidebar with a customer's potentials, as the editor and a document's page ask for it, and without JavaScript."""

import html
import json
import re
from types import SimpleNamespace

import pytest

from tests.factories.customers import make_customer
from tests.factories.sync import connected
from tests.factories.transactions import make_invoice
from tests.slowness import PATIENCE_SECONDS, slow
from zbweb.billing import customers
from zbweb.billing.drafts import Potential
from zbweb.billing.journal import SYSTEM
from zbweb.billing.models import Transaction
from zbweb.db import db, unit_of_work, work_for
from zbweb.sync import clients
from zbweb.sync import connection as connections
from zbweb.sync.pull import picking
from zbweb.web import potentials

HTMX = {"HX-Request": "true"}
ASSOCIATE, DISSOCIATE = "/potentials/associate", "/potentials/dissociate"


@pytest.fixture
def sandbox(crm_server):
    crm_server.reset(empty=True)
    return crm_server


@pytest.fixture
def partners(app, asha, sandbox):
    return connected(app, sandbox, scope="accounts_and_contacts", policy="skip")


@pytest.fixture
def zylker(partners, asha):
    """Zylker is linked, has a potential in the CRM and a sent invoice here."""
    account = partners.add("Accounts", Account_Name="Zylker Ltd", Phone="+1 555 0100")
    customer_id = picking.fetch_one(partners.connection, "Accounts", account, actor=SYSTEM, client=partners.client)
    deal = add_deal(partners, account, "Big & new")
    with unit_of_work() as session:
        invoice = make_invoice(session, customers.find(session, customer_id))
    return SimpleNamespace(account=account, id=customer_id, deal=deal, invoice=invoice.id)


def add_deal(partners, account, name):
    lookup = {"id": account}
    return partners.add(
        "Deals", Deal_Name=name, Account_Name=lookup, Stage="Qualification", Amount=5000, Closing_Date="2031-05-04"
    )


def link(zylker, name="Big & new"):
    with unit_of_work() as session:
        invoice = session.get_one(Transaction, zylker.invoice)
        potentials.transactions.link_potential(
            session, invoice, Potential(zylker.deal, name, "Qualification"), actor=SYSTEM
        )


def saved(zylker):
    db.session.rollback()
    work_for(db.session(), None)
    return db.session.get_one(Transaction, zylker.invoice, populate_existing=True)


def look(person, zylker, **more):
    query = {"customer_id": zylker.id, "details": 1} | more
    answer = person.get("/potentials", query_string=query, headers=HTMX)
    assert answer.status_code == 200, answer.text
    return answer.text


def offered(text):
    """The potentials and their buttons: (name, label), in order."""
    found = re.findall(
        r'class="potential-name"[^>]*>(.*?)</h3>(?:(?!</li>).)*?(?:<span>(\w+)</span></button>|</li>)', text, re.DOTALL
    )
    return [(html.unescape(name), label) for name, label in found]


def shown_tab(text):
    return re.search(r'id="crm-tab-(\w+)"[^>]*aria-selected="true"', text)[1]


# --- the sidebar ------------------------------------------------------------------------------------


def test_the_sidebar_opens_at_once_and_asks_the_crm_afterwards(partners, zylker, ben):
    partners.forget_calls()
    shell = ben.get(f"/potentials?customer_id={zylker.id}&editor=1", headers=HTMX).text
    assert "Zylker Ltd" in shell
    assert partners.sandbox.requests() == []
    text = ben.get(html.unescape(re.search(r'hx-get="([^"]+)"', shell)[1]), headers=HTMX).text
    assert "+1 555 0100" in text
    assert offered(text) == [("Big & new", "Associate")]
    assert shown_tab(text) == "details"
    assert "Qualification · $5,000.00 · closes 4 May 2031" in text


def test_without_javascript_the_potentials_are_a_page_with_navigation_and_trail(zylker, ben):
    page = ben.get(f"/potentials?customer_id={zylker.id}").text
    assert 'aria-label="Main"' in page
    assert 'aria-label="Breadcrumb"' in page
    assert "Big &amp; new" in page


def test_a_documents_page_says_when_the_potential_was_in_the_stage_it_shows(partners, zylker, ben):
    link(zylker)
    partners.edit("Deals", zylker.deal, Stage="Closed Won")
    assert "Qualification when it was last seen" in ben.get(f"/invoices/{zylker.invoice}").text
    assert "Closed Won" in look(ben, zylker, transaction_id=zylker.invoice)


def test_a_linked_potential_that_the_crm_has_no_more_is_told_from_the_others(partners, zylker, ben):
    link(zylker)
    assert "any more" not in look(ben, zylker, transaction_id=zylker.invoice)
    partners.drop("Deals", zylker.deal)
    text = look(ben, zylker, transaction_id=zylker.invoice)
    assert "Zoho CRM has no such potential of this customer any more." in text
    assert offered(text) == [("Big & new", "Dissociate")]


def test_a_linked_potential_is_shown_first_with_its_money_and_dissociate(partners, zylker, ben):
    add_deal(partners, zylker.account, "Another")
    link(zylker)
    text = look(ben, zylker, transaction_id=zylker.invoice)
    assert offered(text) == [("Big & new", "Dissociate"), ("Another", "Associate")]
    assert shown_tab(text) == "potentials"
    assert re.search(r"Invoiced.*?\$100\.00.*?Outstanding.*?\$100\.00", text, re.DOTALL)


def test_the_editor_says_which_potential_is_linked_before_anything_is_saved(zylker, ben):
    text = look(ben, zylker, editor=1, potential_id=zylker.deal, potential_name="Big & new")
    assert offered(text) == [("Big & new", "Dissociate")]


def test_a_customer_without_potentials_and_one_without_a_link_are_told_apart(partners, zylker, ben):
    partners.drop("Deals", zylker.deal)
    assert "has no potentials in Zoho CRM yet" in look(ben, zylker)
    with unit_of_work() as session:
        work_for(session, ben.organisation_id)
        local = make_customer(session, display_name="Local Ltd").id
    assert "Local Ltd is not linked" in look(ben, SimpleNamespace(id=local))


def test_a_stranger_sees_nothing_of_our_customers(zylker, dora):
    assert dora.get(f"/potentials?customer_id={zylker.id}").status_code == 404
    answer = dora.post(DISSOCIATE, {"customer_id": zylker.id, "transaction_id": zylker.invoice})
    assert answer.status_code == 404


# --- when the CRM is away -----------------------------------------------------------------------------


def test_a_slow_crm_leaves_what_is_known_here_and_a_way_to_dissociate(partners, zylker, ben, monkeypatch):
    link(zylker)
    monkeypatch.setattr(clients, "PAGE_PATIENCE_SECONDS", PATIENCE_SECONDS)
    with slow(partners.sandbox):
        text = look(ben, zylker, transaction_id=zylker.invoice)
    assert "did not answer in time" in text
    assert "Retry" in text
    assert offered(text) == [("Big & new", "Dissociate")]
    ben.post(DISSOCIATE, {"customer_id": zylker.id, "transaction_id": zylker.invoice})
    assert saved(zylker).potential_id is None


def test_a_crm_that_hides_its_potentials_still_shows_its_details(partners, zylker, ben):
    partners.sandbox.faults(forbid_module="Deals")
    text = look(ben, zylker)
    assert "+1 555 0100" in text
    assert "Deals" in text
    assert offered(text) == []


@pytest.mark.parametrize(("stop", "asks"), [(connections.pause, True), (connections.disable, False)])
def test_pausing_stops_no_look_but_disabling_does(partners, zylker, ben, stop, asks):
    link(zylker)
    with unit_of_work() as session:
        work_for(session, ben.organisation_id)
        stop(session, partners.connection, actor=SYSTEM)
    partners.forget_calls()
    text = look(ben, zylker, transaction_id=zylker.invoice)
    assert offered(text) == [("Big & new", "Dissociate")]
    assert bool(partners.sandbox.requests()) is asks
    assert ("is not connected" in text) is not asks


# --- associate and dissociate -------------------------------------------------------------------------


def test_on_a_new_document_associating_fills_the_editor_and_writes_nothing(zylker, ben):
    answer = ben.post(ASSOCIATE, {"editor": "1", "customer_id": zylker.id, "potential_id": zylker.deal}, headers=HTMX)
    fields = dict(re.findall(r'name="(\w+)" value="([^"]*)"', answer.text))
    assert fields == {
        "potential_id": zylker.deal, "potential_name": "Big &amp; new", "potential_stage": "Qualification",
    }  # fmt: skip
    assert json.loads(answer.headers["HX-Trigger"]) == {"closeDialog": {}}
    assert saved(zylker).potential_id is None


def test_in_the_editor_of_a_saved_document_it_is_written_at_once_and_saving_still_works(zylker, ben):
    version = saved(zylker).version
    given = {"editor": "1", "customer_id": zylker.id, "transaction_id": zylker.invoice, "potential_id": zylker.deal}
    answer = ben.post(ASSOCIATE, given | {"version": version}, headers=HTMX)
    assert (saved(zylker).potential_id, saved(zylker).potential_name) == (zylker.deal, "Big & new")
    assert re.search(rf'name="version" id="version" value="{saved(zylker).version}" hx-swap-oob="true"', answer.text)
    answer = ben.post(DISSOCIATE, given | {"version": saved(zylker).version}, headers=HTMX)
    assert saved(zylker).potential_id is None
    assert 'name="potential_id" value=""' in answer.text
    assert "Link Potential" in answer.text


def test_an_editor_that_was_out_of_date_stays_so(zylker, ben):
    given = {"editor": "1", "customer_id": zylker.id, "transaction_id": zylker.invoice, "potential_id": zylker.deal}
    answer = ben.post(ASSOCIATE, given | {"version": saved(zylker).version - 1}, headers=HTMX)
    assert saved(zylker).potential_id == zylker.deal
    assert 'name="version"' not in answer.text


def test_a_customer_who_was_changed_in_the_editor_only_is_no_reason_to_write(partners, zylker, ben):
    other = partners.add("Accounts", Account_Name="Other")
    deal = add_deal(partners, other, "Theirs")
    customer_id = picking.fetch_one(partners.connection, "Accounts", other, actor=SYSTEM, client=partners.client)
    answer = ben.post(
        ASSOCIATE,
        {"editor": "1", "customer_id": customer_id, "transaction_id": zylker.invoice, "potential_id": deal},
        headers=HTMX,
    )
    assert f'value="{deal}"' in answer.text
    assert saved(zylker).potential_id is None


def test_the_potential_of_another_customer_is_refused(partners, zylker, ben):
    deal = add_deal(partners, partners.add("Accounts", Account_Name="Other"), "Theirs")
    answer = ben.post(
        ASSOCIATE, {"customer_id": zylker.id, "transaction_id": zylker.invoice, "potential_id": deal}, headers=HTMX
    )
    assert answer.status_code == 409
    assert "belongs to somebody else" in answer.text
    assert saved(zylker).potential_id is None


def test_without_javascript_a_sent_invoice_is_linked_and_unlinked_on_pages(zylker, ben):
    page = ben.get(f"/invoices/{zylker.invoice}").text
    opened = html.unescape(re.search(r'href="(/potentials[^"]*)"', page)[1])
    page = ben.get(opened).text
    assert offered(page) == [("Big & new", "Associate")]
    assert "<html" in page
    form = re.search(r'<form method="post" action="/potentials/associate".*?</form>', page, re.DOTALL)[0]
    given = dict(re.findall(r'name="(\w+)" value="([^"]*)"', form))
    answer = ben.post(ASSOCIATE, given)
    assert (answer.status_code, answer.location) == (303, f"/invoices/{zylker.invoice}")
    page = ben.get(answer.location).text
    assert "Linked to the potential Big &amp; new" in page
    assert "linked the potential Big &amp; new" in page
    assert offered(ben.get(opened).text) == [("Big & new", "Dissociate")]
    ben.post(DISSOCIATE, given)
    assert saved(zylker).potential_id is None
    assert "Link Potential" in ben.get(answer.location).text


def test_the_document_keeps_its_potentials_name_while_the_crm_is_away(partners, zylker, ben):
    link(zylker, "As it was called")
    partners.sandbox.faults(drop_connections=99)
    partners.forget_calls()
    assert "As it was called" in ben.get(f"/invoices/{zylker.invoice}").text
    assert "As it was called" in ben.get(f"/invoices/{zylker.invoice}/edit").text
    assert partners.sandbox.requests() == []
