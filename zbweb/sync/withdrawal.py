"""Access that a later sign-in took the place of: Zoho would honour it for ever, so its refresh token is withdrawn.

Such a token waits in a row of `crm_credentials` that no connection refers to, and none ever will again. The row is the
record of the work; its `updated_at` says since when it has waited. A disabled connection keeps its access, since
enabling it again asks nobody to sign in.
"""

from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial

import structlog
from sqlalchemy import delete, exists, select
from sqlalchemy.orm import Session

from zbweb.clock import now
from zbweb.crm import grants
from zbweb.crm.credentials import CrmCredential, grant_in, save_credential
from zbweb.crm.errors import CredentialsUnreadable, CrmError
from zbweb.crm.grants import Grant, GrantKind
from zbweb.db import after_commit, db, unit_of_work, work_for
from zbweb.sync.models import Connection

log = structlog.get_logger()

GIVE_UP_AFTER = timedelta(days=7)
"""Zoho is asked no more after this long: what is wrong by then does not mend by itself."""
_LEFT_OVER = (CrmCredential.kind == GrantKind.OAUTH) & ~exists().where(Connection.credential_id == CrmCredential.id)
_announce: list[Callable[[int], None]] = []


def on_left_over(listener: Callable[[int], None]) -> None:
    """Have `listener(credential_id)` called after each commit that left a token over."""
    _announce[:] = [listener]


def keep_what_is_replaced(session: Session, credential: CrmCredential | None, successor: Grant) -> None:
    """Put the refresh token that `successor` is about to overwrite into a row of its own, to be withdrawn.

    Nothing is kept where the token stays the same, where there is none of its own (a ZSC key), and where the old
    secrets cannot be read any more: signing in anew is what mends that, so it must not fail by it.
    """
    if credential is None or credential.kind != GrantKind.OAUTH:
        return
    try:
        old = grant_in(credential)
    except CredentialsUnreadable:
        return
    if old.refresh_token and old.refresh_token != successor.refresh_token:
        _tell(session, save_credential(session, old, credential.organisation_id).id)


def leave(session: Session, connection: Connection) -> None:
    """Take the access by OAuth from a connection that another CRM organisation replaces, to be withdrawn."""
    credential = session.get(CrmCredential, connection.credential_id) if connection.credential_id else None
    if credential is None or credential.kind != GrantKind.OAUTH:
        return
    connection.credential_id = None
    credential.updated_at = now()
    _tell(session, credential.id)


def _tell(session: Session, credential_id: int) -> None:
    for listener in _announce:
        after_commit(session, f"left-over-{credential_id}", partial(listener, credential_id))


def waiting(session: Session) -> Sequence[int]:
    """The credentials whose tokens are left over; on an unfenced session."""
    return session.scalars(select(CrmCredential.id).where(_LEFT_OVER).order_by(CrmCredential.id)).all()


def withdraw(credential_id: int) -> None:
    """Withdraw a token that was left over and forget it; a refusal is logged, not raised, and the row stays.

    Zoho is asked outside any unit of work. After a week in vain the row goes all the same.
    """
    work_for(db.session(), None)
    try:
        with unit_of_work() as session:
            grant = _to_withdraw(session, credential_id)
        if grant is None:
            return
        grants.withdraw(grant)
    except CrmError as error:
        _put_off(credential_id, error)
    else:
        with unit_of_work() as session:
            _forget(session, credential_id)


def _to_withdraw(session: Session, credential_id: int) -> Grant | None:
    """The grant, unless its row is gone or its token serves another row as well. Raises CredentialsUnreadable.

    A token belongs to one client. That client's rows are locked, so that of two rows with one token that are looked
    at together the later one finds itself alone. A row that cannot be read may hold the token: then nobody can tell.
    """
    own = session.scalar(select(CrmCredential).where(CrmCredential.id == credential_id, _LEFT_OVER))
    if own is None:
        return None
    of_client = select(CrmCredential).where(
        CrmCredential.kind == GrantKind.OAUTH, CrmCredential.client_id == own.client_id
    )
    locked = of_client.order_by(CrmCredential.id).with_for_update().execution_options(populate_existing=True)
    held = {row.id: grant_in(row) for row in session.scalars(locked)}
    grant = held.pop(credential_id, None)
    if grant is not None and grant.refresh_token in {other.refresh_token for other in held.values()}:
        _forget(session, credential_id)
        return None
    return grant


def _put_off(credential_id: int, error: CrmError) -> None:
    """Leave the row to the schedule, or give it up."""
    with unit_of_work() as session:
        credential = session.get(CrmCredential, credential_id, populate_existing=True)
        if credential is None:
            return
        is_given_up = credential.updated_at < now() - GIVE_UP_AFTER
        if is_given_up:
            _forget(session, credential_id)
    log.warning(
        "withdrawal_given_up" if is_given_up else "token_not_withdrawn",
        credential_id=credential_id,
        organisation_id=credential.organisation_id,
        error=error.message,
    )


def _forget(session: Session, credential_id: int) -> None:
    session.execute(delete(CrmCredential).where(CrmCredential.id == credential_id, _LEFT_OVER))
