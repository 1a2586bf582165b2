"""Signing in: what people type is exchanged for access, and nothing is stored yet.

A `Grant` is the result, secrets and all. It can be tried (`client_for_grant`) before anything is
saved, so wrong new credentials never replace working ones. Secrets travel in the form body only,
never in an address, and no `repr` shows them.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from urllib.parse import urlencode

import urllib3

from zbweb.clock import now
from zbweb.config import current
from zbweb.crm import exchange, meter, parse
from zbweb.crm.backoff import retry_after_seconds
from zbweb.crm.datacentres import Hosts, api_url_for, hosts_of
from zbweb.crm.errors import (
    Answered,
    AuthExpired,
    CredentialsRefused,
    CrmError,
    MalformedAnswer,
    RateLimited,
    Unavailable,
    WrongKey,
)
from zbweb.crm.wire import decode

SCOPES = (
    "ZohoCRM.modules.ALL",
    "ZohoCRM.settings.ALL",
    "ZohoCRM.org.READ",
    "ZohoCRM.users.READ",
    "ZohoCRM.notifications.ALL",
    "ZohoCRM.coql.READ",
    "ZohoCRM.bulk.READ",
    "ZohoSearch.securesearch.READ",
)
ZSC_GRANT_TYPE = "urn:zbweb:zsc-key"
TOKEN_READ_TIMEOUT = 20.0
_EARLY = 60.0
_LONGEST_LIFE = 3600
_THROTTLE_PAUSE = 60.0
_FORM = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}

_SENTENCES = {
    "invalid_client": "Zoho does not know this client ID in the chosen data centre. Check both.",
    "invalid_client_secret": "The client secret does not belong to this client ID. Check both.",
    "invalid_code": "The code or refresh token is wrong, was used before, or was withdrawn. Make a new one in Zoho.",
    "invalid_redirect_uri": "The redirect address is not the one registered for this client in Zoho's API console.",
}
_UNKNOWN_TOKEN = frozenset({"invalid_token", "invalid_code"})
_WRONG_KEY = "Zoho CRM does not accept this email address and ZSC key together. Check both, or generate a new key."
_NO_KEY_SERVICE = (
    "Zoho CRM itself offers no public sign-in by ZSC key. Connect with OAuth, or let an administrator name a "
    "service that exchanges keys in ZBWEB_CRM_ACCOUNTS_URL."
)


class GrantKind(StrEnum):
    """How access was obtained, and so how it is renewed."""

    ZSC = "zsc"
    OAUTH = "oauth"


@dataclass(frozen=True, slots=True)
class Grant:
    """Access to a CRM organisation and the secrets that renew it. Not stored anywhere by itself.

    `expires_at` is when we stop using the token: a minute before the CRM does.
    """

    kind: GrantKind
    accounts_url: str
    api_url: str
    access_token: str = field(repr=False)
    expires_at: datetime
    email: str = ""
    client_id: str = ""
    client_secret: str = field(default="", repr=False)
    refresh_token: str = field(default="", repr=False)
    zsc_key: str = field(default="", repr=False)


def sign_in_with_zsc(email: str, key: str, *, http: urllib3.PoolManager | None = None) -> Grant:
    """Exchange an administrator's e-mail and ZSC key; raises WrongKey, or why nothing could be asked."""
    if not current().crm_accounts_url:
        raise CredentialsRefused(_NO_KEY_SERVICE)
    form = {"grant_type": ZSC_GRANT_TYPE, "email": email, "zsc_key": key}
    grant = _grant(GrantKind.ZSC, None, form, http)
    return replace(grant, email=email, zsc_key=key)


def sign_in_with_code(
    code: str,
    redirect_uri: str,
    *,
    client_id: str,
    client_secret: str,
    accounts_url: str | None = None,
    http: urllib3.PoolManager | None = None,
) -> Grant:
    """Exchange the code that an authorisation redirect brought (good once, for some minutes)."""
    client = {"client_id": client_id, "client_secret": client_secret}
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri, **client}
    grant = _grant(GrantKind.OAUTH, accounts_url, form, http)
    if not grant.refresh_token:
        raise CredentialsRefused("Zoho gave no refresh token. Connect again and accept offline access.")
    return replace(grant, client_id=client_id, client_secret=client_secret)


def sign_in_with_refresh_token(
    refresh_token: str,
    *,
    client_id: str,
    client_secret: str,
    accounts_url: str | None = None,
    http: urllib3.PoolManager | None = None,
) -> Grant:
    """Exchange the refresh token of a self client."""
    form = _refresh_form(refresh_token, client_id, client_secret)
    grant = _grant(GrantKind.OAUTH, accounts_url, form, http)
    return replace(grant, client_id=client_id, client_secret=client_secret, refresh_token=refresh_token)


def authorize_url(client_id: str, redirect_uri: str, *, state: str, accounts_url: str | None = None) -> str:
    """Where to send the browser so that the person may say yes; `state` comes back unchanged."""
    query = {
        "response_type": "code",
        "client_id": client_id,
        "scope": ",".join(SCOPES),
        "redirect_uri": redirect_uri,
        "access_type": "offline",
        "prompt": "consent",
        "state": state,
    }
    return f"{hosts_of(accounts_url).accounts_url}/oauth/v2/auth?{urlencode(query)}"


