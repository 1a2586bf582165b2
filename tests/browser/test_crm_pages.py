"""A person at the stand-in CRM in a real browser: the way to a won deal, on a wide screen and on a phone."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.sandbox_server import SandboxServer
from zbweb.sandbox import queries

WIDE, PHONE = {"width": 1360, "height": 850}, {"width": 390, "height": 844}
PAGES = (
    "/", "/accounts", "/accounts/new", "/deals", "/products", "/invoices", "/traffic", "/traffic?show=all",
    "/notifications", "/recycle-bin", "/setup", "/setup/zsc-key", "/setup/users", "/setup/organisation",
    "/setup/views", "/setup/fields", "/setup/panel",
)  # fmt: skip


@pytest.fixture
def crm():
    with SandboxServer() as server:
        yield server


@pytest.fixture
def billing():
    """A billing program whose panel tells what an account owes."""

    class Panel(BaseHTTPRequestHandler):
        def do_GET(self):
            body = f"<!doctype html><title>Panel</title><p>Owes 150.00 ({self.path})</p>".encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Panel)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("screen", [WIDE, PHONE], ids=["wide", "phone"])
def test_a_person_makes_a_customer_and_wins_a_deal_with_it(crm, billing, page, screen):
    crm.control("panel", {"url": f"{billing}/panel/{{account_id}}"})
    page.set_viewport_size(screen)
    page.goto(crm.url)
    expect(page.get_by_role("banner")).to_contain_text("Zoho CRM (sandbox)")

    page.get_by_role("link", name="Accounts", exact=True).first.click()
    page.get_by_role("link", name="New Account").click()
    page.get_by_label("Account Name").fill("Walker & Daughters")
    page.get_by_label("Industry").select_option("Manufacturing")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="Walker & Daughters", level=1)).to_be_visible()
    expect(page.get_by_role("status")).to_have_text("The record was created.")
    expect(page.frame_locator("iframe[title=Billing]").get_by_text("Owes 150.00")).to_be_visible()
    account = page.url.split("/accounts/")[1].split("?")[0]
    expect(page.frame_locator("iframe[title=Billing]").get_by_text(account)).to_be_visible()

    page.get_by_role("link", name="New Contact").click()
    expect(page.get_by_label("Account Name")).to_have_value("Walker & Daughters")
    page.get_by_label("Last Name").fill("Walker")
    page.get_by_label("Email", exact=True).fill("ada@walker.example")
    page.get_by_role("button", name="Save").click()
    page.get_by_role("link", name="Walker & Daughters").click()
    expect(page.get_by_role("link", name="ada@walker.example")).to_be_visible()

    page.get_by_role("link", name="New Deal").click()
    page.get_by_label("Deal Name").fill("First order")
    page.get_by_label("Amount").fill("150")
    page.get_by_label("Closing Date").fill("2027-01-31")
    page.get_by_label("Stage").select_option("Negotiation/Review")
    page.get_by_role("button", name="Save").click()
    page.get_by_role("button", name="Mark as won").click()
    expect(page.get_by_role("region", name="Stage")).to_contain_text("Closed Won")
    expect(page.get_by_role("button", name="Mark as won")).to_have_count(0)

    page.get_by_role("link", name="Setup").click()
    page.get_by_role("link", name="ZSC key").click()
    page.get_by_role("button", name="Generate new key").click()
    expect(page.locator("#zsc-key")).not_to_have_text("ZSC-DEMO-KEY")


@pytest.mark.parametrize("screen", [WIDE, PHONE], ids=["wide", "phone"])
def test_every_page_fits_the_screen_and_is_usable_by_everyone(crm, page, screen):
    page.set_viewport_size(screen)
    with crm.sandbox.reading() as connection:
        account, deal = (queries.find(connection, module, limit=1)[0].id for module in ("Accounts", "Deals"))
    of_records = (f"/accounts/{account}", f"/accounts/{account}/edit", f"/accounts/{account}/merge", f"/deals/{deal}")
    for path in (*PAGES, *of_records):
        page.goto(crm.url + path)
        too_wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert too_wide <= 0, f"{path} is {too_wide} px too wide"
        violations = Axe().run(page).response["violations"]
        assert [(path, item["id"]) for item in violations] == []
