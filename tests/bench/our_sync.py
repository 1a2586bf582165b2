"""Measured in a process of its own: our first sync, then one with nothing changed and one with 100 changes."""

import gc
import logging
import resource
import time
from pathlib import Path
from typing import Any

import structlog

from tests.bench.stage import Crm, arguments, report
from tests.conftest import make_config
from tests.factories.sync import Partners, connected
from zbweb import planner
from zbweb.app import create_app
from zbweb.db import db
from zbweb.sync.core.words import Trigger
from zbweb.sync.pull import feed


def main() -> None:
    given = arguments()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    server = Crm(given["crm"])
    app = create_app(make_config(Path(given["data"]), crm_accounts_url=server.url, crm_api_url=server.url))
    with app.app_context():
        db.create_all()
        planner.inform(db.engine)
        gc.freeze()  # as a worker does
        pair = connected(app, server, scope="accounts", extent="fetch", policy="skip")
        waits = watched()
        first = timed(server, pair, Trigger.FIRST) | {"waited": sum(waits)}
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        quiet = timed(server, pair, Trigger.INSTANT)
        some = [
            {"id": record["id"], "Phone": "+1 555 0000"}
            for record in next(iter(pair.crm.pages("Accounts", ["Phone"]))).records[:100]
        ]
        pair.crm.update("Accounts", some)
        report(first=first, first_peak_mb=peak, quiet=quiet, changed=timed(server, pair, Trigger.INSTANT))


def watched() -> list[float]:
    """Fills with the seconds of each wait until the CRM has an export ready."""
    waits: list[float] = []
    wait = feed._finished

    def measured(*given: Any) -> Any:
        started = time.perf_counter()
        try:
            return wait(*given)
        finally:
            waits.append(time.perf_counter() - started)

    feed._finished = measured
    return waits


def timed(server: Crm, pair: Partners, trigger: Trigger) -> dict[str, object]:
    """One run: its time, its calls and what it did."""
    before, started = server.calls(), time.perf_counter()
    run = pair.sync(trigger)
    seconds = time.perf_counter() - started
    assert run.status == "succeeded", run.error_message
    return {"seconds": seconds, "calls": server.calls() - before, "added": run.added, "updated": run.updated}


main()
