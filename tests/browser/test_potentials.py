"""Search Contacts in CRM, Link Potentials to Transactions, Dissociate a Potential: the specification's own steps."""

import re

import pytest
import urllib3
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.browser.steps import connect, sign_in


@pytest.fixture(scope="module")
def connected(product, browser):
    """The product, connected to a CRM with customers and potentials, nothing of it fetched."""
    product.control("seed", {"accounts": 12, "contacts_per_account": 2, "loose_contacts": 2, "deals": 12})
    page = browser.new_page()
    sign_in(page, product)
    connect(page, product)
    page.get_by_text("Connected", exact=False).first.wait_for()
    page.close()
    return product


@pytest.fixture
def sales(connected, page: Page):
    sign_in(page, connected, "sales")
    return page


def open_search(page: Page, product, *, kind: str = "invoices"):
    """Create a new sales transaction, click the search icon, click In Zoho CRM."""
    page.goto(f"{product.url}/{kind}/new")
    page.get_by_role("button", name=re.compile("^Search")).first.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_text("In Zoho CRM").click()
    return dialog


def find(dialog, name: str):
    """Enter the name and click Go."""
    dialog.get_by_role("textbox").fill(name)
    dialog.get_by_role("button", name="Go").click()


@pytest.fixture(scope="module")
def deal(connected):
    """A potential of the CRM: its name and its account's."""
    fields = {
        "grant_type": "refresh_token", "client_id": "demo-client", "client_secret": "demo-secret",
        "refresh_token": "demo-refresh",
    }  # fmt: skip
    url = connected.sandbox_url
    token = urllib3.request("POST", f"{url}/oauth/v2/token", fields=fields).json()["access_token"]
    answer = urllib3.request(
        "GET",
        f"{url}/crm/v8/Deals?fields=Deal_Name,Account_Name",
        headers={"Authorization": f"Zoho-oauthtoken {token}"},
    )
    found = next(each for each in answer.json()["data"] if each["Account_Name"])
    return found["Deal_Name"], found["Account_Name"]["name"]


def test_an_account_is_searched_in_the_crm_and_picked_for_a_new_invoice(sales, connected, deal):
    _, account = deal
    dialog = open_search(sales, connected)
    find(dialog, account)
    expect(dialog.get_by_text("will be fetched").first).to_be_visible()
    assert Axe().run(sales, context="#dialog").violations_count == 0
    dialog.get_by_role("button", name=account, exact=True).click()
    expect(sales.get_by_label("Customer Name")).to_have_value(account)
    expect(dialog).to_be_hidden()
    expect(sales.locator("#customer-search")).to_be_focused()
    sales.goto(connected.url + "/customers?q=" + account.split()[0])
    expect(sales.get_by_role("row").filter(has_text=account)).to_have_count(1)
    dialog = open_search(sales, connected, kind="quotes")
    find(dialog, account)
    expect(
        dialog.get_by_role("listitem").filter(has=sales.get_by_role("button", name=account, exact=True))
    ).to_contain_text("already here")


def test_picking_loses_nothing_of_what_was_typed(sales, connected, deal):
    _, account = deal
    sales.goto(connected.url + "/invoices/new")
    sales.get_by_label("Reference").fill("PO 4711")
    sales.get_by_label("Item", exact=True).fill("Something of our own")
    sales.get_by_label("Rate", exact=True).fill("120")
    sales.get_by_label("Customer Name").fill(account[:5])
    sales.get_by_role("button", name=re.compile("^Search")).first.click()  # the very click that leaves the field
    dialog = sales.get_by_role("dialog")
    dialog.get_by_role("tab", name="In Zoho CRM").click()
    expect(dialog.get_by_role("textbox")).to_have_value(account[:5])
    find(dialog, account)
    dialog.get_by_role("button", name=account, exact=True).click()
    expect(sales.get_by_label("Customer Name")).to_have_value(account)
    expect(sales.get_by_label("Reference")).to_have_value("PO 4711")
    expect(sales.get_by_label("Rate", exact=True)).to_have_value("120")
    expect(sales.locator("#totals")).to_contain_text("$120.00")


def test_a_crm_that_does_not_answer_is_a_sentence_and_the_name_stays(sales, connected):
    dialog = open_search(sales, connected)
    connected.control("faults", {"latency_ms": 9000})
    try:
        find(dialog, "acme")
        expect(dialog.get_by_text("Zoho CRM did not answer in time")).to_be_visible(timeout=15_000)
    finally:
        connected.control("faults", {"latency_ms": 0})
    expect(dialog.get_by_role("textbox")).to_have_value("acme")


def test_a_potential_is_linked_to_a_new_quote_and_dissociated_when_it_is_edited(sales, connected, deal):
    name, account = deal
    dialog = open_search(sales, connected, kind="quotes")
    find(dialog, account)
    dialog.get_by_role("button", name=account, exact=True).click()
    sales.get_by_text("Link Potential").click()
    sidebar = sales.get_by_role("dialog", name=account)
    expect(sidebar.get_by_text("Owner")).to_be_visible()
    sidebar.get_by_role("tab", name="Details").focus()
    sales.keyboard.press("ArrowRight")
    expect(sidebar.get_by_role("tab", name="Potentials")).to_be_focused()
    assert Axe().run(sales, context="#sidebar").violations_count == 0
    sidebar.get_by_role("listitem").filter(has_text=name).get_by_role("button", name="Associate").click()
    expect(sidebar).to_be_hidden()
    expect(sales.locator("#potential-field")).to_contain_text(name)
    sales.get_by_label("Item", exact=True).fill("Licence")
    sales.get_by_label("Rate", exact=True).fill("80")
    sales.get_by_role("button", name="Save", exact=True).click()
    sales.wait_for_url(re.compile(r"/quotes/\d+$"))
    expect(sales.get_by_role("main")).to_contain_text(name)

    sales.get_by_role("link", name="Edit").click()
    sales.get_by_text(name).click()
    sidebar.get_by_role("button", name="Dissociate").click()
    expect(sidebar).to_be_hidden()
    expect(sales.locator("#potential-field")).to_contain_text("Link Potential")
    sales.get_by_role("button", name="Save", exact=True).click()
    sales.wait_for_url(re.compile(r"/quotes/\d+$"))
    expect(sales.get_by_role("main").get_by_text("Link Potential")).to_be_visible()


def test_a_sent_invoice_is_linked_on_its_page_and_the_potential_shows_its_money(sales, connected, deal):
    name, account = deal
    dialog = open_search(sales, connected)
    find(dialog, account)
    dialog.get_by_role("button", name=account, exact=True).click()
    expect(sales.get_by_label("Customer Name")).to_have_value(account)
    sales.get_by_label("Item", exact=True).fill("Licence")
    sales.get_by_label("Rate", exact=True).fill("80")
    sales.get_by_role("button", name="Save", exact=True).click()
    sales.get_by_role("button", name="Mark as Sent").click()
    sales.get_by_role("main").get_by_text("Link Potential").click()
    sidebar = sales.get_by_role("dialog", name=account)
    sidebar.get_by_role("tab", name="Potentials").click()
    card = sidebar.get_by_role("listitem").filter(has_text=name)
    card.get_by_role("button", name="Associate").click()
    expect(sales.locator("#flash")).to_contain_text(f"Linked to the potential {name}")
    sales.get_by_role("main").get_by_role("link", name=name).click()
    expect(card.get_by_role("button", name="Dissociate")).to_be_visible()
    expect(card.locator("dl")).to_contain_text(re.compile(r"Invoiced\s*\$80\.00.*Outstanding\s*\$80\.00", re.DOTALL))
