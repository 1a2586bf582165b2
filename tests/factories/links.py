"""Connections and links, as rows: what the tests of pages need when no CRM is to be asked."""

import itertools

from zbweb.db import organisation_of
from zbweb.sync.models import Connection, Link

_numbers = itertools.count(1)


def make_connection(session, **values):
    """A live connection of the session's organisation, without a credential."""
    number = next(_numbers)
    given = {
        "crm_organisation_id": f"org-{number}",
        "crm_organisation_name": "Zylker CRM",
        "hook_token": f"hook-{number}",
    }
    connection = Connection(organisation_id=organisation_of(session), **(given | values))
    session.add(connection)
    session.flush()
    return connection


def make_link(session, connection, record, *, entity="customer", **values):
    """An active link of a local record with a CRM account."""
    given = {"crm_module": "Accounts", "crm_id": f"crm-{next(_numbers)}", "crm_name": "Acme in the CRM"}
    link = Link(
        organisation_id=connection.organisation_id, connection_id=connection.id, entity=entity, entity_id=record.id,
        **(given | values),
    )  # fmt: skip
    session.add(link)
    session.flush()
    return link
