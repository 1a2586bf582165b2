"""Measured in a process of its own: the limit. Pages fetched with bare urllib3, rows upserted with bare sqlite3."""

import sqlite3
import time
from pathlib import Path

from tests.bench.stage import RAW_FIELDS, arguments, raw_pages, report

COLUMNS = ["id", *RAW_FIELDS]


def main() -> None:
    given = arguments()
    connection = sqlite3.connect(Path(given["data"]) / "raw.sqlite3", isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")
    connection.execute(f"CREATE TABLE raw ({', '.join(COLUMNS)}, PRIMARY KEY (id))")
    statement = (
        f"INSERT INTO raw VALUES ({','.join('?' * len(COLUMNS))}) ON CONFLICT (id) DO UPDATE SET Phone=excluded.Phone"
    )
    started, count = time.perf_counter(), 0
    for records in raw_pages(given["crm"]):
        connection.execute("BEGIN")
        connection.executemany(statement, [[record.get(name) for name in COLUMNS] for record in records])
        connection.execute("COMMIT")
        count += len(records)
    report(seconds=time.perf_counter() - started, added=count)


main()
