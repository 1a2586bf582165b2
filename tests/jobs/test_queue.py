"""The door to RQ, on a real Redis: after the commit, harmless when doubled, no loss when Redis is away."""

import pytest

from tests.conftest import make_config
from tests.jobs.worker import work
from zbweb import config
from zbweb.clock import now
from zbweb.db import db, unit_of_work
from zbweb.jobs import queue, schedule
from zbweb.sync import runs
from zbweb.sync.core.words import RunStatus, Trigger
from zbweb.sync.models import Connection, SyncRun


def latest() -> SyncRun:
    db.session.rollback()
    return db.session.query(SyncRun).order_by(SyncRun.id.desc()).first()


def queue_one(pair, trigger=Trigger.INSTANT) -> int:
    with unit_of_work() as session:
        return runs.queue_run(session, pair.connection, trigger=trigger, actor_name="Asha Rao").id


def test_a_queued_run_is_carried_out_by_a_worker(pair):
    queue_one(pair)
    work()
    assert (latest().status, latest().added) == (RunStatus.SUCCEEDED, 5)


def test_nothing_is_enqueued_by_a_unit_of_work_that_rolled_back(pair):
    def fail():
        with unit_of_work() as session:
            runs.queue_run(session, pair.connection, trigger=Trigger.INSTANT, actor_name="Asha Rao")
            raise ValueError("it rolls back")

    with pytest.raises(ValueError, match="rolls back"):
        fail()
    assert not queue.is_waiting(queue.SYNC)


def test_a_job_that_comes_twice_does_its_work_once(pair):
    run_id = queue_one(pair)
    queue.run_sync(run_id)
    queue.run_sync(run_id)
    work()
    assert len(pair.customers()) == 5
    assert len(pair.entries(latest())) == 5


def test_a_run_that_lost_its_job_is_found_again(pair):
    run_id = queue_one(pair)
    queue.redis_at(config.current().redis_url).flushdb()
    with unit_of_work() as session:
        session.get_one(SyncRun, run_id).queued_at = now() - schedule._QUEUED_TOO_LONG * 2
    schedule.wake_waiting_runs()
    work()
    assert latest().status == RunStatus.SUCCEEDED


def test_a_run_whose_worker_died_is_handed_on_when_its_lease_ends(pair):
    run_id = queue_one(pair)
    queue.redis_at(config.current().redis_url).flushdb()
    with unit_of_work() as session:
        runs.claim(session, run_id, "a worker that dies").lease_until = now()
    schedule.wake_waiting_runs()
    work()
    assert latest().status == RunStatus.SUCCEEDED


def test_without_redis_the_work_waits_in_the_database(pair, tmp_path):
    present = config.current()
    config.use(make_config(tmp_path, redis_url="redis://127.0.0.1:1/0"))
    run_id = queue_one(pair)
    config.use(present)
    assert db.session.get_one(SyncRun, run_id).status == RunStatus.QUEUED


def due(pair) -> None:
    with unit_of_work() as session:
        session.get_one(Connection, pair.connection_id).next_sync_at = now()


def test_a_due_slot_starts_one_run_however_many_schedulers_look(pair):
    due(pair)
    schedule.start_due_runs()
    schedule.start_due_runs()
    assert pair.count(SyncRun) == 1
    assert latest().trigger == Trigger.AUTO
    assert pair.connection.next_sync_at > now()


def test_a_slot_is_taken_by_one_scheduler_only(pair):
    due(pair)
    with unit_of_work() as session:
        first = pair.connection
        slot = first.next_sync_at
        assert schedule._take_slot(session, first)
    with unit_of_work() as session:
        late = pair.connection
        late.next_sync_at = slot
        session.expunge(late)
        assert not schedule._take_slot(session, late)


@pytest.mark.parametrize("state", ["paused", "disabled"])
def test_no_automatic_run_starts_while_paused_or_disabled(pair, state):
    due(pair)
    with unit_of_work() as session:
        connection = session.get_one(Connection, pair.connection_id)
        if state == "paused":
            connection.paused_at = now()
        else:
            connection.status = "disabled"
    schedule.start_due_runs()
    assert pair.count(SyncRun) == 0


def test_a_chore_that_fails_does_not_stop_the_others(app):
    done = []

    def fail():
        raise ValueError("a chore's own trouble")

    chores = [schedule.Chore("fails", 1, fail), schedule.Chore("works", 1, lambda: done.append(1))]
    schedule.run_chores(chores, {}, 100.0)
    assert done == [1]
