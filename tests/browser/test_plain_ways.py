"""The main journeys by keys alone, and without JavaScript: from the log-in to an invoice in Zoho CRM."""

import re

from playwright.sync_api import Page, expect

from tests.browser.steps import await_runs, configure, connect, sign_in, tab_to
from tests.product import PASSWORD, Product, running

SAVED = re.compile(r"/invoices/\d+$")


def press(page: Page, name: str) -> None:
    """Tab to the element of this name and press Enter there."""
    tab_to(page, name)
    page.keyboard.press("Enter")


def type_into(page: Page, name: str, words: str) -> None:
    tab_to(page, name)
    page.keyboard.type(words)


def test_from_connecting_to_an_invoice_in_the_crm_by_keys_alone(data_dir, page):
    with running(data_dir) as product:
        page.goto(product.url + "/login")
        type_into(page, "Email", "admin@example.com")
        type_into(page, "Password", PASSWORD)
        page.keyboard.press("Enter")
        page.wait_for_url(product.url + "/")
        press(page, "Zoho Apps")
        page.wait_for_url("**/zoho-apps")
        press(page, "Connect")
        page.wait_for_url("**/zoho-crm")
        press(page, "Connect")
        expect(page.get_by_label("Zoho CRM ZSC Key")).to_be_visible()
        type_into(page, "Email Address", "admin@crm.example")
        type_into(page, "Zoho CRM ZSC Key", "ZSC-DEMO-KEY")
        page.keyboard.press("Enter")
        expect(page.get_by_text("Zoho CRM is connected").first).to_be_visible()
        press(page, "Configure Now")
        expect(page.get_by_role("radio", name="Accounts", exact=True)).to_be_visible()
        for number in range(2, 7):
            press(page, "Next")
            expect(page.locator("[aria-current=step]")).to_contain_text(str(number))
        press(page, "Save and Sync")
        page.wait_for_url("**/zoho-crm")
        await_runs(page, product, count=1)
        invoice_by_keys(page, product, "Abernathy Bearings DAC")


def invoice_by_keys(page: Page, product: Product, name: str) -> None:
    """Search the account in the CRM, look at its potentials, save; then pause."""
    page.goto(product.url + "/invoices/new")
    press(page, "Search customers")
    expect(page.get_by_role("dialog")).to_be_visible()
    tab_to(page, "In Billing", "Shift+Tab")
    page.keyboard.press("ArrowRight")
    type_into(page, "Account or Contact Name", name.split(maxsplit=1)[0])
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog").get_by_role("button", name=name, exact=True)).to_be_visible()
    press(page, name)
    expect(page.get_by_label("Customer Name")).to_have_value(name)
    expect(page.locator("#customer-search")).to_be_focused()
    press(page, "Link Potential")
    expect(page.get_by_role("dialog", name=name)).to_be_visible()
    page.keyboard.press("Escape")
    type_into(page, "Item", "Consulting")
    type_into(page, "Rate", "100")
    page.keyboard.press("Control+s")
    page.wait_for_url(SAVED)
    page.goto(product.url + "/settings/integrations/zoho-crm")
    press(page, "Pause Sync")
    expect(page.get_by_role("button", name="Resume Sync")).to_be_visible()


def test_from_connecting_to_an_invoice_in_the_crm_without_javascript(data_dir, browser, browser_context_args):
    context = browser.new_context(**browser_context_args, java_script_enabled=False)
    page = context.new_page()
    with running(data_dir) as product:
        sign_in(page, product)
        connect(page, product)
        expect(page.get_by_text("Zoho CRM is connected").first).to_be_visible()
        configure(page, product, module="Accounts")
        await_runs(page, product, count=1)
        page.goto(product.url + "/customers")
        page.get_by_text("All Customers").first.click()
        page.get_by_role("link", name="CRM Customers").click()
        name = page.locator("tbody a").first.inner_text()
        invoice_without_javascript(page, product, name)
        page.goto(product.url + "/settings/integrations/zoho-crm")
        page.get_by_role("button", name="Pause Sync").click()
        page.get_by_role("button", name="Resume Sync").click()
        page.get_by_role("button", name="Disable Integration").click()
        page.get_by_role("button", name="Enable Integration").click()
        expect(page.get_by_role("button", name="Instant Sync")).to_be_enabled()
    context.close()


def invoice_without_javascript(page: Page, product: Product, name: str) -> None:
    """Look the customer up in the CRM, add a line, save, send, link a potential."""
    page.goto(product.url + "/invoices/new")
    page.get_by_label("Customer Name").fill(name)
    page.get_by_role("button", name="Look up").click()
    page.get_by_role("group", name="Found in Zoho CRM").get_by_role("button").first.click()
    expect(page.get_by_label("Customer Name")).to_have_value(name)
    page.get_by_label("Item", exact=True).fill("Consulting")
    page.get_by_label("Rate", exact=True).fill("100")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page).to_have_url(SAVED)
    page.get_by_role("button", name="Mark as Sent").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("INV-")
    page.get_by_text("Link Potential").click()
    expect(page.get_by_text("Potentials").first).to_be_visible()
