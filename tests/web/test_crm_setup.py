"""The wizard: five steps without JavaScript, Back without loss, and a save that is checked against the CRM."""

import re

import pytest

from tests.crm_pages import DETAILS, WIZARD, chosen_in, confirm, seen_in, shown_mapping, walk
from tests.factories.customers import make_customer
from zbweb.billing.models import CustomField
from zbweb.db import db, unit_of_work
from zbweb.sync import clients, runs
from zbweb.sync import connection as connections
from zbweb.sync.models import ModuleSetup, SyncRun


@pytest.fixture
def settings(crm_settings):
    return crm_settings


@pytest.fixture
def admin(connected, crm):
    """Asha, in front of the wizard of a CRM with a few accounts."""
    crm.seed(accounts=5, contacts_per_account=2, loose_contacts=3)
    return connected


def saved():
    db.session.expire_all()
    return runs.setup_of(db.session(), connections.active(db.session()).id, "customers")


def go(person, step, button="next", **values):
    return person.post(f"{WIZARD}/{step}", {**values, "go": button})


def test_five_steps_and_save_and_sync_queue_the_first_run(admin):
    assert admin.get(WIZARD).location == f"{WIZARD}/module"
    assert walk(admin, duplicates={"policy": "overwrite"}).location == f"{WIZARD}/summary"
    answer = confirm(admin, "sync")
    assert answer.location == DETAILS
    run = db.session.query(SyncRun).one()
    assert (run.trigger, run.status) == ("first", "queued")
    assert (saved().policy, saved().scope, saved().version) == ("overwrite", "accounts", 1)


def test_save_and_sync_later_saves_and_starts_nothing(admin):
    walk(admin)
    assert confirm(admin, "later").location == DETAILS
    assert saved().enabled
    assert db.session.query(SyncRun).count() == 0


def test_who_is_sure_saves_on_the_last_of_the_five_steps(admin):
    walk(admin)
    seen = seen_in(admin.get(f"{WIZARD}/fields").text)
    answer = go(admin, "fields", "sync", seen=seen, **shown_mapping(admin))
    assert answer.location == DETAILS
    assert db.session.query(SyncRun).one().trigger == "first"


def test_each_step_bears_the_words_of_the_specification(admin):
    words = {
        "module": ("Accounts", "Contacts", "Accounts and their Contacts",
                   "Include contacts that are not associated to any accounts in Zoho CRM"),
        "extent": ("Fetch from CRM", "Sync both ways", "When both sides changed the same field"),
        "duplicates": ("Clone", "Overwrite", "Skip"),
        "views": ("Account view", "All Accounts"),
        "fields": ("Map Fields", "Customer Display Name", "Settings &gt; Custom Fields",
                   "Save and Sync", "Save and Sync Later"),
        "summary": ("Save and Sync", "Save and Sync Later", "Back"),
    }  # fmt: skip
    for step, expected in words.items():
        page = admin.get(f"{WIZARD}/{step}").text
        assert all(word in page for word in expected), step


def test_back_keeps_what_was_typed(admin):
    assert go(admin, "extent", "back", extent="both", winner="ask").location == f"{WIZARD}/module"
    page = admin.get(f"{WIZARD}/extent").text
    checked = re.findall(r"<input[^>]* checked[^>]*>", page)
    assert [re.search(r'value="(\w+)"', each).group(1) for each in checked] == ["both", "ask"]
    go(admin, "fields", "back", **{**shown_mapping(admin), "account-phone": "Fax"})
    assert shown_mapping(admin)["account-phone"] == "Fax"


def test_a_step_without_an_answer_is_asked_again(admin):
    answer = go(admin, "duplicates")
    assert answer.status_code == 422
    assert "Choose one." in answer.text
    assert go(admin, "module", scope="nonsense").status_code == 422


def test_edit_shows_the_stored_choices(admin):
    walk(admin, module={"scope": "contacts"}, duplicates={"policy": "clone"}, fields={"contact-mobile": ""})
    confirm(admin, "later")
    summary = admin.get(f"{WIZARD}/summary").text
    assert "Clone" in summary
    assert "Contacts" in summary
    assert "contact-mobile" not in shown_mapping(admin)


