"""Whatever happens to a worker or to the CRM in the middle of a run: nothing lost, nothing twice."""

from dataclasses import replace

import pytest
from sqlalchemy import delete, select, update

from tests.factories.sync import Partners, connected, hasty_client
from zbweb import config
from zbweb.billing.models import Customer
from zbweb.clock import now
from zbweb.crm.errors import PermissionDenied
from zbweb.db import db, unit_of_work
from zbweb.sync import execution, live, runs
from zbweb.sync.core.words import RunStatus, Trigger
from zbweb.sync.models import Connection, Link, ModuleSetup, SyncRun
from zbweb.sync.pull import feed, reading


@pytest.fixture
def pair(app, asha, sandbox) -> Partners:
    sandbox.seed(accounts=450, contacts_per_account=0)
    return connected(app, sandbox, scope="accounts", extent="fetch", policy="skip")


class Killed(BaseException):
    """Stands for kill -9: no handler of ours catches it."""


def queued(pair) -> int:
    with unit_of_work() as session:
        return runs.queue_run(session, pair.connection, trigger=Trigger.FIRST, actor_name="Asha").id


def die_in_batch(monkeypatch, number: int, *, after_commit: bool):
    """Kill the worker around the commit of its batch number `number`."""
    real, seen = live.LiveRun.unit, []

    def unit(self):
        inner = real(self)

        class Fatal:
            def __enter__(self):
                self.held = inner.__enter__()
                return self.held

            def __exit__(self, *error):
                seen.append(self.held[0].done)
                if len(seen) == number and not after_commit:
                    inner.__exit__(Killed, Killed(), None)
                result = inner.__exit__(*error)
                if len(seen) == number:
                    raise Killed
                return result

        return Fatal()

    monkeypatch.setattr(live.LiveRun, "unit", unit)  # a process cannot be killed half-way in any gentler manner


@pytest.mark.parametrize("after_commit", [False, True])
@pytest.mark.parametrize("batch", [1, 2, 3, 4, 5])
def test_a_killed_run_is_continued_and_ends_like_an_undisturbed_one(pair, monkeypatch, batch, after_commit):
    run_id = queued(pair)
    with monkeypatch.context() as patch:
        die_in_batch(patch, batch, after_commit=after_commit)
        with pytest.raises(Killed):
            execution.execute(run_id, execution.Shift("first", hasty_client))
    db.session.rollback()
    with unit_of_work() as session:  # its lease runs out
        session.get_one(SyncRun, run_id).lease_until = now()
    ended = pair.carry_out(run_id)
    assert (ended.status, ended.added, ended.done) == (RunStatus.SUCCEEDED, 450, 450)
    names = [customer.display_name for customer in pair.customers()]
    assert (len(names), len(set(names)), pair.count(Link)) == (450, 450, 450)


def test_a_database_that_forgot_the_last_batch_gets_it_again(pair):
    """A replica takes over that had not heard of the last commit yet."""
    run_id = queued(pair)
    before = {}

    def remember():
        run = db.session.get_one(SyncRun, run_id, populate_existing=True)
        before.update(done=run.done, added=run.added, checkpoint=run.checkpoint)
        db.session.rollback()

    def forget():
        with unit_of_work() as session:
            newest = session.scalars(select(Customer.id).order_by(Customer.id)).all()[before["done"] :]
            session.execute(delete(Link).where(Link.entity_id.in_(newest)))
            session.execute(delete(Customer).where(Customer.id.in_(newest)))
            session.execute(update(SyncRun).values(**before))

    def forgetful_client(connection):
        client = hasty_client(connection)
        read = client.pages

        def pages(*args, **kwargs):
            for number, page in enumerate(read(*args, **kwargs), 1):
                {2: remember, 3: forget}.get(number, int)()
                yield page

        client.pages = pages
        return client

    execution.execute(run_id, execution.Shift("first", forgetful_client))
    with unit_of_work() as session:
        session.get_one(SyncRun, run_id).lease_until = now()
    ended = pair.carry_out(run_id)
    assert (ended.status, ended.added, ended.done) == (RunStatus.SUCCEEDED, 450, 450)
    assert len({customer.display_name for customer in pair.customers()}) == 450


def test_a_run_whose_worker_lives_is_not_taken_over(pair):
    run_id = queued(pair)
    with unit_of_work() as session:
        assert runs.claim(session, run_id, "first") is not None
    with unit_of_work() as session:
        assert runs.claim(session, run_id, "second") is None


