"""Zoho Apps and the details page: what stands there in each state, and what each button does."""

import re

import pytest

from tests.crm_pages import CONNECT, DETAILS
from tests.factories.runs import make_entry, make_run, make_setup
from zbweb.clock import now
from zbweb.db import db, unit_of_work, work_for
from zbweb.sync import connection as connections
from zbweb.sync.core.words import RunStatus
from zbweb.sync.models import SyncRun

APPS = "/settings/integrations/zoho-apps"
POLL = {"HX-Request": "true"}


@pytest.fixture
def settings(crm_settings):
    return crm_settings


@pytest.fixture
def configured(connected):
    """Asha, whose customers are configured."""
    with unit_of_work() as session:
        make_setup(session, connections.active(session))
    return connected


def connection():
    db.session.expire_all()
    return connections.active(db.session())


def a_run(**values):
    with unit_of_work() as session:
        return make_run(session, connections.active(session), **values)


def disabled_buttons(page):
    return re.findall(r"<button[^>]* disabled[^>]*>.*?<span>(.*?)</span>", page)


def test_zoho_crm_is_offered_until_it_is_connected(asha):
    page = asha.get(APPS).text
    assert "Zoho CRM" in page
    assert ">Connect<" in page
    assert "Show Details" not in page


def test_a_connected_app_shows_its_details(connected):
    page = connected.get(APPS).text
    assert "Show Details" in page
    assert ">Connect<" not in page


def test_before_connecting_the_page_says_what_is_shared(asha):
    page = asha.get(DETAILS).text
    assert "Zoho CRM Credentials" in page
    assert "What Zoho CRM gets to know" in page
    assert f'href="{CONNECT}"' in page


def test_the_details_name_who_is_connected_and_what_can_be_configured(connected):
    page = connected.get(DETAILS).text
    for words in (
        "Patricia Boyle (admin@crm.example)", "Zylker Instruments", "Configure Module to be Synced", "Customers",
        "Quotes", "Sales Orders", "Invoices", "Configure Now", "Show Sync History", "Update Credentials",
        "Disable Integration",
    ):  # fmt: skip
        assert words in page, words
    assert "Instant Sync" not in page
    assert "Not synced. Once configured, quotes made here appear in Zoho CRM at once; drafts stay here." in page


def test_each_module_is_configured_by_a_link_that_is_named_exactly_so(connected):
    page = connected.get(DETAILS).text
    assert page.count(">Configure Now<") == 4
    assert 'aria-label="Configure Now' not in page
    for module in ("customers", "quotes", "sales-orders", "invoices"):
        assert f'aria-describedby="module-{module}"' in page
        assert f'<h3 id="module-{module}">' in page


def test_configured_customers_offer_instant_sync_pause_and_edit(configured):
    page = configured.get(DETAILS).text
    assert all(words in page for words in ("Instant Sync", "Pause Sync", ">Edit<"))
    assert disabled_buttons(page) == []


def test_the_choices_of_the_setup_stand_beside_its_name(configured):
    assert "Accounts · Fetch from CRM · duplicates: Skip" in configured.get(DETAILS).text


def test_instant_sync_queues_one_run_however_often_it_is_pressed(configured):
    for _ in range(2):
        assert configured.post(f"{DETAILS}/instant-sync").status_code == 303
    run = db.session.query(SyncRun).one()
    assert (run.trigger, run.status, run.actor_name) == ("instant", "queued", "Asha Rao")


def test_instant_sync_without_a_setup_says_what_is_missing(connected):
    answer = connected.post(f"{DETAILS}/instant-sync")
    assert answer.status_code == 409
    assert "Configure Now" in answer.text


def test_pausing_disables_instant_sync_and_says_who_paused(configured):
    configured.post(f"{DETAILS}/pause")
    page = configured.get(DETAILS).text
    assert "Paused by Asha Rao since" in page
    assert disabled_buttons(page) == ["Instant Sync"]
    assert "Resume Sync" in page
    assert configured.post(f"{DETAILS}/instant-sync").status_code == 409


def test_pausing_says_how_many_records_the_running_sync_finishes(configured):
    a_run(status=RunStatus.RUNNING, done=80, total=1500)
    configured.post(f"{DETAILS}/pause")
    page = configured.get(DETAILS).text
    assert "finishing 1,420 records" in page


