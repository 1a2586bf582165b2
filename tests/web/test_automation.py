"""The switches of the automation: one choice of three, and what choosing does."""

import re

import pytest
from sqlalchemy import func, select

from tests.crm_pages import DETAILS
from zbweb.billing.journal import history
from zbweb.clock import now
from zbweb.db import db, unit_of_work
from zbweb.sync import connection as connections
from zbweb.sync.models import SeenPotential

URL = f"{DETAILS}/automation"
HTMX = {"HX-Request": "true"}
INVOICE, QUOTE = "Create an invoice when a potential is won", "Create a quote when a potential is created"


@pytest.fixture
def settings(crm_settings):
    return crm_settings


def connection():
    db.session.expire_all()
    return connections.active(db.session())


def seen():
    return db.session.scalar(select(func.count()).select_from(SeenPotential))


def switches(page):
    """Which of the two switches are on, and which are disabled."""
    boxes = {name: re.search(rf'<input[^>]*name="{name}"[^>]*>', page)[0] for name in ("invoice", "quote")}
    return (
        {name: "checked" in box for name, box in boxes.items()},
        {name for name, box in boxes.items() if "disabled" in box},
    )


@pytest.mark.parametrize("path", [DETAILS, URL])
def test_the_details_page_and_a_page_of_its_own_show_both_switches(connected, path):
    page = connected.get(path).text
    assert INVOICE in page
    assert QUOTE in page
    assert "The invoice is a draft" in page
    assert switches(page) == ({"invoice": False, "quote": False}, set())


def test_switching_on_remembers_which_potentials_are_closed_already(connected):
    answer = connected.post(URL, {"invoice": "y"})
    assert (answer.status_code, answer.location) == (303, DETAILS)
    assert connection().automation == "invoice"
    assert connection().automation_since <= now()
    assert seen() > 0
    assert switches(connected.get(DETAILS).text)[0] == {"invoice": True, "quote": False}
    (entry,) = [
        line for line in history(db.session(), "connection", connection().id) if line.action == "automation_chosen"
    ]
    assert (entry.actor_name, entry.changes) == ("Asha Rao", {"automation": ["none", "invoice"]})


def test_turning_one_on_turns_the_other_off(connected):
    connected.post(URL, {"invoice": "y"})
    connected.post(URL, {"invoice": "y", "quote": "y"})
    assert connection().automation == "quote"
    answer = connected.post(URL, {"invoice": "y", "quote": "y"})
    assert "No more quotes are made" in connected.get(answer.location).text
    assert connection().automation == "invoice"
    connected.post(URL, {})
    assert (connection().automation, connection().automation_since, seen()) == ("none", None, 0)


def test_both_at_once_is_no_choice(connected):
    answer = connected.post(URL, {"invoice": "y", "quote": "y"})
    assert answer.status_code == 422
    assert "Choose one of the two" in answer.text
    assert connection().automation == "none"


def test_a_switch_answers_with_the_card_as_it_stands_then(connected):
    answer = connected.post(URL, {"invoice": "y"}, headers=HTMX)
    assert answer.status_code == 200
    assert "<html" not in answer.text
    assert switches(answer.text)[0] == {"invoice": True, "quote": False}
    assert "From now on an invoice is created" in answer.headers["HX-Trigger"]
    again = connected.post(URL, {"invoice": "y"}, headers=HTMX)
    assert "HX-Trigger" not in again.headers


def test_choosing_again_what_stands_keeps_its_beginning(connected):
    connected.post(URL, {"invoice": "y"})
    since = connection().automation_since
    connected.post(URL, {"invoice": "y"})
    assert connection().automation_since == since


def test_without_the_crm_nothing_is_switched_on_and_the_page_says_why(connected, crm):
    crm.faults(fail_next=[{"status": 403, "count": 20, "path": "/crm/v8"}])
    answer = connected.post(URL, {"invoice": "y"}, headers=HTMX)
    crm.faults(fail_next=[])
    assert answer.status_code == 422
    assert "banner-danger" in answer.text
    assert switches(answer.text)[0] == {"invoice": False, "quote": False}
    assert connection().automation == "none"


def test_while_disabled_the_switches_are_too(connected, crm):
    connected.post(f"{DETAILS}/disable")
    assert switches(connected.get(DETAILS).text)[1] == {"invoice", "quote"}
    before = len(crm.requests())
    answer = connected.post(URL, {"invoice": "y"})
    assert answer.status_code == 422
    assert connection().automation == "none"
    assert len(crm.requests()) == before


def test_disabling_withdraws_the_order_for_notifications_before_it_says_no_more(connected, crm):
    with unit_of_work() as session:
        connections.active(session).channel_events = ["Deals.all"]
        connections.active(session).channel_id = "1000000068001"
    connected.post(f"{DETAILS}/disable")
    assert [call["method"] for call in crm.requests() if "watch" in call["path"]] == ["DELETE"]
    assert connection().channel_events == []


def test_the_details_say_how_changes_in_the_crm_arrive(connected):
    assert "found by each sync" in connected.get(DETAILS).text
    with unit_of_work() as session:
        connections.active(session).channel_events = ["Deals.all"]
    assert "arrive within seconds" in connected.get(DETAILS).text
    with unit_of_work() as session:
        connections.active(session).channel_problem = "Zoho CRM refused the order for notifications."
    assert "found by each sync. Zoho CRM refused the order" in connected.get(DETAILS).text


def test_only_admins_switch(connected, ben, chen):
    for person in (ben, chen):
        assert person.get(URL).status_code == 403
        assert person.post(URL, {"invoice": "y"}).status_code == 403
    assert connection().automation == "none"


def test_without_a_connection_there_is_nothing_to_switch(asha):
    assert asha.get(URL).status_code == 409
