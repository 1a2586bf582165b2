"""An invoice from the first key to the PDF, in a browser: suggestions, rows by keyboard, totals as one types."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.steps import sign_in

CUSTOMER, ITEM = "Bright Path Learning", "27-inch Monitor, 4K"
PATHS = (
    "/", "/invoices", "/invoices/new", "/invoices/1", "/quotes", "/sales-orders", "/payments", "/outbox",
    "/payments/new?customer_id=1", "/reports/receivables", "/customers/1/statement",
)  # fmt: skip


@pytest.fixture
def editor(page: Page, product) -> Page:
    sign_in(page, product)
    page.goto(product.url + "/invoices/new")
    return page


def choose_customer(page: Page, name: str = CUSTOMER) -> None:
    page.get_by_label("Customer Name").press_sequentially(name[:6])
    expect(page.get_by_role("option", name=name)).to_be_visible()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator("#customer_id")).to_have_value(re.compile(r"\d+"))


def cell(page: Page, label: str, row: int = 0):
    return page.get_by_label(label, exact=True).nth(row)


def total(page: Page):
    return page.locator(".totals-grand dd")


def test_a_field_that_has_a_style_from_the_browser_is_swapped_without_a_complaint(editor):
    editor.locator("#customer_id").evaluate("(field) => { field.style.color = 'red'; }")
    choose_customer(editor)


def test_an_invoice_is_written_saved_sent_and_printed(editor):
    choose_customer(editor)
    cell(editor, "Item").fill("Consulting")
    cell(editor, "Rate").fill("1,250.50")
    cell(editor, "Quantity").fill("2")
    expect(total(editor)).to_have_text("$2,501.00")
    expect(editor.locator("#lines-0-amount")).to_have_text("$2,501.00")
    editor.get_by_role("button", name="Save", exact=True).click()
    expect(editor).to_have_url(re.compile(r"/invoices/\d+$"))
    editor.get_by_role("button", name="Mark as Sent").click()
    expect(editor.get_by_role("heading", level=1)).to_contain_text("INV-")
    expect(editor.get_by_role("button", name="Mark as Sent")).to_have_count(0)
    assert editor.request.get(editor.url + "/pdf").body().startswith(b"%PDF")


def test_a_whole_invoice_is_typed_without_a_mouse(editor):
    choose_customer(editor)
    cell(editor, "Item").press_sequentially(ITEM[:7])
    expect(editor.get_by_role("option", name=ITEM)).to_be_visible()
    editor.keyboard.press("ArrowDown")
    editor.keyboard.press("Enter")
    expect(cell(editor, "Quantity")).to_be_focused()
    expect(cell(editor, "Rate")).not_to_have_value("")
    cell(editor, "Tax").press("Tab")
    expect(cell(editor, "Item", 1)).to_be_focused()
    editor.keyboard.type("Delivery")
    cell(editor, "Rate", 1).fill("20")
    cell(editor, "Tax", 1).press("Tab")
    expect(cell(editor, "Item", 2)).to_be_focused()
    editor.keyboard.press("Control+s")
    expect(editor).to_have_url(re.compile(r"/invoices/\d+$"))
    expect(editor.get_by_role("table", name="Lines").get_by_role("rowheader")).to_have_count(2)


def test_the_due_date_follows_date_and_terms_until_one_is_typed(editor):
    due, day, terms = (cell(editor, label) for label in ("Due Date", "Invoice Date", "Payment Terms"))
    choose_customer(editor)
    terms.select_option("Net 30")
    day.fill("2026-01-15")
    expect(due, "before there is a line").to_have_value("2026-02-14")
    terms.select_option("Net 15")
    expect(due).to_have_value("2026-01-30")
    day.fill("2026-01-16")
    due.focus()
    expect(editor.locator("#due_date-hint")).to_have_text("Due 31 Jan 2026.")
    expect(due, "nothing is written where one may be typing").to_have_value("2026-01-30")
    day.focus()
    expect(due).to_have_value("2026-01-31")
    due.fill("2026-03-01")
    day.fill("2026-01-17")
    expect(editor.locator("#due_date-hint")).to_have_text("Due 1 Mar 2026.")
    expect(due).to_have_value("2026-03-01")
    due.fill("")
    day.focus()
    expect(due, "an emptied box is filled anew").to_have_value("2026-02-01")


def test_rows_move_and_go_and_keep_what_was_typed(editor):
    cell(editor, "Item").fill("First")
    editor.get_by_role("button", name="Add line").click()
    cell(editor, "Item", 1).fill("Second")
    editor.get_by_role("button", name="Move line up").nth(1).press("Enter")
    expect(editor.get_by_role("button", name="Move line up").first, "the focus goes along").to_be_focused()
    expect(cell(editor, "Item")).to_have_value("Second")
    expect(cell(editor, "Item")).to_have_attribute("name", "lines-0-name")
    editor.get_by_role("button", name="Remove line").first.click()
    expect(cell(editor, "Item")).to_have_value("First")
    editor.get_by_role("button", name="Remove line").first.click()
    expect(cell(editor, "Item")).to_have_value("")


def test_choosing_a_customer_leaves_everything_else_as_typed(editor):
    editor.get_by_label("Reference").fill("PO-7")
    cell(editor, "Item").fill("Consulting")
    cell(editor, "Rate").fill("10")
    choose_customer(editor)
    expect(editor.get_by_label("Reference")).to_have_value("PO-7")
    expect(cell(editor, "Item")).to_have_value("Consulting")


def test_a_name_typed_in_full_needs_no_choosing(editor):
    editor.get_by_label("Customer Name").fill(CUSTOMER)
    editor.keyboard.press("Tab")
    expect(editor.locator("#customer_id")).to_have_value(re.compile(r"\d+"))


def test_what_is_wrong_is_focused_and_what_was_typed_kept(editor):
    cell(editor, "Item").fill("Consulting")
    cell(editor, "Rate").fill("ten")
    editor.get_by_role("button", name="Save", exact=True).click()
    expect(editor.get_by_role("alert")).to_be_focused()
    expect(cell(editor, "Rate")).to_have_value("ten")
    editor.get_by_role("link", name="Line 1: Rate").click()
    expect(cell(editor, "Rate")).to_be_focused()


@pytest.mark.parametrize("width", [390, 1360])
def test_no_page_is_wider_than_its_screen(page, product, width):
    sign_in(page, product)
    page.set_viewport_size({"width": width, "height": 850})
    for path in PATHS:
        page.goto(product.url + path)
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, path
