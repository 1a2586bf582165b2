"""The accounts server: token exchange and revocation. Its consent page stands in consent.py."""

import sqlite3
from collections.abc import Callable, Mapping

from flask import Blueprint, Response, request

from zbweb.sandbox import oauth
from zbweb.sandbox.api.answers import answer
from zbweb.sandbox.members import member_by_email
from zbweb.sandbox.oauth import Client, Token, TokenError, TokenKind
from zbweb.sandbox.state import current_sandbox

blueprint = Blueprint("tokens", __name__, url_prefix="/oauth/v2")


@blueprint.post("/token")
def exchange() -> Response:
    """Parameters come as a form or in the query. Refusals are HTTP 200 with an `error`, as the CRM does it."""
    sandbox = current_sandbox()
    try:
        with sandbox.store.write() as connection:
            refresh, is_new = _grants(connection)
            now, throttled = sandbox.clock.now(), sandbox.faults.token_throttle
            access = oauth.access(connection, refresh, now=now, is_throttled=throttled)
    except TokenError as error:
        body = {"error": error.error}
        if error.description:
            body |= {"error_description": error.description, "status": "failure"}
        return answer(body)
    return answer(oauth.token_json(access, base_url=sandbox.base_url, refresh=refresh if is_new else None))


@blueprint.post("/token/revoke")
def revoke() -> Response:
    with current_sandbox().store.write() as connection:
        is_revoked = oauth.revoke(connection, request.values.get("token", ""))
    return answer({"status": "success"} if is_revoked else {"status": "failure", "error": "invalid_token"})


def _grants(connection: sqlite3.Connection) -> tuple[Token, bool]:
    """The refresh token behind this request, and whether the caller is to be told it."""
    kind = request.values.get("grant_type", "")
    if kind not in _EXCHANGES:
        raise TokenError("unsupported_grant_type" if kind else "invalid_request")
    return _EXCHANGES[kind](connection)


def _client(connection: sqlite3.Connection) -> Client:
    registered = oauth.client(connection, request.values.get("client_id", ""))
    if registered is None:
        raise TokenError("invalid_client")
    if registered.secret != request.values.get("client_secret", ""):
        raise TokenError("invalid_client_secret")
    return registered


def _by_code(connection: sqlite3.Connection) -> tuple[Token, bool]:
    values, now = request.values, current_sandbox().clock.now()
    redirect_uri = values.get("redirect_uri", "")
    refresh = oauth.spend_grant(
        connection, _client(connection), code=values.get("code", ""), redirect_uri=redirect_uri, now=now
    )
    return _of_active_member(refresh), True


def _by_refresh(connection: sqlite3.Connection) -> tuple[Token, bool]:
    refresh = oauth.find_token(connection, request.values.get("refresh_token", ""), TokenKind.REFRESH)
    is_of_key = refresh is not None and refresh.client_id == oauth.ZSC_CLIENT
    registered = None if is_of_key else _client(connection)
    if refresh is None or (registered is not None and refresh.client_id != registered.client_id):
        raise TokenError("invalid_code")
    return _of_active_member(refresh), False


def _by_zsc_key(connection: sqlite3.Connection) -> tuple[Token, bool]:
    """The extension grant: an administrator's e-mail address and the organisation's service key."""
    member = member_by_email(connection, request.values.get("email", ""))
    is_right = oauth.is_zsc_key(connection, request.values.get("zsc_key", "").strip())
    if not (is_right and member and member.is_active and member.is_admin):
        raise TokenError("invalid_code", "The e-mail address or the ZSC key is not valid.")
    now = current_sandbox().clock.now()
    return oauth.standing_refresh(connection, oauth.ZSC_CLIENT, user_id=member.id, now=now), True


def _of_active_member(refresh: Token) -> Token:
    member = current_sandbox().members.get(refresh.user_id)
    if member is None or not member.is_active:
        raise TokenError("invalid_code")
    return refresh


_EXCHANGES: Mapping[str, Callable[[sqlite3.Connection], tuple[Token, bool]]] = {
    "authorization_code": _by_code,
    "refresh_token": _by_refresh,
    oauth.ZSC_GRANT: _by_zsc_key,
}
