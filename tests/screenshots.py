"""`make screenshots`: the README's pictures, taken of the real product."""

import shutil
import tempfile
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from tests.browser.conftest import CHROMIUM
from tests.browser.steps import await_runs, configure, connect, sign_in
from tests.product import ROOT, running

FOLDER = ROOT / "static" / "screenshots"
PICTURES = {
    "zoho-crm": "/settings/integrations/zoho-crm",
    "history": "/settings/integrations/zoho-crm/history",
    "invoices": "/invoices",
    "dashboard": "/",
}


def take(page: Page, url: str) -> None:
    """One picture a page, as wide as a desk's screen shows it."""
    for name, path in PICTURES.items():
        page.goto(url + path)
        page.wait_for_load_state("networkidle")
        page.screenshot(path=FOLDER / f"{name}.png")


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    data_dir = Path(tempfile.mkdtemp(prefix="screenshots-"))
    try:
        with running(data_dir) as product, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
            page = browser.new_page(viewport={"width": 1280, "height": 800})
            sign_in(page, product)
            connect(page, product)
            configure(page, product, extent="Sync both ways")
            await_runs(page, product, count=1)
            take(page, product.url)
            browser.close()
    finally:
        shutil.rmtree(data_dir, ignore_errors=True)


if __name__ == "__main__":
    main()
