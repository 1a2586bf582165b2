"""The history's pages: a row per run, every record's fate, Retry and Dismiss, CSV that no spreadsheet calculates."""

import csv
import io

import pytest

from tests.factories.runs import make_connection, make_entry, make_run, make_setup
from zbweb.billing.models import CustomField
from zbweb.clock import now
from zbweb.db import db, unit_of_work
from zbweb.sync.models import Connection, SyncEntry, SyncRun
from zbweb.web.spreadsheet import safe

HISTORY = "/settings/integrations/zoho-crm/history"


@pytest.fixture
def run(session, asha):
    """A run of Zylker's in which something failed."""
    with unit_of_work() as session:
        connection = make_connection(session)
        make_setup(session, connection)
        made = make_run(
            session, connection, status="partly_failed", added=3, updated=12, deleted=1, skipped=4, failed=2
        )
        make_entry(session, made, name="Café Zoë", outcome="updated", reason="changed_in_crm", entity_id=1,
                   diff={"phone": ["555-1", "555-2"]})  # fmt: skip
        for number in (1, 2):
            make_entry(session, made, name=f"Refused {number}", outcome="failed", reason="crm_refused", direction="out",
                       crm_words="INVALID_DATA (HTTP 400)")  # fmt: skip
    return made


def entry(name):
    db.session.expire_all()
    return db.session.query(SyncEntry).filter_by(name=name).one()


def test_an_empty_history_says_what_will_appear(asha):
    assert "Nothing was synced yet" in asha.get(HISTORY).text


def test_the_history_has_a_row_per_run_with_its_counts(asha, run):
    page = asha.get(HISTORY).text
    for column in ("Time", "Trigger", "Status", "Added", "Updated", "Deleted", "Skipped", "Failed"):
        assert f">{column}</th>" in page
    row = page.split("<tbody>")[1]
    assert all(words in row for words in ("Instant Sync", "Partly failed", ">3<", ">12<", ">1<", ">4<", ">2<"))


def test_the_history_says_whose_clock_it_goes_by(asha, run):
    assert "Times are those of America/New_York." in asha.get(HISTORY).text
    assert "times of America/New_York" in asha.get(f"{HISTORY}/{run.id}").text


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("queued", "Queued"), ("running", "Running"), ("succeeded", "Succeeded"), ("partly_failed", "Partly failed"),
        ("failed", "Failed"), ("cancelled", "Cancelled"),
    ],
)  # fmt: skip
def test_statuses_are_told_in_words_and_can_be_filtered_by(asha, run, status, words):
    with unit_of_work() as session:
        session.get(SyncRun, run.id).status = status
    assert words in asha.get(f"{HISTORY}?status={status}").text.split("<tbody>")[1]
    other = "failed" if status == "queued" else "queued"
    assert "No sync matches" in asha.get(f"{HISTORY}?status={other}").text


def test_older_runs_are_on_the_next_page(asha, run):
    with unit_of_work() as session:
        connection = session.get(Connection, run.connection_id)
        for _ in range(26):
            make_run(session, connection, trigger="auto")
    page = asha.get(HISTORY).text
    assert "Partly failed" not in page.split("<tbody>")[1]
    following = page.split('rel="next" href="')[1].split('"')[0].replace("&amp;", "&")
    assert "Partly failed" in asha.get(following).text.split("<tbody>")[1]


def test_a_run_tells_each_record_its_reason_its_changes_and_the_crms_words(asha, run):
    page = asha.get(f"{HISTORY}/{run.id}").text
    assert "Changed in Zoho CRM; updated here." in page
    assert "<del>555-1</del>" in page
    assert "<ins>555-2</ins>" in page
    assert "INVALID_DATA (HTTP 400)" in page.split("What Zoho CRM said")[1]
    assert 'href="/customers/1"' in page


def test_only_a_sync_that_changed_something_can_be_undone(asha, run):
    assert "Undo This Sync" not in asha.get(f"{HISTORY}/{run.id}").text
    with unit_of_work() as session:
        session.get(SyncRun, run.id).finished_at = now()
    assert "Undo This Sync" in asha.get(f"{HISTORY}/{run.id}").text
    with unit_of_work() as session:
        changed = session.get(SyncRun, run.id)
        changed.added, changed.updated, changed.deleted = 0, 0, 0
    assert "Undo This Sync" not in asha.get(f"{HISTORY}/{run.id}").text


