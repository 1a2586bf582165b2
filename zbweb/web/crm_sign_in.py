"""What a sign-in to the CRM leaves in the browser between two requests: sealed, for ten minutes, once.

A client's secret waits here while the person is on the CRM's consent page, and a grant while the person thinks
about replacing another connection. The session cookie is signed but readable, so both are encrypted.
"""

import hmac
import json
import secrets
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from flask import session as cookie

from zbweb.clock import now
from zbweb.crm.cipher import seal, unseal
from zbweb.crm.errors import CredentialsRefused
from zbweb.crm.grants import Grant, GrantKind

_CLIENT = "crm_client"
_GRANT = "crm_grant"
_NEWCOMER = "crm_newcomer"
_LIFE = timedelta(minutes=10)
_TOO_LATE = "The sign-in took too long or was begun in another browser. Begin again."


@dataclass(frozen=True, slots=True)
class Client:
    """Who asked for consent; `state` must come back with the answer."""

    client_id: str
    client_secret: str
    accounts_url: str
    state: str


def remember_client(client_id: str, client_secret: str, accounts_url: str) -> Client:
    """Keep a client until its consent comes back."""
    client = Client(client_id, client_secret, accounts_url, secrets.token_urlsafe(24))
    _put(_CLIENT, asdict(client))
    return client


def take_client(state: str) -> Client:
    """The client that asked, if the answer carries its state; raises CredentialsRefused otherwise."""
    client = Client(**_take(_CLIENT))
    if not hmac.compare_digest(client.state, state):
        raise CredentialsRefused(_TOO_LATE)
    return client


def remember_grant(grant: Grant, newcomer: str) -> None:
    """Keep a sign-in to the CRM organisation `newcomer` until the person has confirmed what it replaces."""
    cookie[_NEWCOMER] = newcomer
    _put(_GRANT, {**asdict(grant), "expires_at": grant.expires_at.isoformat()})


def newcomer() -> str:
    """The CRM organisation whose sign-in waits for a confirmation."""
    name: str = cookie.get(_NEWCOMER, "")
    return name


def take_grant() -> Grant:
    """The sign-in that waits for a confirmation; raises CredentialsRefused when there is none (any more)."""
    kept = _take(_GRANT)
    cookie.pop(_NEWCOMER, None)
    kept["kind"], kept["expires_at"] = GrantKind(kept["kind"]), datetime.fromisoformat(kept["expires_at"])
    return Grant(**kept)


def _put(name: str, values: dict[str, Any]) -> None:
    until = (now() + _LIFE).isoformat()
    cookie[name] = seal(json.dumps({"until": until, "values": values}))


def _take(name: str) -> dict[str, Any]:
    sealed = cookie.pop(name, None)
    if sealed is None:
        raise CredentialsRefused(_TOO_LATE)
    kept = json.loads(unseal(sealed))
    if datetime.fromisoformat(kept["until"]) < now():
        raise CredentialsRefused(_TOO_LATE)
    values: dict[str, Any] = kept["values"]
    return values
