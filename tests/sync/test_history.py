"""The read side of the history: runs, entries, failures by reason, CSV."""

import pytest

from tests.factories.runs import make_connection, make_entry, make_run
from zbweb.clock import now
from zbweb.db import unit_of_work, work_for
from zbweb.errors import NotFound
from zbweb.sync import history
from zbweb.sync.core.reasons import SENTENCES, Reason
from zbweb.sync.core.words import Outcome, RunStatus, Trigger
from zbweb.sync.history import EntryFilter, RunFilter


@pytest.fixture
def connection(session, asha):
    with unit_of_work() as session:
        return make_connection(session)


@pytest.fixture
def run(session, connection):
    """A run with one record of each kind that matters here."""
    with unit_of_work() as session:
        made = make_run(session, connection, status=RunStatus.PARTLY_FAILED, finished_at=now())
        make_entry(session, made, name="Added")
        make_entry(session, made, name="Pushed", direction="out", reason="pushed_new")
        make_entry(session, made, name="Refused 1", outcome="failed", reason="crm_refused", direction="out")
        make_entry(session, made, name="Refused 2", outcome="failed", reason="crm_refused", direction="out")
        make_entry(session, made, name="Dismissed", outcome="failed", reason="crm_refused", resolved_at=now())
        make_entry(session, made, name="Empty", outcome="failed", reason="missing_value")
        make_entry(session, made, name="Both", outcome="conflict", reason="both_changed")
    return made


def test_runs_come_newest_first_in_pages(session, connection):
    with unit_of_work() as session:
        ids = [make_run(session, connection).id for _ in range(5)]
    first, more = history.list_runs(session, RunFilter(), limit=3)
    rest, end = history.list_runs(session, RunFilter(before=first[-1].id), limit=3)
    assert [run.id for run in [*first, *rest]] == ids[::-1]
    assert (more, end) == (True, False)


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (RunFilter(), 3),
        (RunFilter(status="failed"), 1),
        (RunFilter(trigger="auto"), 2),
        (RunFilter(module="invoices"), 1),
        (RunFilter(status="failed", trigger="instant"), 0),
    ],
)
def test_runs_are_filtered(session, connection, wanted, found):
    with unit_of_work() as session:
        make_run(session, connection, status=RunStatus.FAILED, trigger=Trigger.AUTO)
        make_run(session, connection, trigger=Trigger.AUTO)
        make_run(session, connection, module="invoices")
    assert len(history.list_runs(session, wanted)[0]) == found


def test_a_stranger_finds_no_run(session, run, dora):
    work_for(session, dora.organisation_id)
    assert history.list_runs(session, RunFilter())[0] == []
    with pytest.raises(NotFound):
        history.run_or_404(session, run.id)


@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        (EntryFilter(outcome="added"), ["Added", "Pushed"]),
        (EntryFilter(direction="out"), ["Pushed", "Refused 1", "Refused 2"]),
        (EntryFilter(reason="missing_value"), ["Empty"]),
        (EntryFilter(outcome="failed", direction="in"), ["Dismissed", "Empty"]),
    ],
)
def test_entries_are_filtered(session, run, wanted, names):
    assert [entry.name for entry in history.list_entries(session, run, wanted)[0]] == names


def test_entries_come_in_pages(session, run):
    first, more = history.list_entries(session, run, EntryFilter(), limit=4)
    rest, end = history.list_entries(session, run, EntryFilter(after=first[-1].id), limit=4)
    assert len(first) + len(rest) == 7
    assert (more, end) == (True, False)


def test_reasons_that_need_somebody_come_first(session, run):
    groups = history.reasons(session, run)
    assert [(g.reason, g.count, g.unresolved) for g in groups[:2]] == [("crm_refused", 3, 2), ("missing_value", 1, 1)]
    assert groups[0].sentence == SENTENCES[Reason.CRM_REFUSED]
    assert all(group.unresolved == 0 for group in groups[2:])


def test_a_reason_that_is_no_longer_known_stands_for_itself():
    assert history.sentence("some_old_reason") == "Some old reason"


def test_unresolved_failures_are_counted_until_they_are_mended_or_dismissed(session, connection, run):
    overview = history.overview(session, connection)
    assert (overview.failures, overview.conflicts) == (3, 1)
    assert [entry.name for entry in history.list_unresolved(session, connection)[0]] == [
        "Refused 1",
        "Refused 2",
        "Empty",
    ]
    assert [(g.reason, g.count) for g in history.unresolved_by_reason(session, connection)] == [
        ("crm_refused", 2),
        ("missing_value", 1),
    ]


def test_the_failures_of_a_request_are_those_of_its_run(session, connection, run):
    with unit_of_work() as session:
        elsewhere = make_entry(session, make_run(session, connection), outcome="failed", reason="crm_refused")
    assert len(history.unresolved_ids(session, run, reason="crm_refused")) == 2
    assert history.unresolved_ids(session, run, entry_id=elsewhere.id) == []
    assert len(history.unresolved_ids(session, connection, reason="crm_refused")) == 3


def test_the_overview_tells_a_running_sync_from_one_that_waits(session, connection):
    with unit_of_work() as session:
        make_run(session, connection)
    assert not history.overview(session, connection).is_running
    with unit_of_work() as session:
        make_run(session, connection, status=RunStatus.RUNNING, done=40, total=100)
    overview = history.overview(session, connection)
    assert (overview.is_running, overview.remaining) == (True, 60)


def test_csv_has_a_row_per_record_with_reason_and_changes(session, connection, run):
    with unit_of_work() as session:
        make_entry(
            session, run, outcome=Outcome.UPDATED, reason="changed_in_crm", diff={"phone": ["1", None]}, entity_id=7
        )
    header, *rows = history.csv_rows(session, run, EntryFilter(), {"phone": "Phone"})
    assert header == history.CSV_COLUMNS
    assert len(rows) == 8
    assert rows[-1][2] == "customer 7"
    assert rows[-1][-1] == "Phone: 1 → "
    assert len(list(history.csv_rows(session, run, EntryFilter(reason="crm_refused"), {}))) == 4
