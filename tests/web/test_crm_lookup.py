"""The pop-up that finds a customer here or in Zoho CRM, asked as the editor asks it and as a plain browser does."""

import html
import json
import re

import pytest
from sqlalchemy import select

from tests.factories.customers import make_customer
from tests.factories.sync import connected
from tests.slowness import PATIENCE_SECONDS, slow
from zbweb.billing.journal import SYSTEM
from zbweb.billing.models import Customer
from zbweb.db import db, unit_of_work, work_for
from zbweb.sync import clients
from zbweb.sync import connection as connections
from zbweb.sync.models import SyncRun

HTMX = {"HX-Request": "true"}
SEARCH = "/customers/lookup/search?source=crm&editor=1&q="
PICK = "/customers/lookup/pick"
EDITOR = {"editor": "1"}


@pytest.fixture
def sandbox(crm_server):
    crm_server.reset(empty=True)
    return crm_server


@pytest.fixture
def partners(app, asha, sandbox):
    return connected(app, sandbox, scope="accounts_and_contacts", policy="skip")


@pytest.fixture
def account(partners):
    """Zylker's account, and Ann, who works there."""
    account = partners.add("Accounts", Account_Name="Zylker & Sons", Billing_City="Austin")
    partners.add("Contacts", First_Name="Ann", Last_Name="Zylker", Account_Name={"id": account})
    return account


def ask(person, url):
    answer = person.get(url, headers=HTMX)
    assert answer.status_code == 200, answer.text
    return answer.text


def results(text):
    """What is on offer: (name, chip)."""
    found = re.findall(r'class="pick-name"[^>]*>(.*?)</button>.*?<span class="chip[^"]*">(.*?)</span>', text, re.DOTALL)
    return [(html.unescape(name), chip) for name, chip in found]


def pick(person, **fields):
    return person.post(PICK, EDITOR | fields, headers=HTMX)


def halt(partners, asha, stop):
    with unit_of_work() as session:
        work_for(session, asha.organisation_id)
        stop(session, partners.connection, actor=SYSTEM)


# --- looking ----------------------------------------------------------------------------------------


def test_only_the_pop_up_itself_is_named_in_zoho_crm(asha, partners):
    names = re.findall(r'aria-label="([^"]*)"', ask(asha, "/invoices/new"))
    assert [each for each in names if each.startswith("Search")]
    assert [each for each in names if "in zoho crm" in each.lower()] == []


def test_it_opens_with_the_customers_here_that_the_typed_name_finds(asha, ben):
    with unit_of_work() as session:
        work_for(session, asha.organisation_id)
        make_customer(session, display_name="Acme Ltd", email="ann@acme.example")
        make_customer(session, display_name="Other")
    text = ask(ben, "/customers/lookup?editor=1&customer_name=acme")
    assert results(text) == [("Acme Ltd", "already here")]
    assert "<html" not in text
    assert 'value="acme"' in text
    assert [name for name, _ in results(ask(ben, "/customers/lookup?customer_name=Acme+Ltd&customer_id=1"))] == [
        "Acme Ltd", "Other",
    ]  # fmt: skip
    assert results(ask(ben, "/customers/lookup/search?q=oth")) == [("Other", "already here")]


def test_go_finds_accounts_and_contacts_and_says_who_is_here_already(partners, account, ben):
    assert results(ask(ben, SEARCH + "zylker")) == [
        ("Zylker & Sons", "will be fetched"),
        ("Ann Zylker", "will be fetched"),
    ]
    pick(ben, crm_module="Accounts", crm_id=account)
    partners.add("Accounts", Account_Name="Zylker Two")
    assert results(ask(ben, SEARCH + "zylker")) == [
        ("Zylker & Sons", "already here"), ("Zylker Two", "will be fetched"), ("Ann Zylker", "already here"),
    ]  # fmt: skip


def test_nothing_found_and_too_little_typed_are_said(partners, ben):
    assert "Zoho CRM has no account or contact named “nobody”" in ask(ben, SEARCH + "nobody")
    partners.forget_calls()
    assert "Type at least two letters" in ask(ben, SEARCH + "n")
    assert partners.sandbox.requests() == []


# --- picking ----------------------------------------------------------------------------------------


def test_picking_fetches_the_record_and_changes_nothing_of_the_editor_but_its_customer(partners, account, ben):
    answer = pick(ben, crm_module="Accounts", crm_id=account, transaction_id="7")
    assert answer.status_code == 200
    assert answer.text.lstrip().startswith('<div id="customer-field"')
    assert 'value="Zylker &amp; Sons"' in answer.text
    assert "transaction_id=7" in answer.text
    assert json.loads(answer.headers["HX-Trigger"]).keys() == {"closeDialog", "toast"}
    run = db.session.scalars(select(SyncRun)).one()
    assert (run.trigger, run.status, run.added, run.actor_name) == ("picked", "succeeded", 2, "Ben Okafor")


def test_picking_somebody_who_is_here_asks_the_crm_nothing(partners, account, asha, ben):
    with unit_of_work() as session:
        work_for(session, asha.organisation_id)
        customer_id = make_customer(session).id
    partners.forget_calls()
    answer = pick(ben, customer_id=str(customer_id))
    assert 'value="Acme Ltd"' in answer.text
    assert json.loads(answer.headers["HX-Trigger"]) == {"closeDialog": {}}
    assert partners.sandbox.requests() == []


def test_what_cannot_be_picked_is_explained_in_the_pop_up(partners, account, ben):
    partners.drop("Accounts", account)
    answer = pick(ben, crm_module="Accounts", crm_id=account)
    assert (answer.status_code, answer.headers["HX-Retarget"]) == (422, "#lookup-refusal")
    assert "does not have this record any more" in answer.text
    assert "customer-field" not in answer.text
    assert pick(ben).status_code == 422


