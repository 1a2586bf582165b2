"""Documents in Zoho CRM as people see them: configured, sent, shown as there, and what is owed shown on the account."""

import re
import time

import pytest
import urllib3
from playwright.sync_api import Locator, Page, expect

from tests.browser.steps import await_runs, configure, connect, sign_in

DETAILS = "/settings/integrations/zoho-crm"
SECONDS = 30_000


@pytest.fixture(scope="module")
def admin(browser, browser_context_args, product) -> Page:
    """An admin whose customers are configured: Blue Harbor is the account of one of them."""
    product.control("seed", {"accounts": 3, "contacts_per_account": 1})
    context = browser.new_context(**browser_context_args)
    page = context.new_page()
    sign_in(page, product)
    connect(page, product)
    configure(page, product, module="Accounts", finish="Save and Sync")
    await_runs(page, product, count=1)
    yield page
    context.close()


def fetched_customer(page: Page, product) -> str:
    """The name of a customer that came from the CRM."""
    page.goto(product.url + "/customers?view=crm")
    return page.locator("tbody a[href^='/customers/']").first.inner_text().strip()


def new_invoice(page: Page, product, customer: str, rate: str) -> None:
    page.goto(product.url + "/invoices/new")
    page.get_by_label("Customer Name").fill(customer)
    page.get_by_role("option", name=customer).first.click()
    page.get_by_label("Item").first.fill("Consulting")
    page.get_by_label("Quantity").first.fill("2")
    page.get_by_label("Rate").first.fill(rate)
    page.get_by_role("button", name="Save", exact=True).first.click()
    page.wait_for_url(re.compile(r"/invoices/\d+$"))


def account_page(page: Page, product, customer: str) -> None:
    page.goto(product.sandbox_url + "/accounts")
    page.get_by_role("link", name=customer, exact=True).first.click()


def of_module(page: Page, name: str, label: str) -> Locator:
    """The link of that name in a module's row; all modules' links are called the same."""
    row = page.locator("#modules .row-between").filter(has=page.get_by_role("heading", name=label, exact=True))
    return row.get_by_role("link", name=name, exact=True)


def test_each_kind_of_document_has_configure_now(admin, product):
    admin.goto(product.url + DETAILS)
    for label in ("Quotes", "Sales Orders", "Invoices"):
        expect(of_module(admin, "Configure Now", label)).to_have_accessible_description(label)


def test_figures_reach_the_account_before_any_document_module_is_configured(admin, product):
    customer = fetched_customer(admin, product)
    new_invoice(admin, product, customer, "321.50")
    admin.get_by_role("button", name="Mark as Sent").click()
    began = time.monotonic()
    while True:
        account_page(admin, product, customer)
        if admin.get_by_text("643.00").count():
            break
        assert time.monotonic() - began < 60, "the figure did not arrive within a minute"
        admin.wait_for_timeout(250)
    shown = admin.locator("main")
    expect(shown).to_contain_text("Outstanding Receivables")
    expect(shown).to_contain_text("Total Sales")


def test_configuring_invoices(admin, product):
    admin.goto(product.url + DETAILS)
    of_module(admin, "Configure Now", "Invoices").click()
    admin.get_by_label("Push to CRM").check()
    admin.get_by_label("Send documents that exist already").check()
    admin.get_by_role("button", name="Save").click()
    expect(of_module(admin, "Edit", "Invoices")).to_be_visible()
    expect(admin.locator("main")).to_contain_text("Push to CRM")


def test_a_sent_invoice_says_that_it_is_in_zoho_crm(admin, product):
    new_invoice(admin, product, fetched_customer(admin, product), "10")
    expect(admin.get_by_text("Drafts stay here.")).to_be_visible()
    admin.get_by_role("button", name="Mark as Sent").click()
    expect(admin.get_by_text("In Zoho CRM", exact=True)).to_be_visible(timeout=SECONDS)
    number = admin.get_by_role("heading", level=1).inner_text().removeprefix("Invoice").strip()
    admin.goto(product.sandbox_url + "/invoices")
    admin.get_by_role("link", name=number).click()
    expect(admin.locator("main")).to_contain_text("20.00")


def test_the_account_shows_the_billing_panel(admin, product):
    customer = fetched_customer(admin, product)
    admin.goto(product.url + DETAILS)
    product.control("panel", {"url": admin.get_by_label("Billing panel").input_value()})
    account_page(admin, product, customer)
    panel = admin.frame_locator("iframe[title='Billing']")
    expect(panel.get_by_role("heading", name=customer)).to_be_visible()
    expect(panel.get_by_text("Outstanding Receivables")).to_be_visible()
    expect(panel.get_by_role("table", name="Open invoices")).to_be_visible()


def test_the_history_tells_of_what_was_sent(admin, product):
    admin.goto(product.url + DETAILS + "/history")
    row = admin.get_by_role("row").filter(has_text="Transaction").first
    expect(row).to_contain_text("Succeeded")
    calls = urllib3.request("GET", f"{product.sandbox_url}/_sandbox/requests").json()
    assert any(call["path"] == "/crm/v8/Invoices" and call["method"] == "POST" for call in calls)
