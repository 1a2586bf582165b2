"""Measured in a process of its own: pages fetched with bare urllib3, their rows upserted with SQLAlchemy Core."""

import time
from typing import Any

from sqlalchemy.dialects.sqlite import insert

from tests.bench.accounts import rows, with_tables
from tests.bench.stage import arguments, raw_pages, report
from zbweb.billing.models import Customer
from zbweb.db import db
from zbweb.sync.models import Link


def main() -> None:
    given = arguments()
    with_tables(given["data"], given["crm"], lambda owner: fetch(given["crm"], owner))


def fetch(url: str, owner: dict[str, Any]) -> None:
    started, count = time.perf_counter(), 0
    for records in raw_pages(url):
        made = [rows(each.get, each["id"], count + index, owner) for index, each in enumerate(records, 1)]
        customers, links = zip(*made, strict=True)
        with db.engine.begin() as connection:
            upsert(connection, Customer, customers, "display_name")
            upsert(connection, Link, links, "crm_name")
        count += len(records)
    report(seconds=time.perf_counter() - started, added=count)


def upsert(connection: Any, model: Any, values: tuple[dict[str, Any], ...], column: str) -> None:
    statement = insert(model.__table__)
    update = statement.on_conflict_do_update(index_elements=["id"], set_={column: statement.excluded[column]})
    connection.execute(update, values)


main()
