"""The way in: sign in, keep what that gave, get a client that uses it, withdraw it.

grant = sign_in_with_zsc(email, key)            # or with a code, or with a refresh token
client_for_grant(grant).organisation()          # try it before anything is saved
credential = save_credential(session, grant, organisation_id)
client_for(credential.id).pages("Accounts", ["Account_Name"])
"""

import urllib3

from zbweb.crm.client import ZohoClient
from zbweb.crm.credentials import CrmCredential, revoke, save_credential
from zbweb.crm.grants import (
    SCOPES,
    Grant,
    GrantKind,
    authorize_url,
    sign_in_with_code,
    sign_in_with_refresh_token,
    sign_in_with_zsc,
)
from zbweb.crm.renewal import GrantTokens, StoredTokens
from zbweb.crm.transport import PATIENCE_OF_JOBS, PATIENCE_OF_PAGES, Timing, Transport
from zbweb.db import db

__all__ = [
    "PATIENCE_OF_JOBS",
    "PATIENCE_OF_PAGES",
    "SCOPES",
    "CrmCredential",
    "Grant",
    "GrantKind",
    "Timing",
    "authorize_url",
    "client_for",
    "client_for_grant",
    "revoke",
    "save_credential",
    "sign_in_with_code",
    "sign_in_with_refresh_token",
    "sign_in_with_zsc",
]


def client_for(
    credential_id: int,
    *,
    patience_seconds: float = PATIENCE_OF_JOBS,
    timing: Timing | None = None,
    http: urllib3.PoolManager | None = None,
) -> ZohoClient:
    """A client that uses a saved credential; give pages `PATIENCE_OF_PAGES`.

    Making one needs the app context (for the engine), using it does not. The credential must have been
    committed, and nothing may be asked inside a unit of work that writes: renewing access writes too, on a
    connection of its own.
    """
    tokens = StoredTokens(db.engine, credential_id, http=http)
    return ZohoClient(Transport(tokens, timing=timing or Timing(patience_seconds=patience_seconds), http=http))


def client_for_grant(
    grant: Grant,
    *,
    patience_seconds: float = PATIENCE_OF_JOBS,
    timing: Timing | None = None,
    http: urllib3.PoolManager | None = None,
) -> ZohoClient:
    """A client that uses a grant nobody has saved yet."""
    tokens = GrantTokens(grant, http=http)
    return ZohoClient(Transport(tokens, timing=timing or Timing(patience_seconds=patience_seconds), http=http))