def test_discarding_returns_to_what_was_saved(admin):
    walk(admin)
    confirm(admin, "later")
    go(admin, "duplicates", policy="overwrite")
    assert "Discard Changes" in admin.get(f"{WIZARD}/module").text
    admin.post(f"{WIZARD}/discard")
    assert "Discard Changes" not in admin.get(f"{WIZARD}/module").text
    assert "Overwrite" not in admin.get(f"{WIZARD}/summary").text


def test_the_first_step_counts_contacts_without_an_account(admin):
    assert "There are 3 such contacts now." in admin.get(f"{WIZARD}/module").text


def test_duplicates_are_explained_on_the_names_of_both_books(admin, crm):
    client = clients.client_for(connections.active(db.session()))
    name = next(client.pages("Accounts", ["Account_Name"])).records[0]["Account_Name"]
    with unit_of_work() as session:
        make_customer(session, display_name=name)
    page = admin.get(f"{WIZARD}/duplicates").text
    assert "Among the 5 newest records of Accounts" in page
    assert "<strong>1</strong>" in page


def test_views_stand_under_the_crms_own_names_with_their_counts(admin, crm):
    crm.control(
        "custom_views", {"module": "Accounts", "name": "Key Accounts 7", "criteria": "(Account_Name:starts_with:Zyl)"}
    )
    page = admin.get(f"{WIZARD}/views").text
    assert ">All Accounts</option>" in page
    assert ">Key Accounts 7</option>" in page
    assert "5 records" in page
    assert "Contact view" not in page
    go(admin, "module", scope="accounts_and_contacts")
    assert ">All Contacts</option>" in admin.get(f"{WIZARD}/views").text


def test_phone_is_mapped_by_default_and_only_fitting_fields_are_offered(admin):
    assert shown_mapping(admin)["account-phone"] == "Phone"
    phone = admin.get(f"{WIZARD}/fields").text.split('id="account-phone"')[1].split("</select>")[0]
    assert "Annual Revenue" not in phone


def test_a_row_shows_a_value_if_any_of_the_newest_records_has_one(admin, crm):
    crm.reset(empty=True)
    client = clients.client_for(connections.active(db.session()))
    full = {"Account_Name": "Full", "Phone": "555-1", "Website": "https://full.example", "Fax": "555-2"}
    client.insert("Accounts", [full, {"Account_Name": "Other", "Phone": "555-9", "Ticker_Symbol": "ZYLK"}])
    page = admin.get(f"{WIZARD}/fields").text
    assert 'value="Phone" data-note="555-1"' in page
    assert 'value="Ticker_Symbol" data-note="ZYLK"' in page


def test_custom_fields_of_the_settings_can_be_mapped(admin):
    with unit_of_work() as session:
        session.add(CustomField(organisation_id=admin.organisation_id, label="Ticker", key="ticker"))
    walk(admin, fields={"account-custom.ticker": "Ticker_Symbol"})
    confirm(admin, "later")
    assert {"field": "custom.ticker", "crm": "Ticker_Symbol"} in saved().mappings["account"]


def test_a_required_field_must_be_mapped(admin):
    go(admin, "module", scope="accounts_and_contacts")
    answer = go(admin, "fields", **{**shown_mapping(admin), "person-last_name": "", "account-phone": "Fax"})
    assert answer.status_code == 422
    assert "Last Name is required" in answer.text
    assert chosen_in(answer.text)["account-phone"] == "Fax"


def test_both_ways_a_field_that_the_crm_demands_must_be_mapped(admin):
    go(admin, "module", scope="contacts")
    go(admin, "extent", extent="both", winner="crm")
    answer = go(admin, "fields", **{**shown_mapping(admin), "contact-last_name": ""})
    assert answer.status_code == 422
    assert "demands Last Name" in answer.text