def renewed(
    grant: Grant, *, http: urllib3.PoolManager | None = None, read_timeout: float = TOKEN_READ_TIMEOUT
) -> Grant:
    """The same grant with fresh access; for a ZSC key this is the first exchange once more."""
    if grant.zsc_key:
        form = {"grant_type": ZSC_GRANT_TYPE, "email": grant.email, "zsc_key": grant.zsc_key}
    elif grant.refresh_token:
        form = _refresh_form(grant.refresh_token, grant.client_id, grant.client_secret)
    else:
        raise AuthExpired("Access to Zoho CRM has run out or was withdrawn. Connect again.")
    fresh = _grant(grant.kind, grant.accounts_url, form, http, read_timeout)
    return replace(grant, access_token=fresh.access_token, expires_at=fresh.expires_at, api_url=fresh.api_url)


def withdraw(grant: Grant, *, http: urllib3.PoolManager | None = None) -> None:
    """Ask Zoho to forget this grant; what it no longer knows counts as forgotten.

    Raises CrmError when Zoho could not be asked, asks to wait, or refuses.
    """
    hosts = hosts_of(grant.accounts_url)
    form = {"token": grant.refresh_token or grant.access_token}
    answer = _post(f"{hosts.accounts_url}/oauth/v2/token/revoke", form, http)
    reply = _reply(answer)
    if reply.get("status") == "success":
        return
    refusal = refusal_of_token(GrantKind.OAUTH, answer, reply)
    if refusal.code not in _UNKNOWN_TOKEN:
        raise refusal


def _refresh_form(refresh_token: str, client_id: str, client_secret: str) -> dict[str, str]:
    client = {"client_id": client_id, "client_secret": client_secret}
    return {"grant_type": "refresh_token", "refresh_token": refresh_token, **client}


def _grant(
    kind: GrantKind,
    accounts_url: str | None,
    form: Mapping[str, str],
    http: urllib3.PoolManager | None,
    read_timeout: float = TOKEN_READ_TIMEOUT,
) -> Grant:
    hosts = hosts_of(accounts_url)
    outcome = "broken"
    try:
        answer = _post(f"{hosts.accounts_url}/oauth/v2/token", form, http, read_timeout)
        reply = _reply(answer)
        if "access_token" not in reply:
            raise refusal_of_token(kind, answer, reply)
        with parse.reading("the sign-in"):
            grant = _read_grant(kind, hosts, reply)
    except CrmError as error:
        outcome = type(error).__name__
        raise
    else:
        outcome = "accepted"
        return grant
    finally:
        meter.called(f"sign-in {outcome}")


def _post(
    url: str, form: Mapping[str, str], http: urllib3.PoolManager | None, read_timeout: float = TOKEN_READ_TIMEOUT
) -> exchange.Answer:
    timeout = urllib3.Timeout(connect=min(exchange.CONNECT_TIMEOUT, read_timeout), read=read_timeout)
    return exchange.ask(
        http or exchange.pool(), exchange.Question("POST", url, _FORM, urlencode(form).encode()), timeout
    )


def _reply(answer: exchange.Answer) -> Mapping[str, Any]:
    try:
        reply = decode(answer.body)
    except ValueError:
        reply = None
    return reply if isinstance(reply, Mapping) else {}


def _read_grant(kind: GrantKind, hosts: Hosts, reply: Mapping[str, Any]) -> Grant:
    seconds = int(reply.get("expires_in") or _LONGEST_LIFE)
    if "expires_in_sec" in reply:  # the older answer, whose `expires_in` is in milliseconds
        seconds = int(reply["expires_in_sec"])
    seconds = min(seconds, _LONGEST_LIFE)
    return Grant(
        kind=kind,
        accounts_url=hosts.accounts_url,
        api_url=api_url_for(hosts, reply.get("api_domain")),
        access_token=_sendable(reply["access_token"]),
        expires_at=now() + timedelta(seconds=seconds - min(_EARLY, seconds / 10)),
        refresh_token=str(reply.get("refresh_token") or ""),
    )


def _sendable(token: object) -> str:
    """A token goes into a header: visible ASCII and nothing else."""
    if not isinstance(token, str) or not re.fullmatch(r"[!-~]+", token):
        raise ValueError("the access token is none")
    return token


def refusal_of_token(kind: GrantKind, answer: exchange.Answer, reply: Mapping[str, Any]) -> Answered:
    """The error in a token endpoint's answer; its HTTP status is often 200 and says nothing."""
    code = str(reply.get("error") or "")
    said = f"{code} {reply.get('error_description') or ''}".lower()
    if answer.status == 429 or "too many requests" in said or said.startswith(("access denied", "access_denied")):
        pause = retry_after_seconds(answer.headers.get("Retry-After"), at=now()) or _THROTTLE_PAUSE
        sentence = "Zoho asks to wait before signing in again. Try again in a minute."
        return RateLimited(sentence, code=code or None, crm_status=answer.status, retry_after=pause)
    if answer.status >= 500:
        return Unavailable("Zoho's sign-in has trouble of its own. Try again in a moment.", crm_status=answer.status)
    if not code:
        return MalformedAnswer(
            "Zoho's sign-in answered something that cannot be read. Try again.", crm_status=answer.status
        )
    if kind is GrantKind.ZSC:
        return WrongKey(f"{_WRONG_KEY} ({code})", code=code, crm_status=answer.status)
    sentence = _SENTENCES.get(code, "Zoho does not accept these credentials. Check them and connect again.")
    return CredentialsRefused(f"{sentence} ({code})", code=code, crm_status=answer.status)
