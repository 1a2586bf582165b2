"""Measured in a process of its own: pages fetched with bare urllib3, and the same rows that a first sync makes of them
upserted with SQLAlchemy Core, nothing decided, compared or told: customers and links, in the product's own tables."""

import time
from pathlib import Path
from typing import Any

from sqlalchemy.dialects.sqlite import insert

from tests.bench.stage import FIELDS, Crm, arguments, raw_pages, report
from tests.conftest import make_config
from tests.factories.sync import connected
from zbweb import planner
from zbweb.app import create_app
from zbweb.billing.models import Customer
from zbweb.clock import now
from zbweb.db import db
from zbweb.sync.models import Link

COLUMNS = {name: name.lower() for name in FIELDS} | {"Account_Name": "display_name", "Description": "notes"}


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
                values = [{column: record.get(name) or "" for name, column in COLUMNS.items()} for record in records]
                rows = [own | customer(each, id_) for each, id_ in zip(values, ids, strict=True)]
                link_own = own | {"connection_id": pair.connection_id, "crm_modified_at": now()}
                links = [
                    link_own | link(record["id"], each, id_)
                    for record, each, id_ in zip(records, values, ids, strict=True)
                ]
                upsert(connection, Customer, rows, "display_name")
                upsert(connection, Link, links, "crm_name")
            count += len(records)
        report(seconds=time.perf_counter() - started, added=count)


def customer(values: dict[str, Any], id_: int) -> dict[str, Any]:
    return values | {"id": id_, "name_key": values["display_name"].casefold(), "origin": "crm", "custom": {}}


def link(crm_id: str, values: dict[str, Any], id_: int) -> dict[str, Any]:
    return {
        "id": id_, "entity": "customer", "entity_id": id_, "crm_module": "Accounts", "crm_id": crm_id,
        "crm_name": values["display_name"], "snapshot": values,
    }  # fmt: skip


def upsert(connection: Any, model: Any, rows: list[dict[str, Any]], column: str) -> None:
    statement = insert(model.__table__)
    update = statement.on_conflict_do_update(index_elements=["id"], set_={column: statement.excluded[column]})
    connection.execute(update, rows)


main()
