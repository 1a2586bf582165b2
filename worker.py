"""The processes that work later: `worker.py` does jobs, `worker.py instant` only short ones, `worker.py scheduler`
looks for what is due.

SIGTERM lets the job at hand finish. Any number of each may run, on any number of hosts.
"""

import signal
import sys
import threading

from rq import Worker
from rq.serializers import JSONSerializer

from zbweb.app import create_app
from zbweb.jobs import queue, schedule
from zbweb.logs import configure as configure_logs

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


def main(role: str) -> None:
    """Take up one of the roles."""
    configure_logs()
    with create_app().app_context():
        if role == "scheduler":
            keep_schedule()
        else:
            work(role)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "jobs")
