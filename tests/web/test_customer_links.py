"""Linking a customer by hand and fetching it again, against the stand-in CRM."""

import html
import re

import pytest
from sqlalchemy import select

from tests.factories.customers import make_customer
from zbweb.billing import customers
from zbweb.db import db, unit_of_work
from zbweb.sync.models import Connection, Link

NAME = "Harbour Optics of Turku"


@pytest.fixture
def settings(crm_settings):
    """This module's app speaks to the stand-in CRM."""
    return crm_settings


@pytest.fixture
def account(crm, connected):
    """An account that somebody adds in the CRM; its id."""
    answer = crm_call(crm, "/crm/v8/Accounts", {"data": [{"Account_Name": NAME, "Phone": "+358 1"}]})
    return answer["data"][0]["details"]["id"]


@pytest.fixture
def customer(connected):
    with unit_of_work() as session:
        return make_customer(session, display_name="Harbour Optics", phone="old")


def crm_call(crm, path, body, method="POST"):
    import urllib3

    headers = {"Authorization": f"Zoho-oauthtoken {crm.token()}"}
    answer = urllib3.request(method, crm.url + path, json=body, headers=headers)
    assert answer.status < 300, answer.data
    return answer.json()


def crm_page(url):
    import urllib3

    return html.unescape(urllib3.request("GET", url).data.decode())


def found(page):
    return re.findall(r'name="crm_id" value="(\d+)"', page)


def test_the_search_offers_accounts_to_a_business(connected, account, customer):
    page = connected.get(f"/customers/{customer.id}/link", headers={"HX-Request": "true"}).text
    assert NAME in html.unescape(page)
    assert found(page) == [account]
    assert "<html" not in page
    results = connected.get(f"/customers/{customer.id}/link?q=nobody+at+all", headers={"HX-Request": "true"}).text
    assert "has no record of Accounts" in results
    assert "at least two letters" in connected.get(f"/customers/{customer.id}/link?q=x").text


def test_a_linked_customer_takes_over_what_the_crm_says(connected, account, customer):
    answer = connected.post(f"/customers/{customer.id}/link", {"crm_id": account, "crm_name": NAME})
    assert answer.location == f"/customers/{customer.id}"
    page = html.unescape(connected.get(answer.location).text)
    assert "Fetched from Zoho CRM" in page
    assert f"linked the customer to {NAME}" in page
    db.session.expire_all()
    assert customers.find(db.session(), customer.id).phone == "+358 1"


def test_fetch_brings_what_changed_in_the_crm(connected, crm, account, customer):
    connected.post(f"/customers/{customer.id}/link", {"crm_id": account})
    crm_call(crm, f"/crm/v8/Accounts/{account}", {"data": [{"Phone": "+358 2"}]}, method="PUT")
    connected.post(f"/customers/{customer.id}/fetch")
    assert "+358 2" in connected.get(f"/customers/{customer.id}").text


def test_push_now_says_what_keeps_a_customer_from_being_sent(connected, account, customer):
    connected.post(f"/customers/{customer.id}/link", {"crm_id": account})
    assert "Push now" in connected.get(f"/customers/{customer.id}").text
    answer = connected.post(f"/customers/{customer.id}/push")
    assert "Customers are not configured yet" in connected.get(answer.location).text


def test_a_record_that_is_taken_is_shown_with_its_customer_and_refused(connected, account, customer):
    connected.post(f"/customers/{customer.id}/link", {"crm_id": account})
    with unit_of_work() as session:
        other = make_customer(session, display_name="Harbour Optics II")
    page = connected.get(f"/customers/{other.id}/link?q=Harbour+Optics").text
    assert "Linked to a customer already" in page
    assert "disabled" in page
    refused = connected.post(f"/customers/{other.id}/link", {"crm_id": account})
    assert refused.status_code == 409
    assert "is linked to the customer" in refused.text


def test_what_the_crm_refuses_is_said_and_nothing_breaks(connected, account, customer):
    connected.post(f"/customers/{customer.id}/link", {"crm_id": account})
    with unit_of_work() as session:
        session.scalars(select(Connection)).one().status = "disabled"
    answer = connected.post(f"/customers/{customer.id}/fetch")
    assert "could not be fetched" in connected.get(answer.location).text
    assert "disabled" in connected.get(f"/customers/{customer.id}/link?q=Harbour").text


def test_an_unlinked_customer_can_be_linked_anew(connected, account, customer):
    for _ in range(2):
        connected.post(f"/customers/{customer.id}/link", {"crm_id": account})
        connected.post(f"/customers/{customer.id}/unlink")
    db.session.expire_all()
    assert [link.state for link in db.session.scalars(select(Link).where(Link.entity == "customer"))] == [
        "archived"
    ] * 2


def test_a_linked_customer_leads_to_its_page_in_the_crm(connected, crm, account, customer):
    connected.post(f"/customers/{customer.id}/link", {"crm_id": account, "crm_name": NAME})
    assert f'href="/crm-records/Accounts/{account}"' in connected.get(f"/customers/{customer.id}").text
    answer = connected.get(f"/crm-records/Accounts/{account}")
    assert answer.location == f"{crm.url}/crm/tab/Accounts/{account}"
    assert NAME in crm_page(answer.location)


@pytest.mark.parametrize("path", ["Users/41", "Accounts/x", "Accounts/41.evil.example"])
def test_nothing_but_records_is_led_to(connected, path):
    assert connected.get(f"/crm-records/{path}").status_code == 404


def test_without_a_connection_one_is_told_to_make_it(asha):
    answer = asha.get("/crm-records/Accounts/41")
    assert answer.status_code == 409
    assert "Zoho CRM is not connected" in answer.text
