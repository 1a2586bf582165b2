"""Everybody can use every page: axe finds nothing, in light and dark, wide and on a phone; keys alone suffice."""

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page, expect

from tests.addresses import pages
from tests.browser.steps import await_runs, configure, connect, sign_in, tab_to
from tests.conftest import make_config
from zbweb.app import create_app

WIDE, PHONE = {"width": 1360, "height": 850}, {"width": 390, "height": 844}
AXE = "axe.run({resultTypes: ['violations']}).then((found) => found.violations)"
COLOURS = "axe.run({runOnly: ['color-contrast'], resultTypes: ['violations']}).then((found) => found.violations)"
TOO_WIDE = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
CUT_OFF = """() => [...document.querySelectorAll(".table-scroll")]
  .filter((box) => box.scrollWidth > box.clientWidth + 1).map((box) => box.querySelector("caption").textContent)"""
"""Tables that a reader must push sideways."""


@pytest.fixture(scope="module")
def admin(browser, browser_context_args, product) -> Page:
    """An admin of an organisation where everything has happened once."""
    context = browser.new_context(**browser_context_args)
    page = context.new_page()
    sign_in(page, product)
    connect(page, product)
    configure(page, product)
    await_runs(page, product, count=1)
    page.goto(product.url + "/settings/custom-fields/new")
    page.get_by_label("Label").fill("Ticker")
    page.get_by_role("button", name="Save", exact=True).click()
    yield page
    context.close()


@pytest.fixture(scope="module")
def paths(product, admin) -> list[str]:
    database = product.data_dir / "zbweb.sqlite3"
    app = create_app(make_config(product.data_dir, database_url=f"sqlite:///{database}"))
    shown = [path for path in pages(app, database) if is_page(admin, product.url + path)]
    assert len(shown) > 50
    return shown


def is_page(page: Page, url: str) -> bool:
    """Whether an address answers with a page of its own: not a file, a fragment or somewhere else."""
    answer = page.request.get(url, max_redirects=0)
    return answer.status == 200 and answer.text().lstrip().startswith("<!doctype html>")


def complaints(page: Page, script: str) -> list[str]:
    page.evaluate("Promise.all(document.getAnimations().map((each) => each.finished.catch(() => null)))")
    found = page.evaluate(script)
    return [
        f"{each['id']}: {node['html'][:160]} {node['any'][0]['message'] if node['any'] else each['help']}"
        for each in found
        for node in each["nodes"][:3]
    ]


def test_every_page_is_usable_by_everyone_in_light_and_dark_wide_and_on_a_phone(admin, product, paths):
    wrong = []
    for path in paths:
        admin.emulate_media(color_scheme="light", reduced_motion="reduce")
        admin.set_viewport_size(WIDE)
        admin.goto(product.url + path)
        admin.evaluate(AXE_SCRIPT)
        for size, scheme, script in (
            (WIDE, "light", AXE),
            (WIDE, "dark", COLOURS),
            (PHONE, "dark", COLOURS),
            (PHONE, "light", AXE),
        ):
            admin.set_viewport_size(size)
            admin.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            wrong += [f"{path} {size['width']} {scheme} {each}" for each in complaints(admin, script)]
            if (over := admin.evaluate(TOO_WIDE)) > 0:
                wrong.append(f"{path} {size['width']} is {over} px too wide")
            wrong += [f"{path} {size['width']} cuts off the table {each}" for each in admin.evaluate(CUT_OFF)]
    admin.set_viewport_size(WIDE)
    assert wrong == [], "\n".join(wrong)


def test_the_log_in_page_and_errors_are_usable_by_everyone(page, product, admin):
    for who, path in ((page, "/login"), (admin, "/no-such-page")):
        who.goto(product.url + path)
        who.evaluate(AXE_SCRIPT)
        assert complaints(who, AXE) == []


def test_an_invoice_is_made_and_sent_by_keyboard_alone(page, product):
    sign_in(page, product)
    page.keyboard.press("g")
    page.keyboard.press("i")
    page.wait_for_url("**/invoices")
    tab_to(page, "New Invoice")
    page.keyboard.press("Enter")
    page.wait_for_url("**/invoices/new")
    tab_to(page, "Customer Name")
    page.keyboard.type("Bright")
    expect(page.get_by_role("option").first).to_be_visible()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    tab_to(page, "Item")
    page.keyboard.type("Consulting")
    tab_to(page, "Rate")
    page.keyboard.type("1250.50")
    page.keyboard.press("Control+s")
    page.wait_for_url(lambda url: url.rsplit("/", 1)[-1].isdecimal())
    tab_to(page, "Mark as Sent")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("INV-")
    expect(page.locator("main")).to_contain_text("1,250.50")


COVERED = """() => {
  const buttons = document.querySelector(".form-actions"), element = document.activeElement;
  if (!element.matches("main form *") || buttons.contains(element)) return false;
  const top = element.getBoundingClientRect().top, bar = buttons.getBoundingClientRect();
  return top > bar.top && top < bar.bottom;
}"""


@pytest.mark.parametrize("path", ["/customers/new", "/invoices/new", "/settings/organisation"])
def test_the_buttons_of_a_form_never_hide_the_field_that_has_the_focus(page, product, path):
    sign_in(page, product)
    page.set_viewport_size({"width": 390, "height": 640})
    page.goto(product.url + path)
    page.locator("main input:visible, main select:visible").first.focus()
    for _ in range(25):
        page.keyboard.press("Tab")
        assert not page.evaluate(COVERED), page.evaluate("document.activeElement.outerHTML")


def test_the_skip_link_leads_past_the_navigation(page, product):
    sign_in(page, product)
    page.goto(product.url + "/customers")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()


def test_quick_search_opens_with_a_key_and_finds_by_enter(page, product):
    sign_in(page, product)
    page.keyboard.press("Control+k")
    expect(page.get_by_role("searchbox", name="Quick search")).to_be_focused()
    page.keyboard.type("Redwood")
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="Redwood Coffee Collective")).to_be_visible()