def test_a_stranger_cannot_pick_our_customers(partners, account, ben, dora):
    pick(ben, crm_module="Accounts", crm_id=account)
    ours = db.session.scalars(select(Customer.id)).one()
    answer = pick(dora, customer_id=str(ours))
    assert answer.status_code == 422
    assert "Zylker" not in answer.text


# --- when it cannot be ------------------------------------------------------------------------------


def test_without_a_connection_the_pop_up_says_so_and_still_finds_who_is_here(asha, ben):
    text = ask(ben, "/customers/lookup?editor=1")
    assert "Zoho CRM is not connected" in text
    assert "Zoho CRM is not connected" in ask(ben, SEARCH + "zylker")
    assert "Zoho CRM is not connected" in pick(ben, crm_module="Accounts", crm_id="1").text


@pytest.mark.parametrize(
    ("stop", "words"),
    [(connections.pause, "is paused"), (connections.disable, "is disabled")],
    ids=["paused", "disabled"],
)
def test_while_the_sync_stands_still_nothing_asks_the_crm(partners, account, asha, ben, stop, words):
    halt(partners, asha, stop)
    partners.forget_calls()
    assert words in ask(ben, "/customers/lookup")
    assert words in ask(ben, SEARCH + "zylker")
    answer = pick(ben, crm_module="Accounts", crm_id=account)
    assert answer.status_code == 422
    assert words in answer.text
    assert partners.sandbox.requests() == []


def test_a_slow_crm_ends_in_a_sentence(partners, account, ben, monkeypatch):
    monkeypatch.setattr(clients, "PAGE_PATIENCE_SECONDS", PATIENCE_SECONDS)
    with slow(partners.sandbox):
        assert "did not answer in time" in ask(ben, SEARCH + "zylker")
        assert "did not answer in time" in pick(ben, crm_module="Accounts", crm_id=account).text


def test_a_crm_that_refuses_is_quoted(partners, account, ben):
    partners.sandbox.faults(forbid_module="Contacts")
    text = ask(ben, SEARCH + "zylker")
    assert results(text) == []
    assert "Contacts" in text
    assert "banner-warning" in text


# --- without JavaScript -----------------------------------------------------------------------------


TYPED = {
    "customer_id": "", "customer_name": "zylker", "date": "2026-11-23", "notes": "Call first.",
    "lines-0-name": "Desk", "lines-0-quantity": "2", "lines-0-rate": "75.5",
}  # fmt: skip


def button(page, name):
    """What the button of that name in the editor says when it is pressed."""
    return re.search(rf'name="op" value="([^"]*)"[^>]*>{re.escape(html.escape(name))}</button>', page)[1]


def test_without_javascript_looking_up_and_picking_lose_nothing_that_was_typed(partners, account, ben):
    page = ben.post("/invoices/new", TYPED | {"op": button(ben.get("/invoices/new").text, "Look up")}).text
    assert ("Zylker & Sons", "will be fetched") in results(page)
    for kept in ('value="zylker"', "Call first.", 'value="Desk"', 'value="75.5"'):
        assert kept in page
    page = ben.post("/invoices/new", TYPED | {"op": button(page, "Zylker & Sons")}).text
    for kept in ('value="Zylker &amp; Sons"', "Call first.", 'value="Desk"', 'value="75.5"'):
        assert kept in page
    customer_id = re.search(r'name="customer_id" id="customer_id" value="(\d+)"', page)[1]
    assert db.session.get(Customer, int(customer_id)).display_name == "Zylker & Sons"


def test_without_javascript_the_editor_says_why_nobody_was_found_or_fetched(partners, account, asha, ben):
    page = ben.post("/invoices/new", TYPED | {"customer_name": "nobody", "op": "lookup"}).text
    assert "no account or contact named “nobody”" in page
    halt(partners, asha, connections.pause)
    for op in ("lookup", f"pick-Accounts-{account}"):
        page = ben.post("/invoices/new", TYPED | {"op": op}).text
        assert "is paused" in page
        assert 'value="Desk"' in page


@pytest.mark.parametrize("op", ["pick", "pick-", "pick-Accounts", "pick--1"])
def test_without_javascript_a_button_that_names_nobody_picks_nobody(partners, ben, op):
    answer = ben.post("/invoices/new", TYPED | {"op": op})
    assert answer.status_code == 200
    assert 'name="customer_id" id="customer_id" value=""' in answer.text
    assert 'value="Desk"' in answer.text


def test_without_javascript_a_refusal_is_a_page_that_keeps_what_was_typed(partners, account, asha, ben):
    halt(partners, asha, connections.pause)
    answer = ben.post(PICK, {"crm_module": "Accounts", "crm_id": account, "q": "zylker"})
    assert answer.status_code == 422
    assert "<html" in answer.text
    assert "is paused" in answer.text


def test_outside_of_an_editor_a_pick_leads_to_the_customer(partners, account, ben):
    answer = ben.post(PICK, {"crm_module": "Accounts", "crm_id": account}, headers=HTMX)
    assert answer.headers["HX-Redirect"] == "/customers/1"
    assert "is a customer here" in ben.get("/customers/1").text


def test_re_fetch_on_the_customers_page_takes_over_what_changed_in_the_crm(partners, account, ben):
    pick(ben, crm_module="Accounts", crm_id=account)
    partners.edit("Accounts", account, Phone="+1 555 0199")
    page = ben.get(ben.post("/customers/1/fetch").location).text
    assert "Fetched from Zoho CRM" in page
    assert "+1 555 0199" in page
