"""The pages that set the integration up: where they are, and how an admin walks through them."""

import re
from html.parser import HTMLParser

DETAILS = "/settings/integrations/zoho-crm"
CONNECT = f"{DETAILS}/connect"
WIZARD = f"{DETAILS}/customers"
KEY = {"email": "admin@crm.example", "zsc_key": "ZSC-DEMO-KEY"}


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


def confirm(person, button):
    """Press a button of the summary as it is shown now."""
    return person.post(f"{WIZARD}/summary", {"seen": seen_in(person.get(f"{WIZARD}/summary").text), "go": button})


def seen_in(page):
    """What stands for the choices that a page of the wizard shows."""
    return re.search(r'name="seen" value="(\w+)"', page)[1]


def shown_mapping(person):
    """What the selects of Map Fields hold when the page is opened."""
    return chosen_in(person.get(f"{WIZARD}/fields").text)


def chosen_in(page):
    """The selects of a page, by name, with the value each holds; disabled ones are not sent and so not told."""
    parser = _Selects()
    parser.feed(page)
    return parser.found


class _Selects(HTMLParser):
    def __init__(self):
        super().__init__()
        self.name, self.found = "", {}

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        if tag == "select":
            self.name = "" if "disabled" in values else values["name"]
        if tag == "option" and "selected" in values and self.name:
            self.found[self.name] = values["value"]
