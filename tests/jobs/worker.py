"""A worker in the test's own process."""

from rq import SimpleWorker
from rq.serializers import JSONSerializer
from rq.timeouts import TimerDeathPenalty

from zbweb.db import db, work_for
from zbweb.jobs import queue


def work() -> None:
    """Do every waiting job here and now."""
    waiting = queue.queues([queue.INSTANT, queue.SYNC])
    worker = SimpleWorker(waiting, connection=waiting[0].connection, serializer=JSONSerializer)
    worker.death_penalty_class = TimerDeathPenalty
    organisation_id = db.session().info["organisation_id"]
    worker.work(burst=True, logging_level="WARNING")
    work_for(db.session(), organisation_id)
