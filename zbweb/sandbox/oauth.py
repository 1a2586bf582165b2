"""Tokens: who may call, for how long, and how often new ones are given out.

Kinds: a grant (one use, three minutes) is exchanged for a refresh token (until revoked) and an access token (an
hour). At most ten access tokens in ten minutes and fifteen living ones belong to one refresh token.
"""

import hmac
import secrets
import sqlite3
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from zbweb.sandbox.organisation import read_setting, write_setting

GRANT_SECONDS = 180
ACCESS_SECONDS = 3600
THROTTLE_COUNT, THROTTLE_SECONDS = 10, 600
MOST_ALIVE = 15
ZSC_GRANT = "urn:zbweb:zsc-key"
ZSC_CLIENT = "zsc"
FULL_SCOPE = (
    "ZohoCRM.modules.ALL ZohoCRM.settings.ALL ZohoCRM.org.READ ZohoCRM.users.READ ZohoCRM.coql.READ "
    "ZohoCRM.bulk.ALL ZohoCRM.notifications.ALL ZohoSearch.securesearch.READ"
)


class TokenKind(StrEnum):
    """What a token is good for: to be exchanged once, to be exchanged again and again, or to call the API."""

    GRANT = "grant"
    REFRESH = "refresh"
    ACCESS = "access"


@dataclass(frozen=True, slots=True)
class Client:
    """A registered OAuth client; an empty `redirect_uris` accepts any on loopback or https."""

    client_id: str
    secret: str
    name: str
    redirect_uris: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Token:
    """One token of any kind; `parent` is the refresh token an access token came from."""

    token: str
    kind: TokenKind
    client_id: str
    user_id: int
    scope: str
    created: int
    parent: str | None = None
    redirect_uri: str | None = None
    expires: int | None = None

    def is_alive(self, now: int) -> bool:
        return self.expires is None or self.expires > now


class TokenError(Exception):
    """The token endpoint refuses; `error` is its word on the wire, `description` a sentence if there is one."""

    def __init__(self, error: str, description: str | None = None) -> None:
        super().__init__(error)
        self.error = error
        self.description = description


THROTTLED = "You have made too many requests continuously. Please try again after some time."


def client(connection: sqlite3.Connection, client_id: str) -> Client | None:
    values = (read_setting(connection, "clients") or {}).get(client_id)
    return Client(**{**values, "redirect_uris": tuple(values["redirect_uris"])}) if values else None


def clients(connection: sqlite3.Connection) -> list[Client]:
    """Every registered program."""
    registered = (client(connection, client_id) for client_id in read_setting(connection, "clients") or {})
    return [found for found in registered if found is not None]


def first_refresh_token(connection: sqlite3.Connection, client_id: str) -> str | None:
    """The oldest living refresh token of a program: the one it was registered with."""
    row = connection.execute(
        "SELECT token FROM token WHERE kind = ? AND client_id = ? ORDER BY created, rowid LIMIT 1",
        (TokenKind.REFRESH.value, client_id),
    ).fetchone()
    return None if row is None else str(row["token"])


def save_client(connection: sqlite3.Connection, registered: Client) -> None:
    clients = read_setting(connection, "clients") or {}
    clients[registered.client_id] = {
        "client_id": registered.client_id, "secret": registered.secret, "name": registered.name,
        "redirect_uris": list(registered.redirect_uris),
    }  # fmt: skip
    write_setting(connection, "clients", clients)


def zsc_key(connection: sqlite3.Connection) -> str:
    """The organisation's service key, as its settings page shows it."""
    return str(read_setting(connection, "zsc_key") or "")


def regenerate_zsc_key(connection: sqlite3.Connection, key: str | None = None) -> str:
    """Make a new service key; what the old one opened closes at once."""
    fresh = key or f"ZSC-{secrets.token_hex(12).upper()}"
    write_setting(connection, "zsc_key", fresh)
    connection.execute("DELETE FROM token WHERE client_id = ?", (ZSC_CLIENT,))
    return fresh


def is_zsc_key(connection: sqlite3.Connection, given: str) -> bool:
    return hmac.compare_digest(zsc_key(connection).encode(), given.encode())


def issue(connection: sqlite3.Connection, token: Token) -> Token:
    connection.execute(
        "INSERT OR REPLACE INTO token (token, kind, client_id, user_id, scope, created, parent, redirect_uri, expires)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            token.token, token.kind.value, token.client_id, token.user_id, token.scope, token.created,
            token.parent, token.redirect_uri, token.expires,
        ),
    )  # fmt: skip
    return token


def find_token(connection: sqlite3.Connection, text: str, kind: TokenKind) -> Token | None:
    row = connection.execute(
        "SELECT token, client_id, user_id, scope, created, parent, redirect_uri, expires FROM token"
        " WHERE token = ? AND kind = ?",
        (text, kind.value),
    ).fetchone()
    return None if row is None else Token(kind=kind, **dict(row))


