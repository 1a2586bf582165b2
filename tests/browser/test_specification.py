"""The specification, walked step by step by its own labels: set up, configure, sync, options, filter, disable."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.steps import await_runs, configure, connect, next_step, sign_in

DETAILS = "/settings/integrations/zoho-crm"


@pytest.fixture(scope="module")
def admin(browser, browser_context_args, product) -> Page:
    """One admin's browser for the whole walk: each test goes on where the one before it stopped."""
    context = browser.new_context(**browser_context_args)
    page = context.new_page()
    sign_in(page, product)
    yield page
    context.close()


def open_details(page: Page, product) -> None:
    page.goto(product.url + "/")
    page.get_by_role("link", name="Zoho Apps").first.click()
    page.get_by_role("link", name="Show Details").click()


def test_the_way_to_connect_leads_through_settings(admin, product):
    admin.goto(product.url + "/")
    admin.get_by_role("link", name="Settings", exact=True).first.click()
    admin.get_by_role("link", name="Zoho Apps").first.click()
    admin.get_by_role("link", name="Connect").first.click()
    expect(admin.get_by_role("heading", name="Zoho CRM Credentials")).to_be_visible()
    admin.get_by_role("link", name="Connect").first.click()
    expect(admin.get_by_label("Email Address")).to_be_visible()


def test_a_wrong_key_is_refused_with_a_sentence(admin, product):
    connect(admin, product, key="WRONG")
    expect(admin.get_by_label("Email Address")).to_have_value("admin@crm.example")
    expect(admin.locator("main")).to_contain_text("does not accept")


def test_a_person_who_is_no_admin_of_the_crm_is_refused(admin, product):
    connect(admin, product, email="nobody@crm.example")
    expect(admin.get_by_label("Zoho CRM ZSC Key")).to_be_visible()


def test_a_plan_below_professional_is_refused_by_name(admin, product):
    product.control("org", {"paid_type": "standard"})
    connect(admin, product)
    expect(admin.locator("main")).to_contain_text("Professional")
    product.control("org", {"paid_type": "professional"})


def test_another_base_currency_is_refused_with_both_names(admin, product):
    product.control("org", {"mc_status": True, "iso_code": "EUR"})
    connect(admin, product)
    expect(admin.locator("main")).to_contain_text("currency")
    expect(admin.locator("main")).to_contain_text("EUR")
    product.control("org", {"mc_status": False, "iso_code": "USD"})


def test_the_right_key_connects(admin, product):
    connect(admin, product)
    expect(admin.get_by_role("heading", name="Configure Module to be Synced")).to_be_visible()
    expect(admin.locator("main")).to_contain_text("admin@crm.example")
    expect(admin.locator("main")).not_to_contain_text("ZSC-DEMO-KEY")


def test_the_first_step_offers_three_modules(admin, product):
    admin.get_by_role("link", name="Configure Now").first.click()
    for label in ("Accounts", "Contacts", "Accounts and their Contacts"):
        expect(admin.get_by_label(label, exact=True)).to_be_visible()
    expect(admin.get_by_label("Include contacts that are not associated to any accounts in Zoho CRM")).to_be_visible()
    admin.get_by_label("Accounts and their Contacts", exact=True).check()
    next_step(admin)


def test_the_second_step_offers_two_extents(admin):
    expect(admin.get_by_label("Sync both ways")).to_be_visible()
    admin.get_by_label("Fetch from CRM").check()
    next_step(admin)


def test_the_third_step_offers_three_policies_and_explains_the_match(admin):
    for label in ("Clone", "Overwrite", "Skip"):
        expect(admin.get_by_label(label)).to_be_visible()
    expect(admin.locator("main")).to_contain_text("Customer Display Name")
    admin.get_by_label("Overwrite").check()
    next_step(admin)


def test_the_fourth_step_offers_the_crms_views(admin):
    for label, everything in (("Account view", "All Accounts"), ("Contact view", "All Contacts")):
        expect(admin.get_by_label(label)).to_contain_text(everything)
        expect(admin.get_by_label(label)).to_contain_text("My ")


def test_back_loses_nothing(admin):
    admin.get_by_role("button", name="Back").click()
    expect(admin.get_by_label("Overwrite")).to_be_checked()
    admin.get_by_label("Skip").check()
    admin.get_by_role("button", name="Back").click()
    next_step(admin)
    expect(admin.get_by_label("Skip")).to_be_checked()
    next_step(admin)
    next_step(admin)


def test_the_fifth_step_maps_fields_beside_native_selects(admin):
    expect(admin.get_by_role("heading", name="Map Fields")).to_be_visible()
    phone = admin.get_by_role("row", name=re.compile(r"^Phone\b")).first.locator("select")
    expect(phone).to_have_value("Phone")


def test_save_and_sync_fetches_every_account(admin, product):
    admin.get_by_role("button", name="Save and Sync", exact=True).click()
    await_runs(admin, product, count=1)
    row = admin.get_by_role("row").filter(has_text="Succeeded").first
    expect(row).to_be_visible()
    for column in ("Time", "Trigger", "Status", "Added", "Updated", "Deleted", "Skipped", "Failed"):
        expect(admin.get_by_role("columnheader", name=column)).to_be_visible()


