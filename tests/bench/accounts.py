"""What the peers make of an account: the same customer and link as a first sync, nothing decided, compared or told."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.bench.stage import FIELDS, Crm
from tests.conftest import make_config
from tests.factories.sync import connected
from zbweb import planner
from zbweb.app import create_app
from zbweb.clock import now
from zbweb.db import db

COLUMNS = {name: name.lower() for name in FIELDS} | {"Account_Name": "display_name", "Description": "notes"}


def with_tables(data: str, url: str, work: Callable[[dict[str, Any]], None]) -> None:
    """Do `work` with the product's own tables, connected to the CRM at `url`; it is told whose rows they are."""
    app = create_app(make_config(Path(data), crm_accounts_url=url, crm_api_url=url))
    with app.app_context():
        db.create_all()
        planner.inform(db.engine)
        pair = connected(app, Crm(url), scope="accounts", extent="fetch", policy="skip")
        work({"organisation_id": pair.connection.organisation_id, "connection_id": pair.connection_id})


def rows(record: Callable[[str], Any], crm_id: str, id_: int, owner: dict[str, Any]) -> tuple[dict[str, Any], ...]:
    """A customer and a link as columns' values; `record` gives a field of the account."""
    values = {column: record(name) or "" for name, column in COLUMNS.items()}
    own = {"organisation_id": owner["organisation_id"], "id": id_}
    customer = own | values | {"name_key": values["display_name"].casefold(), "origin": "crm", "custom": {}}
    link = own | {
        "connection_id": owner["connection_id"], "entity": "customer", "entity_id": id_, "crm_module": "Accounts",
        "crm_id": crm_id, "crm_name": values["display_name"], "crm_modified_at": now(), "snapshot": values,
    }  # fmt: skip
    return customer, link