def test_between_two_phases_nobody_counts_what_is_left(configured):
    a_run(status=RunStatus.RUNNING, done=5000, total=5000)
    configured.post(f"{DETAILS}/pause")
    page = configured.get(DETAILS).text
    assert "The running sync is finishing first" in page
    assert "finishing 0" not in page


def test_a_failed_sync_is_explained_where_the_admin_looks_first(configured):
    run = a_run(status=RunStatus.FAILED, finished_at=now(), error_message="Zoho CRM has trouble of its own.")
    page = configured.get(DETAILS).text
    assert "Zoho CRM has trouble of its own." in page.split("The last sync failed")[1]
    assert f'href="{DETAILS}/history/{run.id}"' in page
    a_run(finished_at=now())
    assert "The last sync failed" not in configured.get(DETAILS).text


def test_resume_brings_instant_sync_back(configured):
    configured.post(f"{DETAILS}/pause")
    configured.post(f"{DETAILS}/resume")
    page = configured.get(DETAILS).text
    assert "Pause Sync" in page
    assert disabled_buttons(page) == []


def test_disabling_asks_first_and_offers_to_enable_again(configured):
    assert "data-confirm" in configured.get(DETAILS).text
    configured.post(f"{DETAILS}/disable")
    page = configured.get(DETAILS).text
    assert page.count("Enable Integration") == 1
    assert "Disable Integration" not in page
    assert {"Instant Sync", "Pause Sync"} <= set(disabled_buttons(page))
    configured.post(f"{DETAILS}/enable")
    assert connection().is_live


def test_while_disabled_no_page_calls_the_crm(configured, crm):
    configured.post(f"{DETAILS}/disable")
    before = len(crm.requests())
    for path in ("", "/history", "/customers/module", "/customers/views", "/customers/fields"):
        assert configured.get(DETAILS + path).status_code == 200
    assert configured.post(f"{DETAILS}/instant-sync").status_code == 409
    assert len(crm.requests()) == before


def test_failures_stand_in_a_banner_until_they_are_mended(configured):
    run = a_run(status=RunStatus.PARTLY_FAILED)
    with unit_of_work() as session:
        make_entry(session, run, outcome="failed", reason="crm_refused")
    assert "1 record could not be synced" in configured.get(DETAILS).text


def test_the_progress_polls_only_while_a_run_is_open(configured):
    assert "every 2s" not in configured.get(DETAILS).text
    run = a_run(status=RunStatus.RUNNING, phase="accounts", done=420, total=1200)
    page = configured.get(DETAILS).text
    assert "every 2s" in page
    assert "Fetching accounts" in page
    assert "420 of 1,200" in page

    polled = configured.get(f"{DETAILS}/progress", headers=POLL)
    assert "syncEnded" not in polled.headers.get("HX-Trigger", "")
    assert "<html" not in polled.text
    with unit_of_work() as session:
        session.get(SyncRun, run.id).status = RunStatus.SUCCEEDED
    ended = configured.get(f"{DETAILS}/progress", headers=POLL)
    assert "syncEnded" in ended.headers["HX-Trigger"]
    assert "every 2s" not in ended.text


def test_what_the_sync_complains_of_is_shown(configured):
    with unit_of_work() as session:
        connections.active(session).problem = "The credentials were withdrawn."
    page = configured.get(DETAILS).text
    assert "The credentials were withdrawn." in page
    assert 'href="#credentials"' in page


ACTIONS = ("instant-sync", "pause", "resume", "disable", "enable")


@pytest.mark.parametrize("path", [APPS, DETAILS, f"{DETAILS}/progress", f"{DETAILS}/history"])
def test_settings_are_the_admins(connected, ben, chen, path):
    assert ben.get(path).status_code == 403
    assert chen.get(path).status_code == 403


@pytest.mark.parametrize("action", ACTIONS)
def test_nobody_else_changes_the_connection(configured, ben, dora, action):
    assert ben.post(f"{DETAILS}/{action}").status_code == 403
    assert dora.post(f"{DETAILS}/{action}").status_code == 409
    work_for(db.session(), configured.organisation_id)
    assert connection().is_live
    assert not connection().is_paused


def test_a_visitor_is_sent_to_the_log_in_page(client):
    answer = client.get(APPS)
    assert answer.status_code == 303
    assert answer.location.startswith("/login")