def test_what_was_found_without_the_crm_is_not_put_into_its_mouth(asha, run):
    with unit_of_work() as session:
        for failed in session.query(SyncEntry).filter_by(outcome="failed"):
            failed.reason, failed.crm_words = "too_long_for_crm", "Phone: longer than 30 characters"
    for page in (asha.get(f"{HISTORY}/{run.id}").text, asha.get(f"{HISTORY}/failures").text):
        assert "Phone: longer than 30 characters" in page
        assert "What Zoho CRM said" not in page


def test_a_failed_run_says_why_and_gives_the_code(asha, run):
    with unit_of_work() as session:
        broken = session.get(SyncRun, run.id)
        broken.status, broken.error_code, broken.error_message = (
            "failed",
            "HTTP 503",
            "Zoho CRM has trouble of its own.",
        )
    page = asha.get(f"{HISTORY}/{run.id}").text
    assert "Zoho CRM has trouble of its own." in page
    assert "Code: HTTP 503" in page


def test_records_are_told_apart_by_direction_and_outcome(asha, run):
    assert "Café Zoë" not in asha.get(f"{HISTORY}/{run.id}?direction=out").text
    failed = asha.get(f"{HISTORY}/{run.id}?outcome=failed").text
    assert "Refused 1" in failed
    assert "Café Zoë" not in failed


def test_one_failure_is_tried_again(asha, run):
    with unit_of_work() as session:
        session.get(SyncEntry, entry("Refused 1").id).crm_id = "77"
    answer = asha.post(f"{HISTORY}/{run.id}/retry", {"entry_id": entry("Refused 1").id})
    assert answer.status_code == 303
    again = db.session.query(SyncRun).filter_by(trigger="retry").one()
    assert again.only["crm"] == {"Accounts": ["77"]}


def test_all_failures_of_a_reason_are_tried_again(asha, run):
    with unit_of_work() as session:
        for number, failed in enumerate(session.query(SyncEntry).filter_by(reason="crm_refused"), start=1):
            failed.entity_id = number
    asha.post(f"{HISTORY}/{run.id}/retry", {"reason": "crm_refused"})
    assert db.session.query(SyncRun).filter_by(trigger="retry").one().only["local"] == {"customer": [1, 2]}


def test_a_failure_that_a_later_run_tried_again_was_not_dismissed_by_anybody(asha, run):
    with unit_of_work() as session:
        tried = session.get_one(SyncEntry, entry("Refused 1").id)
        tried.resolved_at, tried.resolved_by = now(), "sync"
    page = asha.get(f"{HISTORY}/{run.id}").text
    assert "Tried again since." in page
    assert "Dismissed by" not in page


def test_one_failure_is_dismissed(asha, run):
    asha.post(f"{HISTORY}/{run.id}/dismiss", {"entry_id": entry("Refused 1").id})
    assert entry("Refused 1").resolved_by == "Asha Rao"
    assert entry("Refused 2").resolved_at is None
    assert "Dismissed by Asha Rao" in asha.get(f"{HISTORY}/{run.id}").text


def test_all_failures_of_a_reason_are_dismissed(asha, run):
    asha.post(f"{HISTORY}/{run.id}/dismiss", {"reason": "crm_refused"})
    assert "Nothing failed" in asha.get(f"{HISTORY}/failures").text


def test_all_failures_of_a_reason_in_every_run_are_tried_again_or_dismissed(asha, run):
    with unit_of_work() as session:
        another = make_run(session, session.get(Connection, run.connection_id), status="partly_failed")
        make_entry(session, another, name="Refused 3", outcome="failed", reason="crm_refused", crm_id="78")
        session.get(SyncEntry, entry("Refused 1").id).crm_id = "77"
    asha.post(f"{HISTORY}/failures/retry", {"reason": "crm_refused"})
    assert db.session.query(SyncRun).filter_by(trigger="retry").one().only["crm"] == {"Accounts": ["77", "78"]}
    assert asha.post(f"{HISTORY}/failures/dismiss", {"reason": "crm_refused"}).location == f"{HISTORY}/failures"
    assert "Nothing failed" in asha.get(f"{HISTORY}/failures").text


