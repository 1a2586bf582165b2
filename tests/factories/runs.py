"""Connections, setups, runs and entries as the tests want them: saved rows, not yet committed."""

from zbweb.db import db, organisation_of
from zbweb.sync.core.words import Outcome, RunStatus, Trigger
from zbweb.sync.models import Connection, ModuleSetup, SyncEntry, SyncRun


def make_connection(session, **values):
    """A connection that works; the CRM itself is not asked."""
    described = {
        "crm_organisation_id": "5725767000000020005",
        "crm_organisation_name": "Zylker Instruments",
        "crm_currency": "USD",
        "crm_edition": "enterprise",
        "crm_user_name": "Patricia Boyle",
        "crm_user_email": "admin@crm.example",
        "hook_token": f"hook-{organisation_of(session)}-{values.get('crm_organisation_id', '')}",
    }
    return _saved(session, Connection(**(described | values)))


def make_setup(session, connection, **values):
    """The saved setup of a module; customers unless it says otherwise."""
    described = {"module": "customers", "version": 1, "enabled": True, "saved_by": "Asha Rao"}
    return _saved(session, ModuleSetup(connection_id=connection.id, **(described | values)))


def make_run(session, connection, **values):
    """A run, queued unless it says otherwise."""
    described = {"trigger": Trigger.INSTANT, "status": RunStatus.QUEUED}
    return _saved(session, SyncRun(connection_id=connection.id, **(described | values)))


def make_entry(session, run, **values):
    """One record's fate in a run, added unless it says otherwise."""
    described = {"outcome": Outcome.ADDED, "reason": "new", "crm_module": "Accounts", "name": "Acme Ltd"}
    return _saved(session, SyncEntry(run_id=run.id, connection_id=run.connection_id, **(described | values)))


def _saved(session, row):
    row.organisation_id = organisation_of(session)
    session.add(row)
    session.flush()
    return row


def state_of(run_id: int) -> SyncRun:
    db.session.rollback()
    return db.session.get_one(SyncRun, run_id, populate_existing=True)
