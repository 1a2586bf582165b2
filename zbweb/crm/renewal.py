"""Access tokens, renewed by one process at a time and shared by all.

The CRM gives ten tokens in ten minutes, whoever asks. So a token lives in the credential's row; a
process that needs a new one takes the row's lease with one atomic UPDATE, the others wait for what it
brings. A lease runs out by itself, so a killed process blocks nobody for long. The row is read and
written on connections of our own, never in the caller's unit of work.
"""

import json
import threading
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Protocol, cast

import urllib3
from sqlalchemy import Engine, Row, Table, select, update

from zbweb.clock import now
from zbweb.crm.credentials import CrmCredential, access_columns, grant_in, sealed_secrets
from zbweb.crm.datacentres import api_url_for, hosts_of
from zbweb.crm.errors import AuthExpired, CredentialsRefused, RateLimited, TimedOut
from zbweb.crm.grants import TOKEN_READ_TIMEOUT, Grant, renewed
from zbweb.crm.patience import Patience

RENEWALS_ALLOWED = 10
RENEWAL_WINDOW = timedelta(minutes=10)
LEASE = timedelta(seconds=30)
"""Longer than a renewal can take (connect and read time-outs together)."""
PAUSE_AFTER_REFUSAL = timedelta(seconds=60)
"""A refused credential is tried again now and then: a deactivated CRM user may come back."""
_GLANCE = 0.1

_credentials = cast(Table, CrmCredential.__table__)


class TokenSource(Protocol):
    """Where a transport gets its access from; safe to use from several threads."""

    @property
    def api_url(self) -> str: ...
    def access(self, patience: Patience) -> str:
        """A token believed to be good."""

    def renew(self, rejected: str, patience: Patience) -> str:
        """Another token than the one the CRM has just rejected."""


def wait_before_renewal(renewals: Sequence[float], at: float) -> float:
    """Seconds until one more renewal fits the CRM's allowance. `renewals` and `at` are epoch seconds."""
    window = RENEWAL_WINDOW.total_seconds()
    recent = sorted(moment for moment in renewals if at - window < moment)
    if len(recent) < RENEWALS_ALLOWED:
        return 0.0
    return recent[-RENEWALS_ALLOWED] + window - at


class GrantTokens:
    """Tokens of a grant that is not saved: what a sign-in is tried with."""

    def __init__(self, grant: Grant, *, http: urllib3.PoolManager | None = None) -> None:
        self._grant = grant
        self._http = http
        self._lock = threading.Lock()

    @property
    def api_url(self) -> str:
        """Where the API lives."""
        return self._grant.api_url

    def access(self, patience: Patience) -> str:
        """The grant's token, renewed in memory when it is about to end."""
        if _is_fresh(self._grant):
            return self._grant.access_token
        return self.renew(self._grant.access_token, patience)

    def renew(self, rejected: str, patience: Patience) -> str:
        """A fresh token, kept in memory only."""
        with self._lock:
            if self._grant.access_token == rejected:
                self._grant = renewed(self._grant, http=self._http, read_timeout=_token_timeout(patience))
            return self._grant.access_token


class StoredTokens:
    """Tokens of a saved credential."""

    def __init__(self, engine: Engine, credential_id: int, *, http: urllib3.PoolManager | None = None) -> None:
        self._engine = engine
        self._id = credential_id
        self._http = http
        self._grant: Grant | None = None
        self._lock = threading.Lock()

    @property
    def api_url(self) -> str:
        """Where the API lives, as far as hosts are allowed at all."""
        grant = self._grant or grant_in(self._row())
        return api_url_for(hosts_of(grant.accounts_url), grant.api_url)

    def access(self, patience: Patience) -> str:
        """The shared token; asked for anew when it is about to end."""
        with self._lock:
            if self._grant is None or not _is_fresh(self._grant):
                self._grant = self._shared_or_renewed(None, patience)
            return self._grant.access_token

    def renew(self, rejected: str, patience: Patience) -> str:
        """What another process has brought meanwhile, else a new token for everybody."""
        with self._lock:
            if self._grant is None or self._grant.access_token == rejected:
                self._grant = self._shared_or_renewed(rejected, patience)
            return self._grant.access_token

    def _shared_or_renewed(self, rejected: str | None, patience: Patience) -> Grant:
        while True:
            row = self._row()
            grant = grant_in(row)
            if _is_fresh(grant) and grant.access_token != rejected and not row.refused_reason:
                return grant
            _refuse_beyond_allowance(row)
            if self._take_lease(row):
                return self._renew_for_all(row, grant, patience)
            if patience.left < _GLANCE:
                raise TimedOut("Another process is renewing the access to Zoho CRM. Try again in a moment.")
            patience.pause(_GLANCE)

    def _row(self) -> Row[Any]:
        with self._engine.connect() as connection:
            row = connection.execute(select(_credentials).where(_credentials.c.id == self._id)).one_or_none()
        if row is None:
            raise AuthExpired("The stored Zoho CRM credentials are gone. Connect again.")
        return row

    def _take_lease(self, row: Row[Any]) -> bool:
        free = (_credentials.c.refreshing_until.is_(None)) | (_credentials.c.refreshing_until < now())
        return self._write({"refreshing_until": now() + LEASE}, row, free) == 1

    def _renew_for_all(self, row: Row[Any], grant: Grant, patience: Patience) -> Grant:
        changes: dict[str, Any] = {"refreshing_until": None}
        try:
            fresh = renewed(grant, http=self._http, read_timeout=_token_timeout(patience))
        except CredentialsRefused as error:
            changes |= {"refused_reason": error.message, "refresh_not_before": now() + PAUSE_AFTER_REFUSAL}
            raise
        except RateLimited as error:
            changes |= {"refresh_not_before": now() + timedelta(seconds=error.retry_after or 0.0)}
            raise
        else:
            changes |= access_columns(fresh) | {
                "access_version": row.access_version + 1,
                "sealed_secrets": sealed_secrets(fresh),
                "refreshed_at": _with_one_more(row.refreshed_at),
                "refresh_not_before": None,
                "refused_reason": "",
            }
            return fresh
        finally:
            self._write(changes, row)

    def _write(self, changes: dict[str, Any], row: Row[Any], *conditions: Any) -> int:
        """Change the row unless somebody brought a newer token; returns how many rows were changed (0 or 1)."""
        statement = (
            update(_credentials)
            .where(_credentials.c.id == self._id, _credentials.c.access_version == row.access_version, *conditions)
            .values(**changes)
        )
        with self._engine.connect().execution_options(zb_write=True) as connection, connection.begin():
            return connection.execute(statement).rowcount


def _is_fresh(grant: Grant) -> bool:
    return grant.expires_at > now()


def _refuse_beyond_allowance(row: Row[Any]) -> None:
    at = now()
    wait = wait_before_renewal(json.loads(row.refreshed_at), at.timestamp())
    if row.refresh_not_before:
        wait = max(wait, (row.refresh_not_before - at).total_seconds())
    if wait > 0 and row.refused_reason:
        raise AuthExpired(row.refused_reason)
    if wait > 0:
        raise RateLimited("Zoho limits how often access is renewed. It goes on by itself shortly.", retry_after=wait)


def _with_one_more(refreshed_at: str) -> str:
    return json.dumps([*json.loads(refreshed_at), now().timestamp()][-RENEWALS_ALLOWED:])


def _token_timeout(patience: Patience) -> float:
    return min(TOKEN_READ_TIMEOUT, max(0.1, patience.left))
