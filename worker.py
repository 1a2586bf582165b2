"""The processes that work later. Roles: `jobs` does every job, `instant` only short ones, `scheduler` looks for
what is due. Several roles share one start: `worker.py instant jobs jobs scheduler`.

SIGTERM lets the jobs at hand finish; a sync pauses after its batch, and whoever comes next goes on with it.
Any number of each may run, on any number of hosts.
"""

import gc
import os
import signal
import sys
import threading
from collections.abc import Sequence

from flask import Flask
from rq import Worker
from rq.serializers import JSONSerializer

from zbweb.app import create_app
from zbweb.jobs import queue, schedule
from zbweb.logs import configure as configure_logs
from zbweb.supervisor import die_with_parent

LANES = {"jobs": [queue.INSTANT, queue.SYNC], "instant": [queue.INSTANT]}


def work(lane: str) -> None:
    """Do jobs of a lane until told to stop. Each runs in a fork, so a crash takes one job and no more."""
    queues = queue.queues(LANES[lane])
    worker = Worker(
        queues, connection=queues[0].connection, serializer=JSONSerializer, worker_ttl=60, maintenance_interval=60
    )
    worker.work(logging_level="WARNING")


def keep_schedule() -> None:
    """Look for what is due until told to stop."""
    stop = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: stop.set())
    schedule.run_forever(stop.is_set)


def take_up(app: Flask, role: str) -> None:
    """Work in one role."""
    with app.app_context():
        keep_schedule() if role == "scheduler" else work(role)


def share(app: Flask, roles: Sequence[str]) -> int:
    """One process per role, all of one start; when one of them ends, all do. Returns the exit code."""
    children = [_fork(app, role) for role in roles]
    stopped: list[int] = []

    def stop(number: int, _frame: object) -> None:
        stopped.append(number)
        _tell(children, signal.SIGTERM)

    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, stop)
    first, _ = os.wait()
    others = [child for child in children if child != first]
    _tell(others, signal.SIGTERM)
    for child in others:
        os.waitpid(child, 0)
    return 0 if stopped else 1


def _fork(app: Flask, role: str) -> int:
    child = os.fork()
    if child:
        return child
    die_with_parent(own_group=False)
    take_up(app, role)
    os._exit(0)


def _tell(processes: Sequence[int], number: signal.Signals) -> None:
    for process in processes:
        try:
            os.kill(process, number)
        except ProcessLookupError:
            continue


def main(roles: Sequence[str]) -> int:
    """Take up the roles."""
    if unknown := set(roles) - {*LANES, "scheduler"}:
        sys.exit(f"There is no role {', '.join(sorted(unknown))}. Roles: {', '.join(LANES)}, scheduler.")
    configure_logs()
    app = create_app()
    gc.freeze()  # what is loaded by now is here to stay: forks share it, and collections need not walk it
    if len(roles) > 1:
        return share(app, roles)
    take_up(app, roles[0])
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or ["jobs"]))
