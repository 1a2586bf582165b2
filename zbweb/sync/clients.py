"""The one place where a connection becomes a CRM client, so that a disabled one can say nothing."""

from zbweb.crm.port import CrmClient
from zbweb.crm.tokens import client_for as client_for_credential
from zbweb.crm.transport import PATIENCE_SECONDS
from zbweb.sync.errors import NotConnected
from zbweb.sync.models import Connection

PAGE_PATIENCE_SECONDS = 4.0


def client_for(connection: Connection, *, patience_seconds: float = PATIENCE_SECONDS) -> CrmClient:
    """A client that speaks for this connection; `patience_seconds` bounds the retries of one call.

    Raises NotConnected while the connection is disabled.
    """
    if not connection.is_live or connection.credential_id is None:
        raise NotConnected
    return client_for_credential(connection.credential_id, patience_seconds=patience_seconds)


def client_for_page(connection: Connection) -> CrmClient:
    """The same while a person waits for a page: it gives up early and says so."""
    return client_for(connection, patience_seconds=PAGE_PATIENCE_SECONDS)
