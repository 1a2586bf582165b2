"""Workflow automation as its people see it: a switch is turned, a potential is won in the CRM, an invoice is there."""

import re

import pytest
import urllib3
from playwright.sync_api import Page, expect

from tests.browser.steps import await_runs, configure, connect, sign_in

DETAILS = "/settings/integrations/zoho-crm"
INVOICE, QUOTE = "Create an invoice when a potential is won", "Create a quote when a potential is created"
CLIENT = {"client_id": "demo-client", "client_secret": "demo-secret", "refresh_token": "demo-refresh"}
SECONDS = 30_000


@pytest.fixture(scope="module")
def admin(browser, browser_context_args, product) -> Page:
    """An admin whose customers are configured, and for whose eyes the walk is."""
    context = browser.new_context(**browser_context_args)
    page = context.new_page()
    sign_in(page, product)
    connect(page, product)
    configure(page, product, module="Accounts", finish="Save and Sync")
    await_runs(page, product, count=1)
    yield page
    context.close()


def asked(product, method, path, **body):
    """A question to the stand-in CRM, as one of its own people would ask it."""
    grant = {"grant_type": "refresh_token", **CLIENT}
    token = urllib3.request("POST", f"{product.sandbox_url}/oauth/v2/token", fields=grant).json()["access_token"]
    headers = {"Authorization": f"Zoho-oauthtoken {token}"}
    answer = urllib3.request(method, f"{product.sandbox_url}/crm/v8/{path}", headers=headers, **body)
    assert answer.status < 300, answer.data
    return answer.json()["data"]


def open_deals(product, stage="Qualification"):
    deals = asked(product, "GET", "Deals?fields=Deal_Name,Stage,Account_Name,Amount")
    return [deal for deal in deals if deal["Stage"] == stage]


def move(product, deal, stage):
    asked(product, "PUT", "Deals", json={"data": [{"id": deal["id"], "Stage": stage}]})


def await_document(page, product, kind, deal):
    """Open the document that follows a potential, as soon as there is one."""
    for _ in range(SECONDS // 250):
        page.goto(f"{product.url}/{kind}?potential_id={deal['id']}")
        found = page.locator(f"tbody a[href^='/{kind}/']")
        if found.count():
            found.first.click()
            return
        page.wait_for_timeout(250)
    raise AssertionError(f"no document follows {deal['Deal_Name']}")


def test_the_switch_says_what_it_does_and_stays_on(admin, product):
    admin.goto(product.url + DETAILS)
    admin.get_by_label(INVOICE).check()
    expect(admin.locator("#toasts").get_by_text("From now on an invoice is created")).to_be_visible()
    admin.reload()
    expect(admin.get_by_label(INVOICE)).to_be_checked()
    expect(admin.get_by_label(re.compile(QUOTE))).not_to_be_checked()


def test_a_potential_won_in_the_crm_becomes_an_invoice_at_once(admin, product):
    deal = open_deals(product)[0]
    move(product, deal, "Closed Won")
    await_document(admin, product, "invoices", deal)
    main = admin.locator("main")
    expect(main).to_contain_text(deal["Deal_Name"])
    expect(main).to_contain_text(deal["Account_Name"]["name"])
    expect(main).to_contain_text("Draft")
    expect(main).to_contain_text("Automation followed the potential, which was won")


def test_it_arrived_by_a_notification_not_by_a_sync(admin, product):
    admin.goto(f"{product.url}{DETAILS}/history?module=potentials")
    row = admin.get_by_role("row").filter(has_text="Potentials").first
    expect(row).to_contain_text("Change in Zoho CRM")
    expect(row).to_contain_text("Succeeded")
    admin.goto(product.url + DETAILS)
    expect(admin.locator("#status")).to_contain_text("arrive within seconds")


def test_a_potential_won_before_makes_none(admin, product):
    deal = open_deals(product, "Closed Won")[-1]
    asked(product, "PUT", "Deals", json={"data": [{"id": deal["id"], "Next_Step": "Say thank you"}]})
    other = open_deals(product)[0]
    move(product, other, "Closed Won")
    await_document(admin, product, "invoices", other)
    admin.goto(f"{product.url}/invoices?potential_id={deal['id']}")
    expect(admin.locator("tbody a[href^='/invoices/']")).to_have_count(0)


def test_turning_the_other_one_on_turns_this_one_off(admin, product):
    admin.goto(product.url + DETAILS)
    admin.get_by_label(re.compile(QUOTE)).check()
    expect(admin.locator("#toasts").get_by_text("From now on a quote follows")).to_be_visible()
    expect(admin.get_by_label(INVOICE)).not_to_be_checked()
    deal = {"Deal_Name": "A deal of its own", "Stage": "Qualification", "Closing_Date": "2027-01-31", "Amount": 700}
    account = open_deals(product)[0]["Account_Name"]
    (made,) = asked(product, "POST", "Deals", json={"data": [{**deal, "Account_Name": {"id": account["id"]}}]})
    await_document(admin, product, "quotes", {**deal, "id": made["details"]["id"]})
    expect(admin.locator("main")).to_contain_text("A deal of its own")
    expect(admin.locator("main")).to_contain_text("Draft")


def test_without_javascript_the_form_has_a_button(admin, product, browser, browser_context_args):
    context = browser.new_context(**browser_context_args, java_script_enabled=False)
    page = context.new_page()
    sign_in(page, product)
    page.goto(product.url + DETAILS)
    page.get_by_label(re.compile(QUOTE)).uncheck()
    page.locator("#automation").get_by_role("button", name="Save").click()
    expect(page.get_by_text("Potentials make no documents any more.")).to_be_visible()
    context.close()