@pytest.mark.parametrize(
    ("step", "words"), [("views", "All Accounts"), ("fields", "Account Name"), ("summary", "Save and Sync")]
)
def test_while_the_crm_is_away_a_step_says_so_and_keeps_the_choices(admin, crm, step, words):
    go(admin, "duplicates", policy="clone")
    crm.faults(fail_next=[{"status": 503, "count": 500, "path": "/crm/v8"}])
    page = admin.get(f"{WIZARD}/{step}")
    assert page.status_code == 200
    assert "What you chose is kept." in page.text
    assert words in page.text


def test_mapping_typed_while_the_crm_is_away_is_kept(admin, crm):
    typed = {**shown_mapping(admin), "account-phone": "Fax"}
    crm.faults(fail_next=[{"status": 503, "count": 500, "path": "/crm/v8"}])
    answer = go(admin, "fields", **typed)
    assert answer.status_code == 422
    assert chosen_in(answer.text)["account-phone"] == "Fax"
    crm.faults(fail_next=[])
    assert shown_mapping(admin)["account-phone"] == "Fax"


def test_saving_while_the_crm_is_away_keeps_the_draft(admin, crm):
    walk(admin, duplicates={"policy": "clone"})
    crm.faults(fail_next=[{"status": 503, "count": 500, "path": "/crm/v8"}])
    answer = confirm(admin, "sync")
    assert answer.status_code == 422
    assert "Your choices are kept." in answer.text
    assert db.session.query(SyncRun).count() == 0
    crm.faults(fail_next=[])
    assert confirm(admin, "sync").location == DETAILS


def test_a_view_deleted_in_the_crm_meanwhile_is_said(admin, crm):
    walk(admin, views={"account_view_id": "999"})
    answer = confirm(admin, "sync")
    assert answer.status_code == 422
    assert "no longer exists in Zoho CRM" in answer.text
    assert "no longer exists in Zoho CRM" in admin.get(f"{WIZARD}/views").text


def test_a_second_saver_is_told_that_somebody_was_quicker(admin):
    walk(admin)
    seen = seen_in(admin.get(f"{WIZARD}/summary").text)
    confirm(admin, "later")
    assert go(admin, "summary", "later", seen=seen).location == f"{WIZARD}/summary"
    assert "changed or saved meanwhile" in admin.get(f"{WIZARD}/summary").text
    assert saved().version == 1


def test_nobody_saves_a_choice_that_the_summary_did_not_show(admin):
    walk(admin)
    seen = seen_in(admin.get(f"{WIZARD}/summary").text)
    go(admin, "duplicates", policy="overwrite")
    assert go(admin, "summary", "sync", seen=seen).location == f"{WIZARD}/summary"
    assert saved().version == 0
    confirm(admin, "later")
    assert saved().policy == "overwrite"


def test_the_last_step_saves_only_what_nobody_changed_since_it_was_shown(admin):
    walk(admin)
    typed = {**shown_mapping(admin), "seen": seen_in(admin.get(f"{WIZARD}/fields").text), "account-phone": "Fax"}
    go(admin, "duplicates", policy="overwrite")
    assert go(admin, "fields", "sync", **typed).location == f"{WIZARD}/summary"
    assert saved().version == 0
    assert shown_mapping(admin)["account-phone"] == "Fax"


def test_a_paused_sync_saves_and_waits(admin):
    admin.post(f"{DETAILS}/pause")
    walk(admin)
    confirm(admin, "sync")
    assert "wait for Resume Sync" in admin.get(DETAILS).text
    assert db.session.query(SyncRun).one().status == "queued"
    confirm(admin, "later")
    assert "wait for Resume Sync" in admin.get(DETAILS).text


def test_the_summary_tells_every_choice_of_the_extent(admin):
    go(admin, "extent", extent="both", winner="newest", fire_triggers="y")
    page = admin.get(f"{WIZARD}/summary").text
    assert "Sync both ways · The newest change wins · Zoho CRM’s workflows run" in page


def test_the_wizard_needs_a_connection(asha, ben):
    assert asha.get(f"{WIZARD}/module").status_code == 409
    assert ben.get(f"{WIZARD}/module").status_code == 403
    assert db.session.query(ModuleSetup).count() == 0