def test_a_retry_says_when_it_waits_for_resume_and_when_nothing_is_left(asha, run):
    with unit_of_work() as session:
        session.get(Connection, run.connection_id).paused_at = now()
    asha.post(f"{HISTORY}/{run.id}/retry", {"reason": "crm_refused"})
    assert "2 records are tried again when the sync is resumed." in asha.get(HISTORY).text
    asha.post(f"{HISTORY}/{run.id}/dismiss", {"reason": "crm_refused"})
    asha.post(f"{HISTORY}/{run.id}/retry", {"reason": "crm_refused"})
    assert "nothing left to try again" in asha.get(HISTORY).text


def test_a_custom_field_bears_its_label_in_the_history_and_in_the_csv(asha, run):
    with unit_of_work() as session:
        session.add(CustomField(organisation_id=asha.organisation_id, label="Industry & Size", key="industry"))
        session.get(SyncEntry, entry("Café Zoë").id).diff = {"custom.industry": ["", "Optics"]}
    assert "<dt>Industry &amp; Size</dt>" in asha.get(f"{HISTORY}/{run.id}").text
    assert read_csv(asha.get(f"{HISTORY}/{run.id}.csv"))[1][-1] == "Industry & Size:  → Optics"


def test_a_run_with_conflicts_says_so_in_the_list(asha, run):
    assert "conflict" not in asha.get(HISTORY).text.split("<tbody>")[1]
    with unit_of_work() as session:
        session.get(SyncRun, run.id).conflicts = 2
    assert "2 conflicts" in asha.get(HISTORY).text.split("<tbody>")[1]


def test_failures_of_every_run_stand_on_one_page(asha, run):
    page = asha.get(f"{HISTORY}/failures").text
    assert "Refused 1" in page
    assert "Refused 2" in page
    assert "Café Zoë" not in page


def read_csv(answer):
    assert answer.mimetype == "text/csv"
    return list(csv.reader(io.StringIO(answer.data.decode("utf-8-sig"))))


def test_a_run_downloads_as_csv_whole_or_by_reason(asha, run):
    assert len(read_csv(asha.get(f"{HISTORY}/{run.id}.csv"))) == 4
    refused = read_csv(asha.get(f"{HISTORY}/{run.id}.csv?reason=crm_refused"))
    assert [row[3] for row in refused] == ["Name", "Refused 1", "Refused 2"]


def test_a_name_from_the_crm_is_no_formula_in_the_csv(asha, run):
    with unit_of_work() as session:
        session.get(SyncEntry, entry("Café Zoë").id).name = '=HYPERLINK("http://evil.test")'
    rows = read_csv(asha.get(f"{HISTORY}/{run.id}.csv"))
    assert rows[1][3] == '\'=HYPERLINK("http://evil.test")'


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1+2", "@SUM(A1)", "\t=1", "  =1", "|calc"])
def test_what_could_be_a_formula_is_quoted(text):
    assert safe(text) == f"'{text}"


@pytest.mark.parametrize("text", ["", "Acme", "A=B", "12"])
def test_other_text_stays_as_it_is(text):
    assert safe(text) == text


def test_the_history_of_another_organisation_is_not_found(asha, run, dora):
    assert "Partly failed" not in dora.get(HISTORY).text.split("</form>")[-1]
    for path in (f"{HISTORY}/{run.id}", f"{HISTORY}/{run.id}.csv"):
        assert dora.get(path).status_code == 404
    assert dora.post(f"{HISTORY}/{run.id}/dismiss", {"reason": "crm_refused"}).status_code == 404


def test_the_history_is_the_admins(asha, run, ben):
    assert ben.get(HISTORY).status_code == 403
    assert ben.post(f"{HISTORY}/{run.id}/retry", {"reason": "crm_refused"}).status_code == 403
