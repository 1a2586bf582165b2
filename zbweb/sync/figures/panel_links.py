"""The billing panel's address: signed for one connection, so that the CRM can show it without anybody signing in.

Whoever has the address may read a customer's figures and nothing else. It is worth nothing once the connection is
disabled or replaced.
"""

from urllib.parse import urlsplit

from itsdangerous import BadSignature, Signer
from sqlalchemy import select
from sqlalchemy.orm import Session

from zbweb import config
from zbweb.crm.credentials import CrmCredential
from zbweb.sync.core.words import Entity, LinkReason, LinkState
from zbweb.sync.models import Connection, Link

_SALT = "billing panel"
_PLACE = "{account_id}"


def address(connection: Connection) -> str:
    """The address to give to the CRM, which puts an account's id where it says so."""
    token = _signer(connection).sign(str(connection.id)).decode()
    return f"{config.current().public_url}/panel/{token}?account={_PLACE}"


def connection_of(session: Session, token: str) -> Connection | None:
    """The live connection that a token was signed for; the session is fenced to none."""
    number = token.split(".", maxsplit=1)[0]
    connection = session.get(Connection, int(number)) if number.isdecimal() and len(number) < 19 else None
    if connection is None or not connection.is_live:
        return None
    try:
        _signer(connection).unsign(token)
    except BadSignature:
        return None
    return connection


def _signer(connection: Connection) -> Signer:
    """Each connection has a secret of its own, which goes with it."""
    return Signer(config.current().secret_key + connection.hook_token, salt=_SALT)


def customer_of(session: Session, connection: Connection, crm_id: str) -> int | None:
    """The customer that an account, or a contact, is linked with, were it only by a merge here."""
    statement = select(Link.entity_id).where(
        Link.connection_id == connection.id, Link.entity == Entity.CUSTOMER,
        Link.crm_id == crm_id, (Link.state == LinkState.ACTIVE) | (Link.reason == LinkReason.MERGED_HERE),
    ).order_by((Link.state == LinkState.ACTIVE).desc())  # fmt: skip
    return session.scalar(statement)


def frame_origins(session: Session, connection: Connection) -> tuple[str, ...]:
    """Where the CRM's own pages live: only they may show the panel."""
    credential = session.get(CrmCredential, connection.credential_id) if connection.credential_id else None
    if credential is None:
        return ()
    if override := config.current().crm_api_url:
        return (_origin(override),)
    return (_origin(credential.accounts_url).replace("//accounts.", "//crm."),)


def _origin(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"