def test_two_runs_of_one_connection_never_run_together(pair):
    first = queued(pair)
    with unit_of_work() as session:
        runs.claim(session, first, "first")
    second = queued(pair)
    assert second != first
    with unit_of_work() as session:
        assert runs.claim(session, second, "second") is None


def test_runs_that_wait_coalesce(pair):
    assert queued(pair) == queued(pair)


def test_a_worker_that_lost_its_lease_stops_without_a_trace(pair):
    run_id = queued(pair)

    def steal(connection: Connection, **_):
        with unit_of_work() as session:
            session.get_one(SyncRun, run_id).lease_owner = "thief"
        return hasty_client(connection)

    ended = pair.carry_out(run_id, open_client=steal)
    assert ended.status == RunStatus.RUNNING
    assert pair.customers() == []


def test_a_run_makes_room_and_goes_on_where_it_was(pair):
    run_id = queued(pair)
    slices = 1
    while not execution.execute(run_id, execution.Shift(f"slice-{slices}", hasty_client, should_yield=lambda: True)):
        slices += 1
    ended = db.session.get_one(SyncRun, run_id, populate_existing=True)
    assert (ended.status, ended.added, slices) == (RunStatus.SUCCEEDED, 450, 3)


def test_a_page_token_that_went_stale_begins_the_phase_again(pair):
    run_id = queued(pair)
    execution.execute(run_id, execution.Shift("slice", hasty_client, should_yield=lambda: True))
    with unit_of_work() as session:
        halfway = session.get_one(SyncRun, run_id)
        halfway.checkpoint = {
            **halfway.checkpoint,
            "reading": {**halfway.checkpoint["reading"], "position": {"token": "stale"}},
        }
    ended = pair.carry_out(run_id)
    assert (ended.status, len(pair.customers())) == (RunStatus.SUCCEEDED, 450)


def test_a_disabled_integration_cancels_the_run_at_its_next_batch(pair):
    run_id = queued(pair)
    execution.execute(run_id, execution.Shift("slice", hasty_client, should_yield=lambda: True))
    with unit_of_work() as session:
        session.get_one(Connection, pair.connection_id).status = "disabled"
    calls = len(pair.sandbox.requests())
    ended = pair.carry_out(run_id)
    assert ended.status == RunStatus.CANCELLED
    assert len(pair.sandbox.requests()) == calls


def test_a_paused_connection_finishes_what_runs_and_holds_what_waits(pair):
    run_id = queued(pair)
    execution.execute(run_id, execution.Shift("slice", hasty_client, should_yield=lambda: True))
    with unit_of_work() as session:
        session.get_one(Connection, pair.connection_id).paused_at = now()
    assert pair.carry_out(run_id).status == RunStatus.SUCCEEDED
    with unit_of_work() as session:
        held = runs.queue_run(session, pair.connection, trigger=Trigger.AUTO, actor_name="Schedule").id
    assert pair.carry_out(held).status == RunStatus.QUEUED


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ({"fail_next": [{"status": 500, "count": 50, "path": "/crm/v8/Accounts"}]}, "500"),
        ({"fail_next": [{"status": 403, "count": 1, "path": "/crm/v8/Accounts"}]}, "403"),
        ({"fail_next": [{"status": 429, "count": 50, "path": "/crm/v8/Accounts"}]}, "429"),
    ],
)
def test_a_crm_that_refuses_fails_the_run_in_its_own_words_and_the_next_run_repairs(pair, fault, words):
    pair.sandbox.faults(**fault)
    ended = pair.sync()
    assert ended.status == RunStatus.FAILED
    assert ended.error_message.count(words) == 1
    pair.sandbox.faults(fail_next=[])
    assert (pair.sync().status, len(pair.customers())) == (RunStatus.SUCCEEDED, 450)


def test_short_trouble_is_not_even_noticed(pair):
    pair.sandbox.faults(fail_next=[{"status": 503, "count": 1, "path": "/crm/v8/Accounts"}], drop_connections=1)
    assert pair.sync().status == RunStatus.SUCCEEDED


def test_a_token_that_expires_in_the_middle_is_renewed(pair):
    run_id = queued(pair)
    execution.execute(run_id, execution.Shift("slice", hasty_client, should_yield=lambda: True))
    pair.sandbox.faults(expire_tokens=True)
    assert pair.carry_out(run_id).status == RunStatus.SUCCEEDED


