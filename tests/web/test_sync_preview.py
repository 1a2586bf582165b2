"""The preview's page: there at once, its findings when the CRM has answered."""

import pytest

from tests.crm_pages import WIZARD, confirm, walk
from tests.factories.customers import make_customer
from zbweb.billing.models import Customer
from zbweb.db import db, unit_of_work
from zbweb.sync.models import Link, SyncRun

PREVIEW = "/settings/integrations/zoho-crm/preview"
HTMX = {"HX-Request": "true"}


@pytest.fixture
def settings(crm_settings):
    return crm_settings


@pytest.fixture
def configured(connected):
    assert walk(connected).status_code == 303
    assert confirm(connected, "later").status_code == 303
    return connected


def findings(person, query=""):
    answer = person.get(PREVIEW + query, headers=HTMX)
    assert answer.status_code == 200
    assert "<html" not in answer.text
    return answer.text


def test_the_page_comes_at_once_and_loads_its_findings(configured, crm):
    crm.control("requests", method="DELETE")
    page = configured.get(PREVIEW).text
    assert f'hx-get="{PREVIEW}"' in page
    assert f'href="{PREVIEW}?now=1"' in page
    assert crm.requests() == []


def test_the_findings_are_counts_and_records_and_nothing_is_written(configured, crm):
    crm.seed(accounts=70)
    with unit_of_work() as session:
        make_customer(session, display_name="Made here")
    text = findings(configured)
    assert ">70<" in text
    assert "New in Zoho CRM; added here." in text
    assert "and 20 more" in text
    assert "70 customers" in text
    db.session.rollback()
    assert [db.session.query(model).count() for model in (Customer, Link, SyncRun)] == [1, 0, 0]


def test_without_javascript_the_page_holds_the_findings(configured, crm):
    crm.seed(accounts=3)
    page = configured.get(f"{PREVIEW}?now=1").text
    assert "<html" in page
    assert "New in Zoho CRM; added here." in page


def test_the_summary_of_the_wizard_leads_to_the_preview_of_its_choices(connected, crm):
    crm.seed(accounts=2, contacts_per_account=3)
    walk(connected, module={"scope": "contacts"})
    assert f'href="{PREVIEW}?draft=1"' in connected.get(f"{WIZARD}/summary").text
    assert "6 customers" in findings(connected, "?draft=1")
    assert "Customers are not configured yet" in findings(connected)


def test_twins_and_near_matches_are_links_to_the_customers_here(configured, crm):
    crm.seed(accounts=1)
    with crm.sandbox.reading() as connection:
        name = connection.execute("SELECT name FROM record WHERE module = 'Accounts'").fetchone()["name"]
    with unit_of_work() as session:
        near = make_customer(session, display_name=f"{name} Inc, Ltd.")
    text = findings(configured)
    assert "Possible duplicates" in text
    assert f'href="/customers/{near.id}"' in text


def test_books_agree_only_when_nothing_waits_to_be_sent(connected, crm):
    crm.reset(empty=True)
    walk(connected, extent={"extent": "both", "winner": "crm"})
    confirm(connected, "later")
    assert "The two books agree" in findings(connected)
    with unit_of_work() as session:
        make_customer(session, display_name="Made Here")
    text = findings(connected)
    assert "Up to 1 record made or changed here" in text
    assert "The two books agree" not in text


def test_a_crm_that_does_not_answer_is_a_sentence(configured, crm):
    crm.faults(fail_next=[{"status": 503, "count": 50}])
    text = findings(configured)
    crm.faults(fail_next=[])
    assert "There is no preview" in text


def test_the_details_page_has_a_button_for_it(configured):
    assert f'href="{PREVIEW}"' in configured.get("/settings/integrations/zoho-crm").text


def test_a_disabled_integration_asks_nothing(configured, crm):
    configured.post("/settings/integrations/zoho-crm/disable")
    crm.control("requests", method="DELETE")
    assert "There is no preview" in findings(configured)
    assert crm.requests() == []


def test_the_preview_is_the_admins(configured, ben):
    assert ben.get(PREVIEW).status_code == 403
