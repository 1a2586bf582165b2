"""An admin in front of the pages that set the integration up, and a stand-in CRM behind them."""

import pytest

from tests.conftest import make_config
from tests.sandbox_server import SandboxServer

DETAILS = "/settings/integrations/zoho-crm"
CONNECT = f"{DETAILS}/connect"
WIZARD = f"{DETAILS}/customers"
KEY = {"email": "admin@crm.example", "zsc_key": "ZSC-DEMO-KEY"}


@pytest.fixture
def crm():
    """A stand-in CRM of the test's own."""
    with SandboxServer() as server:
        yield server


@pytest.fixture
def settings(tmp_path, crm):
    """The app speaks to that stand-in."""
    return make_config(tmp_path, crm_accounts_url=crm.url, crm_api_url=crm.url)


@pytest.fixture
def connected(asha):
    """Asha has connected Zoho CRM with the key."""
    answer = asha.post(CONNECT, KEY)
    assert answer.status_code == 303, answer.text
    return asha


def walk(person, **answers):
    """Go through the wizard up to the summary, with these answers beside the defaults."""
    steps = {
        "module": {"scope": "accounts"},
        "extent": {"extent": "fetch", "winner": "crm"},
        "duplicates": {"policy": "skip"},
        "views": {},
    }
    for step, defaults in steps.items():
        answer = person.post(f"{WIZARD}/{step}", {**defaults, **answers.get(step, {}), "go": "next"})
        assert answer.status_code == 303, answer.text
    return person.post(f"{WIZARD}/fields", {**shown_mapping(person), **answers.get("fields", {}), "go": "next"})


def shown_mapping(person):
    """What the selects of Map Fields hold when the page is opened."""
    from html.parser import HTMLParser

    class Selects(HTMLParser):
        def __init__(self):
            super().__init__()
            self.name, self.found = "", {}

        def handle_starttag(self, tag, attrs):
            values = dict(attrs)
            if tag == "select" and "disabled" not in values:
                self.name = values["name"]
            if tag == "option" and "selected" in values and self.name:
                self.found[self.name] = values["value"]

        def handle_endtag(self, tag):
            if tag == "select":
                self.name = ""

    parser = Selects()
    parser.feed(person.get(f"{WIZARD}/fields").text)
    return parser.found