def test_another_base_currency_in_the_crm_stops_the_run_with_both_names(pair):
    pair.sandbox.control("org", {"mc_status": True, "iso_code": "EUR"})
    ended = pair.sync()
    assert ended.status == RunStatus.FAILED
    assert "EUR" in ended.error_message
    assert "USD" in ended.error_message
    assert "CurrencyMismatch" not in ended.error_message
    assert pair.connection.problem


def test_a_run_stops_before_it_uses_up_the_crms_allowance(pair):
    config.use(replace(config.current(), credits_reserve=100))
    pair.sandbox.faults(credits_remaining=90)
    ended = pair.sync()
    assert ended.status == RunStatus.FAILED
    assert "more requests today" in ended.error_message
    pair.sandbox.faults(credits_remaining=None)
    assert pair.sync().status == RunStatus.SUCCEEDED


def test_very_many_records_come_by_export(pair, monkeypatch):
    monkeypatch.setattr(feed, "EXPORT_FROM", 400)  # the real bound would make this test slow
    monkeypatch.setattr(feed, "EXPORT_BATCH", 200)
    run_id = queued(pair)
    while not execution.execute(run_id, execution.Shift("slice", hasty_client, should_yield=lambda: True)):
        pass
    by_export = {each.display_name: (each.phone, each.website, each.billing_city) for each in pair.customers()}
    assert "/crm/bulk/v8/read" in {call["path"] for call in pair.sandbox.requests()}
    assert len(by_export) == 450
    pair.sync()
    monkeypatch.undo()
    with unit_of_work() as session:
        session.get_one(ModuleSetup, pair.setup_id).watermarks = {}
    again = pair.sync()
    assert (again.updated, again.added) == (0, 0), "pages and exports must give the same values"


def test_an_edit_of_the_setup_does_not_touch_the_run_that_is_under_way(pair):
    run_id = queued(pair)
    execution.execute(run_id, execution.Shift("slice", hasty_client, should_yield=lambda: True))
    with unit_of_work() as session:
        saved = session.get_one(ModuleSetup, pair.setup_id)
        saved.version, saved.policy, saved.watermarks = saved.version + 1, "clone", {}
    ended = pair.carry_out(run_id)
    assert (ended.status, ended.setup["policy"]) == (RunStatus.SUCCEEDED, "skip")
    assert db.session.scalars(select(ModuleSetup.watermarks)).one() == {}, "the new choices begin from the start"


def test_what_changed_is_read_to_its_end_though_the_run_makes_room_after_each_page(pair):
    pair.sync()
    ids = [each["id"] for each in pair.records("Accounts")]
    for start in range(0, len(ids), 100):
        pair.crm.update("Accounts", [{"id": each, "Phone": "new"} for each in ids[start : start + 100]])
    run_id = queued(pair)
    slices = 1
    while not execution.execute(run_id, execution.Shift(f"slice-{slices}", hasty_client, should_yield=lambda: True)):
        slices += 1
        assert slices < 5
    assert {each.phone for each in pair.customers()} == {"new"}
    ended = db.session.get_one(SyncRun, run_id, populate_existing=True)
    assert (ended.status, ended.updated, ended.done) == (RunStatus.SUCCEEDED, 450, 450)


def test_an_error_that_nobody_foresaw_ends_the_run_and_the_next_one_repairs(pair, monkeypatch):
    run_id = queued(pair)
    with monkeypatch.context() as patch:
        patch.setattr(reading, "bring_in", lambda *_: 1 / 0)  # a fault of our own
        with pytest.raises(ZeroDivisionError):
            execution.execute(run_id, execution.Shift("first", hasty_client))
    failed = db.session.get_one(SyncRun, run_id, populate_existing=True)
    assert (failed.status, failed.error_code) == (RunStatus.FAILED, "unexpected")
    assert (pair.sync().status, len(pair.customers())) == (RunStatus.SUCCEEDED, 450)


def test_a_worker_that_lost_its_run_does_not_end_it_for_its_successor(pair):
    run_id = queued(pair)

    def steal(connection: Connection, **_):
        with unit_of_work() as session:
            session.get_one(SyncRun, run_id).lease_owner = "thief"
        raise PermissionDenied("The CRM said no, but to whom?")

    assert pair.carry_out(run_id, open_client=steal).status == RunStatus.RUNNING
