"""How one document stands with the CRM, for its page: there, waiting, failed and why; and sending it again."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from zbweb.billing.journal import put_in_outbox
from zbweb.billing.models import OutboxRow, Transaction
from zbweb.billing.status import Status
from zbweb.sync import connection as connections
from zbweb.sync import history, runs
from zbweb.sync.core.document_words import UNSENT
from zbweb.sync.core.reasons import HOLDS
from zbweb.sync.core.words import Entity, LinkReason, LinkState
from zbweb.sync.models import Connection, Link


class State(StrEnum):
    """What the page shows; NOTHING: nobody wants documents of this kind synced. UNSET: nobody has said yet."""

    NOTHING = "nothing"
    UNSET = "unset"
    THERE = "there"
    WAITING = "waiting"
    HELD = "held"
    FAILED = "failed"
    DRAFT = "draft"
    ABSENT = "absent"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Standing:
    """A document's state; `words` say why it failed or is held, `until` is the next attempt."""

    state: State
    words: str = ""
    until: datetime | None = None
    link: Link | None = None


def standing(session: Session, transaction: Transaction) -> Standing:
    """How the document stands now."""
    connection = connections.active(session)
    setup = runs.setup_of(session, connection.id, transaction.kind) if connection is not None else None
    link = _link(session, connection, transaction) if connection is not None else None
    is_sent = setup is not None and setup.is_saved and setup.enabled
    if connection is None or (not is_sent and link is None):
        is_open = connection is not None and connection.is_live and (setup is None or not setup.is_saved)
        return Standing(State.UNSET if is_open else State.NOTHING)
    row = session.scalar(
        select(OutboxRow).where(OutboxRow.entity == Entity.TRANSACTION, OutboxRow.entity_id == transaction.id)
    )
    if row is not None and is_sent and not _stays(transaction, link):
        return _waiting(connection, row, link)
    if link is not None and link.state == LinkState.ACTIVE:
        return Standing(State.THERE, link=link)
    if link is not None and link.reason == LinkReason.DELETED_IN_CRM:
        return Standing(State.GONE, link=link)
    return Standing(State.DRAFT if transaction.status == Status.DRAFT else State.ABSENT)


def _stays(transaction: Transaction, link: Link | None) -> bool:
    """Whether the document is not to be sent although it waits: see delivery."""
    if link is None:
        return transaction.status in UNSENT
    return link.state != LinkState.ACTIVE and link.reason == LinkReason.DELETED_IN_CRM


def _waiting(connection: Connection, row: OutboxRow, link: Link | None) -> Standing:
    if not connection.is_live:
        return Standing(State.HELD, "The integration is disabled.", link=link)
    if connection.is_paused:
        return Standing(State.HELD, "The sync is paused.", link=link)
    if row.error_code in HOLDS:
        return Standing(State.HELD, row.error_message, link=link)
    if row.error_code:
        words = row.error_message or history.sentence(row.error_code)
        return Standing(State.FAILED, words, row.not_before, link)
    return Standing(State.WAITING, link=link)


def _link(session: Session, connection: Connection, transaction: Transaction) -> Link | None:
    """The document's pair, or else the last one it had."""
    statement = (
        select(Link)
        .where(
            Link.connection_id == connection.id,
            Link.entity == Entity.TRANSACTION,
            Link.entity_id == transaction.id,
        )
        .order_by((Link.state == LinkState.ACTIVE).desc(), Link.id.desc())
        .limit(1)
    )
    return session.scalar(statement)


def send_again(session: Session, transaction: Transaction) -> None:
    """Have a document tried at once, also one that somebody deleted in the CRM."""
    gone = select(Link).where(
        Link.entity == Entity.TRANSACTION, Link.entity_id == transaction.id,
        Link.state == LinkState.ARCHIVED, Link.reason == LinkReason.DELETED_IN_CRM,
    )  # fmt: skip
    for link in session.scalars(gone):
        link.reason = LinkReason.SENT_AGAIN
    put_in_outbox(session, Entity.TRANSACTION, [transaction.id])