def test_crm_customers_are_a_choice_of_the_drop_down(admin, product):
    admin.goto(product.url + "/customers")
    admin.get_by_text("All Customers").first.click()
    admin.get_by_role("link", name="CRM Customers").click()
    expect(admin.locator("main summary").filter(has_text="CRM Customers")).to_be_visible()
    names = admin.locator("tbody tr").count()
    assert names > 10


def test_instant_sync_brings_a_new_account_at_once(admin, product):
    product_account(product, "Brand-new & Söhne")
    open_details(admin, product)
    admin.get_by_role("button", name="Instant Sync").click()
    await_runs(admin, product, count=2)
    admin.goto(product.url + "/customers?q=Brand-new")
    expect(admin.get_by_role("link", name="Brand-new & Söhne")).to_be_visible()


def test_pause_stops_instant_sync_until_resume(admin, product):
    open_details(admin, product)
    admin.get_by_role("button", name="Pause Sync").click()
    expect(admin.get_by_role("button", name="Resume Sync")).to_be_visible()
    expect(admin.get_by_role("button", name="Instant Sync")).to_be_disabled()
    admin.get_by_role("button", name="Resume Sync").click()
    expect(admin.get_by_role("button", name="Instant Sync")).to_be_enabled()


def test_edit_shows_the_stored_choices(admin, product):
    open_details(admin, product)
    admin.get_by_role("link", name="Edit").first.click()
    expect(admin.get_by_label("Accounts and their Contacts", exact=True)).to_be_checked()
    next_step(admin)
    expect(admin.get_by_label("Fetch from CRM")).to_be_checked()
    next_step(admin)
    expect(admin.get_by_label("Skip")).to_be_checked()


def test_a_wrong_key_in_update_credentials_leaves_the_old_one_working(admin, product):
    open_details(admin, product)
    admin.get_by_role("link", name="Update Credentials").click()
    admin.get_by_label("Email Address").fill("admin@crm.example")
    admin.get_by_label("Zoho CRM ZSC Key").fill("WRONG")
    admin.get_by_role("button", name="Save", exact=True).first.click()
    expect(admin.locator("main")).to_contain_text("does not accept")
    open_details(admin, product)
    admin.get_by_role("button", name="Instant Sync").click()
    await_runs(admin, product, count=3)


def test_while_disabled_nothing_calls_the_crm(admin, product):
    open_details(admin, product)
    admin.get_by_role("button", name="Disable Integration").click()
    confirm = admin.get_by_role("dialog").get_by_role("button", name="Disable Integration")
    confirm.click()
    expect(admin.get_by_role("button", name="Enable Integration")).to_be_visible()
    admin.wait_for_timeout(1500)
    before = len(product.calls())
    admin.goto(product.url + "/customers")
    admin.wait_for_timeout(4000)
    assert len(product.calls()) == before
    open_details(admin, product)
    admin.get_by_role("button", name="Enable Integration").click()
    expect(admin.get_by_role("button", name="Instant Sync")).to_be_enabled()


def test_after_enabling_again_nothing_is_doubled(admin, product):
    admin.goto(product.url + "/customers?view=crm")
    open_details(admin, product)
    admin.get_by_role("button", name="Instant Sync").click()
    await_runs(admin, product, count=4)
    newest = admin.get_by_role("row").filter(has_text="Succeeded").first
    expect(newest.get_by_role("cell").nth(3)).to_have_text("0")


def product_account(product, name: str) -> None:
    """Somebody adds an account in the CRM."""
    import urllib3

    token = urllib3.request(
        "POST",
        f"{product.sandbox_url}/oauth/v2/token",
        fields={
            "grant_type": "refresh_token",
            "client_id": "demo-client",
            "client_secret": "demo-secret",
            "refresh_token": "demo-refresh",
        },
    ).json()["access_token"]
    answer = urllib3.request(
        "POST",
        f"{product.sandbox_url}/crm/v8/Accounts",
        headers={"Authorization": f"Zoho-oauthtoken {token}"},
        json={"data": [{"Account_Name": name}]},
    )
    assert answer.status == 201


def test_a_custom_field_made_in_settings_can_be_mapped(admin, product):
    admin.goto(product.url + "/settings/custom-fields")
    admin.get_by_role("link", name="New").first.click()
    admin.get_by_label("Label").fill("Ticker")
    admin.get_by_role("button", name="Save", exact=True).click()
    configure(admin, product, finish="Back")
    admin.goto(product.url + "/settings/integrations/zoho-crm/customers/fields")
    row = admin.get_by_role("row", name=re.compile(r"^Ticker\b")).first
    row.locator("select").select_option("Ticker_Symbol")
    admin.get_by_role("button", name="Save and Sync", exact=True).click()
    await_runs(admin, product, count=5)
