"""How pages behave while the server is away, and where names and trails lead."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.steps import configure, connect, sign_in

DETAILS = "/settings/integrations/zoho-crm"


@pytest.mark.server_dies
def test_a_page_that_polls_goes_on_quietly_when_the_server_is_back(page, product):
    product.control("seed", {"accounts": 3000, "contacts_per_account": 0})
    product.control("faults", {"latency_ms": 800})
    sign_in(page, product)
    connect(page, product)
    configure(page, product, module="Accounts")
    page.goto(product.url + DETAILS)
    expect(page.get_by_role("heading", name="Sync in progress")).to_be_visible()

    asked = []
    page.route("**/zoho-crm/progress", lambda route: (asked.append(1), route.abort("connectionrefused")))
    page.wait_for_timeout(5000)
    assert len(asked) >= 2
    expect(page.locator(".toast")).to_have_count(0)

    page.unroute("**/zoho-crm/progress")
    product.control("faults", {"latency_ms": 0})
    expect(page.get_by_role("heading", name="Sync in progress")).to_be_hidden(timeout=60_000)
    expect(page.locator("#status")).to_contain_text("Succeeded")


def test_a_panel_that_failed_to_load_says_so_and_loads_after_retry(page, product):
    page.route("**/sync-state", lambda route: route.fulfill(status=503, body="away"))
    sign_in(page, product)
    card = page.locator("section.card").filter(has=page.get_by_role("heading", name="Zoho CRM"))
    expect(card).to_contain_text("This could not be loaded.")
    expect(card.locator(".skeleton")).to_have_count(0)
    expect(page.locator(".toast")).to_have_count(0)

    card.get_by_role("button", name="Retry").click()
    expect(card).to_contain_text("This could not be loaded.")
    page.unroute("**/sync-state")
    card.get_by_role("button", name="Retry").click()
    expect(card.get_by_role("button", name="Retry")).to_have_count(0)
    expect(card).to_contain_text(re.compile("Not connected|Last sync"))


@pytest.mark.parametrize("path", [DETAILS, f"{DETAILS}/history", f"{DETAILS}/history/failures"])
def test_every_page_of_the_integration_has_the_whole_trail_above_it(page, product, path):
    sign_in(page, product)
    page.goto(product.url + path)
    trail = page.get_by_role("navigation", name="Breadcrumb")
    expect(trail).to_have_text(re.compile("^SettingsIntegrationsZoho AppsZoho CRM"))
    expect(trail.locator("[aria-current=page]")).to_have_count(1)


@pytest.mark.parametrize("width", [360, 700, 1030])
@pytest.mark.parametrize("path", ["/invoices", "/quotes", "/sales-orders", "/payments", "/", "/customers"])
def test_what_counts_in_a_list_is_seen_on_a_phone_or_tablet_without_scrolling_sideways(page, product, path, width):
    page.set_viewport_size({"width": width, "height": 780})
    sign_in(page, product)
    page.goto(product.url + path)
    for box in page.locator(".table-scroll").all():
        assert box.evaluate("(box) => box.scrollWidth - box.clientWidth") <= 0


@pytest.mark.parametrize("who", ["sales", "finance", "admin"])
def test_everybody_finds_the_outbox_in_the_navigation(page, product, who):
    sign_in(page, product, who)
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Email Outbox").click()
    expect(page.get_by_role("heading", name="Email Outbox")).to_be_visible()
    expect(page.get_by_role("link", name="Email Outbox")).to_have_attribute("aria-current", "page")


def test_what_was_typed_into_the_search_is_what_is_exported(page, product):
    sign_in(page, product)
    page.goto(product.url + "/customers")
    page.get_by_label("Search customers").fill("rowing")
    expect(page.locator("tbody tr")).to_have_count(1)
    with page.expect_download() as download:
        page.get_by_role("link", name="Export CSV").click()
    assert len(download.value.path().read_text().splitlines()) == 2
