"""The way in: a client that uses a saved credential, or a grant that nobody has saved yet.

grant = grants.sign_in_with_zsc(email, key)     # or with a code, or with a refresh token
client_for_grant(grant).organisation()          # try it before anything is saved
credential = credentials.save_credential(session, grant, organisation_id)
client_for(credential.id).pages("Accounts", ["Account_Name"])
"""

import urllib3

from zbweb.crm.client import ZohoClient
from zbweb.crm.grants import Grant
from zbweb.crm.renewal import GrantTokens, StoredTokens
from zbweb.crm.transport import PATIENCE_SECONDS, Timing, Transport
from zbweb.db import db


def client_for(
    credential_id: int,
    *,
    patience_seconds: float = PATIENCE_SECONDS,
    timing: Timing | None = None,
    http: urllib3.PoolManager | None = None,
) -> ZohoClient:
    """A client that uses a saved credential.

    Making one needs the app context (for the engine), using it does not. The credential must have been
    committed, and nothing may be asked inside a unit of work that writes: renewing access writes too, on a
    connection of its own.
    """
    tokens = StoredTokens(db.engine, credential_id, http=http)
    return ZohoClient(Transport(tokens, timing=timing or Timing(patience_seconds=patience_seconds), http=http))


def client_for_grant(
    grant: Grant,
    *,
    patience_seconds: float = PATIENCE_SECONDS,
    timing: Timing | None = None,
    http: urllib3.PoolManager | None = None,
) -> ZohoClient:
    """A client that uses a grant nobody has saved yet."""
    tokens = GrantTokens(grant, http=http)
    return ZohoClient(Transport(tokens, timing=timing or Timing(patience_seconds=patience_seconds), http=http))
