"""Measured in a process of its own: pages fetched with bare urllib3, and the same rows that a first sync makes of them
upserted with SQLAlchemy Core, nothing decided, compared or told: customers and links, in the product's own tables."""

import time
from pathlib import Path
from typing import Any

from sqlalchemy.dialects.sqlite import insert

from tests.bench.stage import Crm, arguments, raw_pages, report
from tests.conftest import make_config
from tests.factories.sync import connected
from zbweb import planner
from zbweb.app import create_app
from zbweb.billing.models import Customer
from zbweb.clock import now
from zbweb.db import db
from zbweb.sync.models import Link

COLUMNS = {
    "Account_Name": "display_name", "Phone": "phone", "Fax": "fax", "Website": "website", "Description": "notes",
} | {
    f"{kind}_{part}": f"{kind}_{part}".lower()
    for kind in ("Billing", "Shipping")
    for part in ("Street", "City", "State", "Code", "Country")
}  # fmt: skip


def main() -> None:
    given = arguments()
    app = create_app(make_config(Path(given["data"]), crm_accounts_url=given["crm"], crm_api_url=given["crm"]))
    with app.app_context():
        db.create_all()
        planner.inform(db.engine)
        pair = connected(app, Crm(given["crm"]), scope="accounts", extent="fetch", policy="skip")
        own = {"organisation_id": pair.connection.organisation_id}
        started, count = time.perf_counter(), 0
        for records in raw_pages(given["crm"]):
            ids = range(count + 1, count + 1 + len(records))
            with db.engine.begin() as connection:
                rows = [own | customer(record, id_) for record, id_ in zip(records, ids, strict=True)]
                links = [own | link(record, id_, pair.connection_id) for record, id_ in zip(records, ids, strict=True)]
                upsert(connection, Customer, rows, "display_name")
                upsert(connection, Link, links, "crm_name")
            count += len(records)
        report(seconds=time.perf_counter() - started, added=count)


def customer(record: dict[str, Any], id_: int) -> dict[str, Any]:
    values = {column: record.get(name) or "" for name, column in COLUMNS.items()}
    return values | {"id": id_, "name_key": values["display_name"].casefold(), "origin": "crm", "custom": {}}


def link(record: dict[str, Any], id_: int, connection_id: int) -> dict[str, Any]:
    snapshot = {column: record.get(name) or "" for name, column in COLUMNS.items()}
    return {
        "id": id_, "connection_id": connection_id, "entity": "customer", "entity_id": id_, "crm_module": "Accounts",
        "crm_id": record["id"], "crm_name": record["Account_Name"], "crm_modified_at": now(), "snapshot": snapshot,
    }  # fmt: skip


def upsert(connection: Any, model: Any, rows: list[dict[str, Any]], column: str) -> None:
    statement = insert(model.__table__)
    update = statement.on_conflict_do_update(index_elements=["id"], set_={column: statement.excluded[column]})
    connection.execute(update, rows)


main()
