"""`make bench`: the table. ARGS="accounts=100000 seconds=60 only=crowd" sets the size of the first sync, how long
people browse, and which part is measured (sync, pages or crowd; all of them without it)."""

import tempfile
from pathlib import Path

from tests.bench.stage import Crm, arguments, crm, measured
from tests.servers import postgres_server, redis_server


def line(what: str, figure: str, asked: str = "") -> None:
    print(f"| {what:<72} | {figure:>24} | {asked:<22} |", flush=True)


def main() -> None:
    line("what", "measured", "asked for")
    line("-" * 72, "-" * 24, "-" * 22)
    only = arguments().get("only")
    for name, part in {"sync": syncs, "pages": every_page, "crowd": crowd}.items():
        if only in (None, name):
            part()


def syncs() -> None:
    accounts = int(arguments().get("accounts", 100_000))
    with crm() as server:
        first_sync(server, accounts)
        small_memory(server)
        latency(server, accounts)
        push(server)


def every_page() -> None:
    pages("SQLite")
    with postgres_server() as url:
        pages("PostgreSQL", database=url)


def crowd() -> None:
    """50 people browse without a pause while syncs run; what memory does between the second and the last third."""
    seconds = arguments().get("seconds", "60")
    met = measured("crowd", users=50, seconds=seconds)
    growth = met["memory_late"] / met["memory_early"] - 1
    line(
        f"50 people browse for {seconds} s during syncs: pages, errors", f"{met['pages']}, {met['errors']}", "0 errors"
    )
    line("… a page, median and p95", f"{met['median']:.0f} ms, {met['p95']:.0f} ms")
    line("… memory of web and workers, and its growth", f"{met['memory_late']:.0f} MB, {growth:+.0%}", "flat")


def fresh() -> str:
    return tempfile.mkdtemp(prefix="bench-")


def first_sync(server: Crm, accounts: int) -> None:
    """First sync against the limit and against the SDK; then a quiet second one, and one with 100 changes."""
    server.seed(accounts)
    raw = measured("raw_sync", crm=server.url, data=fresh())
    core = measured("core_sync", crm=server.url, data=fresh())
    ours = measured("our_sync", crm=server.url, data=fresh())
    sdk = measured("sdk_sync", crm=server.url, data=fresh())
    first, quiet, changed = ours["first"], ours["quiet"], ours["changed"]
    assert first["added"] == raw["added"] == core["added"] == sdk["added"] == accounts, (first, raw, core, sdk)
    assert (quiet["updated"], changed["updated"]) == (0, 100), (quiet, changed)
    line(f"raw fetch + bare sqlite3 upsert of {accounts:,} accounts", f"{raw['seconds']:.1f} s")
    line("raw fetch + Core upsert of the same customers and links", f"{core['seconds']:.1f} s")
    line(f"first sync of {accounts:,} accounts", f"{first['seconds']:.1f} s, {first['calls']} calls")
    line("… of it waiting until the CRM has its export ready", f"{first['waited']:.1f} s")
    line("first sync / raw fetch + Core upsert", f"{first['seconds'] / core['seconds']:.2f} ×", "≤ 2.5 ×")
    line("first sync / raw fetch + bare sqlite3 upsert", f"{first['seconds'] / raw['seconds']:.2f} ×")
    line("official SDK + ORM inserts", f"{sdk['seconds']:.1f} s")
    line("official SDK / first sync", f"{sdk['seconds'] / first['seconds']:.2f} ×", "≥ 3 ×")
    line(f"peak memory at {accounts:,} accounts", f"{ours['first_peak_mb']:.0f} MB", "≤ 250 MB, flat")
    line("second sync, nothing changed", f"{quiet['seconds']:.2f} s, {quiet['calls']} calls", "≤ 5 calls")
    line("second sync, 100 changes", f"{changed['seconds']:.2f} s, {changed['calls']} calls", "follows the changes")


def small_memory(server: Crm) -> None:
    server.seed(10_000)
    small = measured("our_sync", crm=server.url, data=fresh())
    line("peak memory at 10,000 accounts", f"{small['first_peak_mb']:.0f} MB", "flat")


def latency(server: Crm, accounts: int) -> None:
    """At 200 ms a call, against the network's own time for the same records: its pages, one after the other."""
    server.seed(accounts)
    server.control("faults", {"latency_ms": 200})
    ours = measured("our_sync", crm=server.url, data=fresh())["first"]
    server.control("faults", {"latency_ms": 0})
    pages = accounts / 200 * 0.2
    line("first sync at 200 ms latency", f"{ours['seconds']:.1f} s, {ours['calls']} calls")
    line("… / the pages' own network time", f"{ours['seconds'] / pages:.2f} ×", "≤ 1.2 ×")


def push(server: Crm) -> None:
    """An invoice's way into the CRM at no latency: all of it is ours."""
    server.control("reset", {"empty": True})
    server.control("faults", {"token_throttle": False})
    with redis_server() as redis:
        figures = measured("push", crm=server.url, data=fresh(), redis=redis)
    line("commit of an invoice → the CRM's answer kept here, median", f"{figures['median_ms']:.0f} ms", "≤ 300 ms")


def pages(kind: str, **where: str) -> None:
    """Pages with 100,000 customers and 200,000 invoices, against a bare page of 25 rows."""
    figures = measured("pages", **where)
    bare = figures["bare"]["p95"]
    line(f"{kind}: bare page of 25 rows, p95", f"{bare:.0f} ms")
    for name, page in figures["pages"].items():
        what = f"{page['p95']:.0f} ms, {page['p95'] / bare:.1f} ×, {page['sql']} queries"
        line(f"{kind}: {name}, p95, / bare, queries", what, "≤ 3 ×, ≤ 12")
        if name in figures["floors"]:
            line("… of it what bare SQL needs, median", f"{figures['floors'][name]:.0f} ms")


if __name__ == "__main__":
    assert Path("zbweb").is_dir(), "run from the project's folder"
    main()
