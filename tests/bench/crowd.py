"""Measured in a process of its own: people who browse while syncs run, and what memory does meanwhile.

users=50 seconds=60 accounts=20000. The whole product runs as `make run` starts it; each user signs in, then opens
page after page without a pause. Syncs follow one another until the time is over.
"""

import itertools
import statistics
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

import urllib3

from tests.bench.stage import Crm, arguments, report
from tests.crm_pages import CONNECT, DETAILS, KEY, walk
from tests.product import PASSWORD, Product, prepared, running
from tests.visitor import Visitor

PAGES = (
    "/", "/customers", "/customers?q=a", "/customers/1", "/items", "/quotes", "/sales-orders", "/invoices",
    "/invoices/1", "/invoices/new", "/payments", "/reports/receivables", "/search?q=inv", "/sync-state", DETAILS,
    f"{DETAILS}/history",
)  # fmt: skip


class Crowd:
    """Signed-in people, each a thread; `statuses` and `milliseconds` are what they all met."""

    def __init__(self, product: Product, users: int) -> None:
        self.statuses: Counter[int | str] = Counter()
        self.milliseconds: list[float] = []
        self.stop = threading.Event()
        cookies = [signed_in(product) for _ in range(min(users, 5))]  # log-ins are throttled: users share a session
        self.threads = [
            threading.Thread(target=self.browse, args=(product.url, cookies[each % len(cookies)], each))
            for each in range(users)
        ]

    def browse(self, url: str, visitor: Visitor, first: int) -> None:
        for path in itertools.islice(itertools.cycle(PAGES), first % len(PAGES), None):
            if self.stop.is_set():
                return
            started = time.perf_counter()
            try:
                status: int | str = visitor.get(path).status_code
            except urllib3.exceptions.HTTPError as error:
                status = type(error).__name__
            self.milliseconds.append((time.perf_counter() - started) * 1000)
            self.statuses[status] += 1


def signed_in(product: Product) -> Visitor:
    visitor = Visitor(product.url)
    visitor.sign_in("admin@example.com", PASSWORD)
    return visitor


def begin(product: Product, accounts: int) -> Visitor:
    """An admin who has connected and set up the first sync of so many accounts, which is under way."""
    Crm(product.sandbox_url).seed(accounts)
    admin = signed_in(product)
    assert admin.post(CONNECT, KEY).status_code == 303
    assert walk(admin).status_code == 303
    admin.post(f"{DETAILS}/customers/summary", {"go": "sync"})
    return admin


def memory_mb(product: Product) -> float:
    """What the web processes and workers hold for themselves, together; forks share the rest."""
    total = 0
    for process in product.processes():
        try:
            command = Path(f"/proc/{process}/cmdline").read_text()
            rollup = Path(f"/proc/{process}/smaps_rollup").read_text()
        except OSError:
            continue
        if "gunicorn" in command or "worker.py" in command:
            total += sum(int(row.split()[1]) for row in rollup.splitlines() if row.startswith("Private_"))
    return total / 1024


def main() -> None:
    given = arguments()
    users, seconds = int(given.get("users", 50)), float(given.get("seconds", 60))
    data_dir = prepared(Path(tempfile.mkdtemp(prefix="bench-crowd-")) / "data")
    with running(data_dir) as product:
        admin = begin(product, int(given.get("accounts", 20_000)))
        crowd, memory, began = Crowd(product, users), [], time.monotonic()
        for thread in crowd.threads:
            thread.start()
        while time.monotonic() - began < seconds:
            time.sleep(min(5.0, seconds / 12))
            memory.append(memory_mb(product))
            admin.post(f"{DETAILS}/instant-sync")
        crowd.stop.set()
        for thread in crowd.threads:
            thread.join(60)
        history = admin.get(f"{DETAILS}/history").text
    third = max(1, len(memory) // 3)
    met = sorted(crowd.milliseconds)
    report(
        pages=len(met),
        errors=sum(count for status, count in crowd.statuses.items() if status != 200),
        statuses={str(status): count for status, count in crowd.statuses.items()},
        median=statistics.median(met),
        p95=met[int(len(met) * 0.95)],
        runs=history.count("Succeeded</span>") + history.count("Running</span>"),
        memory_early=statistics.mean(memory[third : 2 * third] or memory),
        memory_late=statistics.mean(memory[-third:]),
    )


main()
