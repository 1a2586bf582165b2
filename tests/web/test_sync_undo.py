"""The undo's page: what would be taken back and what stays, and why; then it is done once."""

import pytest

from tests.factories.customers import make_customer
from tests.factories.links import make_link
from tests.factories.runs import make_connection, make_entry, make_run, make_setup
from zbweb.billing import customers
from zbweb.billing.journal import Actor
from zbweb.billing.models import Customer
from zbweb.billing.words import Origin
from zbweb.clock import now
from zbweb.db import db, unit_of_work
from zbweb.sync.models import Link, ModuleSetup, SyncRun

CRM = Actor("Zoho CRM", origin=Origin.CRM)


@pytest.fixture
def run(session, asha):
    """A run that added Acme, changed Zoo's phone and sent Apex to the CRM."""
    with unit_of_work() as session:
        connection = make_connection(session)
        make_setup(session, connection, extent="both", watermarks={"Accounts": now().isoformat()})
        made = make_run(
            session, connection, status="succeeded", started_at=now(), finished_at=now(), added=2, updated=1
        )
        acme = make_customer(session, display_name="Acme", actor=CRM)
        zoo = make_customer(session, display_name="Zoo", phone="new", fax="by hand", actor=CRM)
        make_link(session, connection, acme)
        make_link(session, connection, zoo)
        make_entry(session, made, name="Acme", entity_id=acme.id)
        make_entry(session, made, name="Zoo", entity_id=zoo.id, outcome="updated", reason="changed_in_crm",
                   diff={"phone": ["old", "new"], "fax": ["1", "2"]})  # fmt: skip
        make_entry(session, made, name="Apex", entity_id=99, direction="out", reason="pushed_new")
    return made


def page_of(run):
    return f"/settings/integrations/zoho-crm/history/{run.id}/undo"


def phones():
    db.session.rollback()
    return {each.display_name: each.phone for each in db.session.query(Customer).populate_existing()}


def test_the_page_lists_what_is_undone_and_what_stays_and_writes_nothing(asha, run):
    page = asha.get(page_of(run)).text
    for words in (
        "Added by this sync; removed here", "Acme", "former values restored", "old", "1 field has changed since",
        "It was sent to Zoho CRM", "Apex", "Leave them out", "Restored values go to Zoho CRM",
    ):  # fmt: skip
        assert words in page, words
    assert phones() == {"Acme": "", "Zoo": "new"}


def test_the_run_leads_there_until_it_is_undone(asha, run):
    history = f"/settings/integrations/zoho-crm/history/{run.id}"
    assert f'href="{page_of(run)}"' in asha.get(history).text
    answer = asha.post(page_of(run))
    assert (answer.status_code, answer.location) == (303, history)
    page = asha.get(history).text
    assert "Undone: 2 records were taken back." in page
    assert f'href="{page_of(run)}"' not in page
    assert phones() == {"Zoo": "old"}
    assert customers.find(db.session(), db.session.query(Customer).one().id).fax == "by hand"


@pytest.mark.parametrize(
    ("answer", "reason", "is_read_again"),
    [("away", "undone", False), ("again", "given_back", True), ("", "undone", False)],
)
def test_the_answer_decides_whether_what_is_removed_may_come_again(asha, run, answer, reason, is_read_again):
    asha.post(page_of(run), {"removed": answer} if answer else {})
    db.session.rollback()
    assert [link.reason for link in db.session.query(Link).filter_by(state="archived")] == [reason]
    assert (db.session.query(ModuleSetup).one().watermarks == {}) is is_read_again


def test_twice_is_refused_in_words(asha, run):
    asha.post(page_of(run))
    asha.post(page_of(run))
    assert "has been undone already" in asha.get(f"/settings/integrations/zoho-crm/history/{run.id}").text
    assert "has been undone already" in asha.get(page_of(run)).text
    assert phones() == {"Zoo": "old"}


def test_what_a_very_large_sync_did_is_looked_through_once_the_page_stands(asha, run):
    with unit_of_work() as session:
        session.get(SyncRun, run.id).added = 100_000
    page = asha.get(page_of(run)).text
    assert f'hx-get="{page_of(run)}"' in page
    assert "Added by this sync" not in page
    fragment = asha.get(page_of(run), headers={"HX-Request": "true"}).text
    assert "Added by this sync" in fragment
    assert f'action="{page_of(run)}"' in fragment
    assert "<html" not in fragment
    assert "Added by this sync" in asha.get(f"{page_of(run)}?now=1").text


def test_the_history_tells_that_a_sync_was_undone(asha, run):
    assert "Undone <time" not in asha.get("/settings/integrations/zoho-crm/history").text
    asha.post(page_of(run), {"removed": "away"})
    assert "Undone <time" in asha.get("/settings/integrations/zoho-crm/history").text


def test_a_sync_that_changed_nothing_has_nothing_to_undo(asha, run):
    with unit_of_work() as session:
        quiet = make_run(
            session, make_connection(session, crm_organisation_id="2"), status="succeeded", started_at=now()
        )
    assert "Nothing can be undone" in asha.get(page_of(quiet)).text


def test_undoing_is_the_admins_and_of_their_organisation(asha, run, ben, dora):
    assert ben.get(page_of(run)).status_code == 403
    assert ben.post(page_of(run)).status_code == 403
    assert dora.get(page_of(run)).status_code == 404
    assert dora.post(page_of(run)).status_code == 404
    db.session.rollback()
    assert db.session.get(SyncRun, run.id, execution_options={"unfenced": True}).undone_at is None
