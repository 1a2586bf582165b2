"""A real browser on the real product: walks by the specification's own labels."""

import os
import shutil
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.product import Product, running

expect.set_options(timeout=20_000)  # two products and two browsers share two cores

CHROMIUM = os.environ.get("CHROMIUM") or next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args):
    assert CHROMIUM, "there is no Chromium; `make test` installs it"
    return {
        **browser_type_launch_args,
        "executable_path": CHROMIUM,
        "args": [
            "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--disable-quic", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync",
        ],
    }  # fmt: skip


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args):
    return {
        **browser_context_args,
        "viewport": {"width": 1360, "height": 850},
        "locale": "en-GB",
        "timezone_id": "UTC",
        "reduced_motion": "reduce",
    }


@pytest.fixture
def data_dir(demo_data, tmp_path) -> Path:
    """Fresh demo data of this test's own."""
    return shutil.copytree(demo_data, tmp_path / "data")


@pytest.fixture(scope="module")
def product(demo_data, tmp_path_factory) -> Product:
    """A product of this module's own: fresh demo data, unconnected."""
    with running(shutil.copytree(demo_data, tmp_path_factory.mktemp("product") / "data")) as started:
        yield started


@pytest.fixture(scope="session")
def base_url():
    """Overrides the plugin's own, which warns."""
    return None  # noqa: RET501  the fixture is the answer


EXPECTED_REFUSALS = ("422", "403", "409", "502", "503", "504")
WHILE_AWAY = ("ERR_CONNECTION_REFUSED", "ERR_CONNECTION_RESET", "ERR_EMPTY_RESPONSE", "htmx:sendError")


@pytest.fixture(autouse=True)
def no_console_errors(request):
    """A page that complains in the console is broken, whatever it shows. A page whose server a test kills
    (marked `server_dies`) may say so, and nothing else."""
    if "page" not in request.fixturenames:
        yield
        return
    complaints = []
    page = request.getfixturevalue("page")
    expected = EXPECTED_REFUSALS
    if request.node.get_closest_marker("server_dies"):
        expected += (*WHILE_AWAY, "htmx:afterRequest")
    page.on(
        "console",
        lambda message: (
            complaints.append(message.text)
            if message.type == "error" and not any(word in message.text for word in expected)
            else None
        ),
    )
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield
    assert complaints == []
