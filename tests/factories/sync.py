"""A connected organisation, as the wizard would leave it, and the CRM's side of it as the tests want it."""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import urllib3
from flask import Flask
from sqlalchemy import func, select

from zbweb import config
from zbweb.billing.journal import SYSTEM
from zbweb.billing.models import Customer, Organisation
from zbweb.crm.grants import sign_in_with_zsc
from zbweb.crm.port import CrmClient
from zbweb.crm.tokens import client_for, client_for_grant
from zbweb.crm.transport import Timing
from zbweb.db import db, unit_of_work, work_for
from zbweb.sync import connection as connections
from zbweb.sync import execution, runs
from zbweb.sync.core.words import Trigger
from zbweb.sync.models import Connection, ModuleSetup, SyncEntry, SyncRun
from zbweb.sync.setup import offer, wizard

EMAIL, KEY = "admin@crm.example", "ZSC-DEMO-KEY"
_HASTY = Timing(patience_seconds=30.0, sleep=lambda seconds: None)
_owners = itertools.count(1)


def hasty_client(connection: Connection, **_more: Any) -> CrmClient:
    """A client that repeats as often as any other, without waiting in between."""
    assert connection.credential_id is not None
    return client_for(connection.credential_id, timing=_HASTY)


@dataclass
class Partners:
    """Our organisation and its CRM. `crm` is the CRM as a user there would change it."""

    app: Flask
    sandbox: Any
    connection_id: int
    setup_id: int
    crm: CrmClient = field(repr=False)

    @property
    def connection(self) -> Connection:
        return db.session.get_one(Connection, self.connection_id, populate_existing=True)

    @property
    def setup(self) -> ModuleSetup:
        return db.session.get_one(ModuleSetup, self.setup_id, populate_existing=True)

    @property
    def client(self) -> CrmClient:
        """A client that speaks with the saved credential."""
        return hasty_client(self.connection)

    def sync(
        self, trigger: Trigger = Trigger.INSTANT, *, only: dict | None = None, open_client=hasty_client
    ) -> SyncRun:
        """Queue a run and carry it out here and now; the run as it ended."""
        with unit_of_work() as session:
            queued = runs.queue_run(session, self.connection, trigger=trigger, actor_name="Asha Rao", only=only).id
        return self.carry_out(queued, open_client=open_client)

    def carry_out(self, run_id: int, *, open_client=hasty_client) -> SyncRun:
        organisation_id = self.connection.organisation_id
        execution.execute(run_id, execution.Shift(f"test-{next(_owners)}", open_client))
        work_for(db.session(), organisation_id)
        return db.session.get_one(SyncRun, run_id, populate_existing=True)

    def entries(self, of: SyncRun) -> list[SyncEntry]:
        db.session.rollback()
        return list(db.session.scalars(select(SyncEntry).where(SyncEntry.run_id == of.id).order_by(SyncEntry.id)))

    def writes(self) -> list[dict]:
        """The calls since `forget_calls()` that changed something in the CRM (a query is a POST that does not)."""
        return [
            call
            for call in self.sandbox.requests()
            if call["method"] != "GET" and call["path"].startswith("/crm/") and not call["path"].endswith("/coql")
        ]

    def forget_calls(self) -> None:
        _http.request("DELETE", f"{self.sandbox.url}/_sandbox/requests")

    def records(self, module: str, *fields: str) -> list[dict]:
        """Every record of a CRM module with these fields, oldest first."""
        found = [record for page in self.crm.pages(module, ["Modified_Time", *fields]) for record in page.records]
        return sorted(found, key=lambda record: int(record["id"]))

    def add(self, module: str, **values: Any) -> str:
        """Somebody adds a record in the CRM; its id."""
        (verdict,) = self.crm.insert(module, [values])
        assert verdict.ok, verdict
        return str(verdict.crm_id)

    def edit(self, module: str, crm_id: str, **values: Any) -> None:
        """Somebody edits a record in the CRM."""
        (verdict,) = self.crm.update(module, [{"id": crm_id, **values}])
        assert verdict.ok, verdict

    def drop(self, module: str, *crm_ids: str) -> None:
        """Somebody deletes records in the CRM."""
        assert all(verdict.ok for verdict in self.crm.delete(module, list(crm_ids)))

    def customers(self) -> list[Customer]:
        db.session.rollback()
        return list(
            db.session.scalars(select(Customer).order_by(Customer.id).execution_options(populate_existing=True))
        )

    def count(self, model: type) -> int:
        db.session.rollback()
        return db.session.scalar(select(func.count()).select_from(model))


_http = urllib3.PoolManager(retries=False)


def connected(app: Flask, sandbox: Any, *, mappings: Mapping[str, Any] | None = None, **choices: Any) -> Partners:
    """Sign in to `sandbox` with the demo key and save a customers' setup.

    `choices` are those of `zbweb.sync.setup.wizard.Draft` (scope, extent, policy, winner, include_loose, …);
    `mappings` changes single rows of a table: {"account": {"custom.region": "Industry", "fax": ""}}.
    """
    config.use(_pointed(config.current(), sandbox.url))
    grant = sign_in_with_zsc(EMAIL, KEY)
    client = client_for_grant(grant, timing=_HASTY)
    with unit_of_work() as session:
        if session.info.get("organisation_id") is None:
            work_for(session, _organisation(session).id)
        proof = connections.examine(client, email=EMAIL, base_currency="USD")
        connection = connections.connect(session, grant, proof, actor=SYSTEM)
        saved = _set_up(session, connection, client, mappings or {}, choices)
    return Partners(app, sandbox, connection.id, saved.id, client)


def _set_up(session, connection, client, mappings, choices) -> ModuleSetup:
    kept = wizard.keep(session, connection, choices)
    if mappings:
        chosen = {table: {**kept.mapping(wizard.Table(table)), **changes} for table, changes in mappings.items()}
        kept = wizard.keep(session, connection, {"mappings": chosen})
    sight = offer.look(client, ("Accounts", "Contacts"))
    return wizard.save(session, connection, sight, seen=kept.stamp, actor=SYSTEM)


def _organisation(session) -> Organisation:
    organisation = Organisation(name="Zylker Ltd", base_currency="USD", time_zone="America/New_York", country="US")
    session.add(organisation)
    session.flush()
    return organisation


def _pointed(settings: config.Config, url: str) -> config.Config:
    return replace(settings, crm_accounts_url=url, crm_api_url=url)
