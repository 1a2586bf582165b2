"""A grant kept for later: encrypted in one row, shared by every process that works for the connection."""

import json
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Mapped, Session, mapped_column

from zbweb.clock import now
from zbweb.crm.cipher import reseal, seal, unseal
from zbweb.crm.grants import Grant, GrantKind
from zbweb.db import Base, Code, LongText, Name, OrganisationOwned, PrimaryKey, UtcTime

_SECRETS = ("client_secret", "refresh_token", "zsc_key")


class CrmCredential(OrganisationOwned, Base):
    """What opens the CRM's door. `refused_reason` is set while the CRM does not accept it.

    `access_version` counts the access tokens this row has held, `refreshing_until` is the lease of the
    one process that is fetching the next, `refreshed_at` lists recent renewals (epoch seconds) and
    `refresh_not_before` is when the CRM lets us ask again.
    """

    __tablename__ = "crm_credentials"

    id: Mapped[PrimaryKey]
    kind: Mapped[Code]
    email: Mapped[Name] = mapped_column(default="")
    accounts_url: Mapped[Name]
    api_url: Mapped[Name]
    client_id: Mapped[Name] = mapped_column(default="")
    sealed_secrets: Mapped[LongText]
    sealed_access_token: Mapped[LongText]
    expires_at: Mapped[UtcTime]
    access_version: Mapped[int] = mapped_column(default=1)
    refreshing_until: Mapped[UtcTime | None]
    refresh_not_before: Mapped[UtcTime | None]
    refreshed_at: Mapped[LongText] = mapped_column(default="[]")
    refused_reason: Mapped[LongText] = mapped_column(default="")
    created_at: Mapped[UtcTime] = mapped_column(default=now)
    updated_at: Mapped[UtcTime] = mapped_column(default=now)


def save_credential(
    session: Session, grant: Grant, organisation_id: int, *, replaces: CrmCredential | None = None
) -> CrmCredential:
    """Keep a grant that was tried; `replaces` puts it in an existing row, whose id others hold."""
    credential = replaces or CrmCredential(organisation_id=organisation_id, access_version=0)
    credential.kind = grant.kind
    credential.email = grant.email
    credential.client_id = grant.client_id
    credential.accounts_url = grant.accounts_url
    credential.sealed_secrets = sealed_secrets(grant)
    for column, value in access_columns(grant).items():
        setattr(credential, column, value)
    credential.access_version += 1
    credential.refreshed_at = "[]"
    credential.refresh_not_before = None
    credential.refused_reason = ""
    session.add(credential)
    session.flush()  # for the id that the connection stores
    return credential


def reseal_all(session: Session) -> int:
    """Encrypt every stored credential with the newest key; returns how many. Raises CredentialsUnreadable."""
    credentials = session.scalars(
        select(CrmCredential).with_for_update().execution_options(populate_existing=True)
    ).all()
    for credential in credentials:
        credential.sealed_secrets = reseal(credential.sealed_secrets)
        credential.sealed_access_token = reseal(credential.sealed_access_token)
    return len(credentials)


def sealed_secrets(grant: Grant) -> str:
    """The secrets that renew `grant`, encrypted."""
    return seal(json.dumps({name: getattr(grant, name) for name in _SECRETS}))


def access_columns(grant: Grant) -> dict[str, Any]:
    """The columns that a fresh access token changes."""
    return {
        "sealed_access_token": seal(grant.access_token),
        "expires_at": grant.expires_at,
        "api_url": grant.api_url,
        "refreshing_until": None,
        "updated_at": now(),
    }


def grant_in(row: Any) -> Grant:
    """The grant in a row of `crm_credentials` (the model's instance or a plain row)."""
    secrets: dict[str, str] = json.loads(unseal(row.sealed_secrets))
    expires_at: datetime = row.expires_at
    return Grant(
        kind=GrantKind(row.kind),
        accounts_url=row.accounts_url,
        api_url=row.api_url,
        access_token=unseal(row.sealed_access_token),
        expires_at=expires_at,
        email=row.email,
        client_id=row.client_id,
        client_secret=secrets.get("client_secret", ""),
        refresh_token=secrets.get("refresh_token", ""),
        zsc_key=secrets.get("zsc_key", ""),
    )