def grant(
    connection: sqlite3.Connection, registered: Client, *, user_id: int, scope: str, redirect_uri: str, now: int
) -> Token:
    """What the consent page sends back: a code for one use within three minutes."""
    token = Token(
        new_text(), TokenKind.GRANT, registered.client_id, user_id, scope, now,
        redirect_uri=redirect_uri, expires=now + GRANT_SECONDS,
    )  # fmt: skip
    return issue(connection, token)


def spend_grant(connection: sqlite3.Connection, registered: Client, *, code: str, redirect_uri: str, now: int) -> Token:
    """Turn a code into a refresh token. Raises TokenError."""
    found = find_token(connection, code, TokenKind.GRANT)
    if found is None or found.client_id != registered.client_id or not found.is_alive(now):
        raise TokenError("invalid_code")
    if found.redirect_uri != redirect_uri:
        raise TokenError("invalid_redirect_uri")
    connection.execute("DELETE FROM token WHERE token = ?", (code,))
    refresh = Token(new_text(), TokenKind.REFRESH, found.client_id, found.user_id, found.scope, now)
    return issue(connection, refresh)


def standing_refresh(connection: sqlite3.Connection, client_id: str, *, user_id: int, now: int) -> Token:
    """The one refresh token behind a service key, so that its access tokens are counted together."""
    row = connection.execute(
        "SELECT token FROM token WHERE kind = ? AND client_id = ? AND user_id = ?",
        (TokenKind.REFRESH.value, client_id, user_id),
    ).fetchone()
    found = find_token(connection, row["token"], TokenKind.REFRESH) if row else None
    return found or issue(connection, Token(new_text(), TokenKind.REFRESH, client_id, user_id, FULL_SCOPE, now))


def access(connection: sqlite3.Connection, refresh: Token, *, now: int, is_throttled: bool) -> Token:
    """A fresh access token. Raises TokenError when too many were asked for; the oldest beyond fifteen dies."""
    made = connection.execute(
        "SELECT token, created, expires FROM token WHERE parent = ? ORDER BY created, rowid", (refresh.token,)
    ).fetchall()
    recent = [row for row in made if row["created"] > now - THROTTLE_SECONDS]
    alive = [row for row in made if row["expires"] > now]
    if is_throttled and len(recent) >= THROTTLE_COUNT:
        raise TokenError("Access Denied", THROTTLED)
    surplus = alive[: max(0, len(alive) - MOST_ALIVE + 1)]
    connection.executemany("UPDATE token SET expires = ? WHERE token = ?", [(now, row["token"]) for row in surplus])
    fresh = Token(
        new_text(), TokenKind.ACCESS, refresh.client_id, refresh.user_id, refresh.scope, now,
        parent=refresh.token, expires=now + ACCESS_SECONDS,
    )  # fmt: skip
    return issue(connection, fresh)


def revoke(connection: sqlite3.Connection, text: str) -> bool:
    """Kill a refresh token with all its access tokens, or one access token; False when there is none."""
    gone = connection.execute(
        "DELETE FROM token WHERE (token = ? OR parent = ?) AND kind != ?", (text, text, TokenKind.GRANT.value)
    )
    return gone.rowcount > 0


def expire_access_tokens(connection: sqlite3.Connection, *, now: int) -> None:
    connection.execute(
        "UPDATE token SET expires = ? WHERE kind = ? AND expires > ?", (now, TokenKind.ACCESS.value, now)
    )


def new_text() -> str:
    """The CRM's tokens look like this: a zone number and two long hexadecimal words."""
    return f"1000.{secrets.token_hex(16)}.{secrets.token_hex(16)}"


def covers(granted: str, needed: str) -> bool:
    """Whether the granted scopes include one of the needed alternatives (`Service.area.OPERATION`).

    `ZohoCRM.modules.accounts.READ` is covered by itself, by `….accounts.ALL`, by `ZohoCRM.modules.READ` and by
    `ZohoCRM.modules.ALL`; case does not matter.
    """
    have = set(granted.casefold().replace("_", "").replace(",", " ").split())
    *areas, operation = needed.casefold().replace("_", "").split(".")
    prefixes = [".".join(areas[:length]) for length in range(2, len(areas) + 1)]
    writes = ("create", "update", "delete")
    words = {operation, "all"} | ({"write"} if operation in writes else set())
    return any(f"{prefix}.{word}" in have for prefix in prefixes for word in words)


def token_json(token: Token, *, base_url: str, refresh: Token | None = None) -> dict[str, Any]:
    """The token endpoint's answer; `refresh` is named only when it is new."""
    answer = {
        "access_token": token.token,
        "scope": token.scope,
        "api_domain": base_url,
        "token_type": "Bearer",
        "expires_in": ACCESS_SECONDS,
    }
    return answer if refresh is None else {**answer, "refresh_token": refresh.token}
