"""E-mails about documents: a row first, then a job that sends it with the PDF attached.

A document takes its number when its message is about to go, and becomes "sent" only when the mail server has accepted
it. That it did is written down before the document moves, so that no lost race sends it twice; the claim stays until
the document has moved as well. Without a mail server the message is HELD, to be read in the outbox. A worker claims a
row for a lease; a failure that may pass leaves it queued until the lease ends, and the schedule tries again (`due`).
"""

import datetime
from collections.abc import Callable
from dataclasses import dataclass
from email.message import EmailMessage as MimeMessage
from email.utils import format_datetime
from functools import partial

from email_validator import EmailNotValidError, validate_email
from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from zbweb import config
from zbweb.billing import books, documents, journal, mailer, moves, standing, status
from zbweb.billing.changes import ensure_fits
from zbweb.billing.journal import SYSTEM, Actor
from zbweb.billing.models import EmailMessage, Transaction
from zbweb.billing.status import Status
from zbweb.billing.words import EmailStatus, Kind
from zbweb.clock import now
from zbweb.db import after_commit, db, organisation_of, unit_of_work, work_for
from zbweb.errors import Conflict, Invalid, NotFound

LEASE = datetime.timedelta(minutes=5)
"""How long a worker that took a message up is believed to be alive, and how long a retry waits."""
MAX_ATTEMPTS = 5
_FOLLOWED_UP = datetime.timedelta(days=1)
"""For so long the schedule sees to documents that have not moved though their message was sent."""
_MAX_RECIPIENTS = 20
_announce: list[Callable[[int], None]] = []
_DELETED = "The document was deleted before the message could be sent."
_VOIDED = "The document was voided before the message could be sent."
_UNREADY = "The message could not be made ready. It is tried again; if it does not help, tell your admin."


@dataclass(frozen=True, slots=True)
class MessageDraft:
    """A message as typed, in plain text."""

    recipients: tuple[str, ...]
    subject: str
    body: str
    copies: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Outgoing:
    """A claimed message and its document, which has its number."""

    id: int
    organisation_id: int
    transaction_id: int
    attempts: int


def on_queued(listener: Callable[[int], None]) -> None:
    """Have `listener(email_id)` called after each commit that queued a message."""
    _announce[:] = [listener]


def suggest(session: Session, transaction: Transaction) -> MessageDraft:
    """The message one would write: to the customer's primary contact person, else to the customer."""
    customer, own = transaction.customer, books.own(session)
    primary = next((person.email for person in customer.contact_persons if person.primary and person.email), "")
    address = primary or customer.email
    what = f"{Kind(transaction.kind).singular} {transaction.number or ''}".strip()
    body = f"Dear {customer.display_name},\n\nplease find our {what.lower()} attached.\n\nKind regards\n{own.name}\n"
    if transaction.number:
        body = body.replace(what.lower(), f"{Kind(transaction.kind).noun} {transaction.number}")
    return MessageDraft((address,) if address else (), f"{what} from {own.name}", body)


def queue(session: Session, transaction: Transaction, message: MessageDraft, *, actor: Actor) -> EmailMessage:
    """Put a message into the outbox, to be sent after the commit; Invalid by field, Conflict for a void document."""
    if transaction.status == Status.VOID:
        raise Conflict("A void document is not sent.")
    subject = " ".join(message.subject.split())
    recipients, copies = _addresses(message.recipients, "recipients"), _addresses(message.copies, "copies")
    if not recipients or not subject:
        name, sentence = ("subject", "Give a subject.") if recipients else ("recipients", "Give at least one address.")
        raise Invalid(sentence, {name: sentence})
    ensure_fits(EmailMessage, {"subject": subject})
    email = EmailMessage(
        organisation_id=organisation_of(session),
        transaction_id=transaction.id,
        recipients=", ".join(recipients),
        copies=", ".join(copies),
        subject=subject,
        body=message.body,
        status=EmailStatus.QUEUED if config.current().smtp_url else EmailStatus.HELD,
    )
    session.add(email)
    session.flush()  # the job needs the message's id
    changes = {"recipients": (None, email.recipients), "subject": (None, subject)}
    journal.record(session, "email", email.id, action=email.status, actor=actor, changes=changes)
    _send_soon(session, email)
    return email


def retry(session: Session, email_id: int, *, actor: Actor) -> EmailMessage:
    """Try a failed or held message again; Conflict if it was sent or there is still no mail server."""
    email = session.scalar(select(EmailMessage).where(EmailMessage.id == email_id).with_for_update())
    if email is None:
        raise NotFound("There is no such message.")
    if email.status not in {EmailStatus.FAILED, EmailStatus.HELD}:
        raise Conflict(f"This message is {email.status}; there is nothing to try again.")
    if email.transaction_id is None:
        raise Conflict(_DELETED)
    if not config.current().smtp_url:
        raise Conflict("There is no mail server yet. Set ZBWEB_SMTP_URL, then try again.")
    email.status, email.attempts, email.claimed_at, email.error = EmailStatus.QUEUED, 0, None, ""
    journal.record(session, "email", email.id, action="retried", actor=actor)
    _send_soon(session, email)
    return email


def due(session: Session) -> list[int]:
    """Messages of every organisation that wait for a worker; for the schedule, on an unfenced session.

    They wait to be sent, or their documents wait to follow a message whose worker died once it was sent.
    """
    is_followed_up = (EmailMessage.status == EmailStatus.SENT) & (EmailMessage.claimed_at > now() - _FOLLOWED_UP)
    is_open = (EmailMessage.status == EmailStatus.QUEUED) | is_followed_up
    statement = select(EmailMessage.id).where(is_open, _is_free()).order_by(EmailMessage.id)
    return list(session.scalars(statement.limit(500).execution_options(unfenced=True)))


def send(email_id: int) -> None:
    """Send one message if nobody else does: claim it, talk to the mail server outside any unit of work, record."""
    outgoing = _claim(email_id)
    if outgoing is None or _is_accepted(outgoing):
        _follow(email_id)


def _is_accepted(outgoing: _Outgoing) -> bool:
    """Hand a message to the mail server and record what it said."""
    is_last = outgoing.attempts >= MAX_ATTEMPTS
    try:
        unreached = mailer.transmit(_mime(outgoing), config.current().smtp_url)
    except mailer.Refused as error:
        _record_failure(outgoing, error.message, is_final=is_last or not error.is_passing)
        return False
    except Exception:
        _record_failure(outgoing, _UNREADY, is_final=is_last)
        raise
    _record_acceptance(outgoing, unreached)
    return True


def _claim(email_id: int) -> _Outgoing | None:
    """Take a message up; its document is held first, as by whoever deletes the document."""
    with unit_of_work() as session:
        work_for(session, None)
        waiting = session.get(EmailMessage, email_id, populate_existing=True)
        if waiting is None or waiting.status != EmailStatus.QUEUED:
            return None
        work_for(session, waiting.organisation_id)
        transaction = _document_of(session, waiting)
        email = session.scalar(
            select(EmailMessage)
            .where(EmailMessage.id == email_id, EmailMessage.status == EmailStatus.QUEUED, _is_free())
            .with_for_update(skip_locked=True)
            .execution_options(populate_existing=True)
        )
        if email is None:
            return None
        if transaction is None or transaction.status == Status.VOID:
            _fail(session, email, _VOIDED if transaction else _DELETED)
            return None
        if transaction.status == Status.DRAFT:
            try:
                _number(session, email, transaction)
            except Conflict as refusal:
                _fail(session, email, refusal.message)
                return None
        email.claimed_at = now()
        email.attempts += 1
        return _Outgoing(email.id, email.organisation_id, transaction.id, email.attempts)


def _document_of(session: Session, email: EmailMessage) -> Transaction | None:
    """The message's document, locked; None when it was deleted."""
    try:
        return standing.lock(session, email.transaction_id) if email.transaction_id else None
    except NotFound:
        return None


def _number(session: Session, email: EmailMessage, transaction: Transaction) -> None:
    """Who gets a document gets it with its number, and in the suggested words, too, where nobody changed them."""
    before, bare = transaction.number, suggest(session, transaction)
    standing.take_number(session, transaction)
    told = suggest(session, transaction)
    if email.subject == bare.subject:
        email.subject = told.subject
    if email.body.split() == bare.body.split():
        email.body = told.body
    if transaction.number != before:
        changes = {"number": (before, transaction.number)}
        journal.record(session, standing.ENTITY, transaction.id, action="numbered", actor=SYSTEM, changes=changes)


def _record_acceptance(outgoing: _Outgoing, unreached: str) -> None:
    """On its own, so that whatever becomes of the document, nobody gets the message twice."""
    with unit_of_work() as session:
        work_for(session, outgoing.organisation_id)
        email = session.get_one(EmailMessage, outgoing.id)
        email.status, email.sent_at, email.error = EmailStatus.SENT, now(), unreached
        journal.record(session, "email", email.id, action="sent", actor=SYSTEM)


def _follow(email_id: int) -> None:
    """Move the draft of a message that was sent, and let go of the claim: doing it twice does no harm."""
    with unit_of_work() as session:
        work_for(session, None)
        email = session.get(EmailMessage, email_id, populate_existing=True)
        if email is None or email.status != EmailStatus.SENT or email.claimed_at is None:
            return
        work_for(session, email.organisation_id)
        transaction = _document_of(session, email)
        if transaction is not None and transaction.status == Status.DRAFT:
            moves.move(session, transaction, status.FIRST_STEP[Kind(transaction.kind)], SYSTEM)
        email.claimed_at = None


def _record_failure(outgoing: _Outgoing, words: str, *, is_final: bool) -> None:
    with unit_of_work() as session:
        work_for(session, outgoing.organisation_id)
        email = session.get_one(EmailMessage, outgoing.id)
        email.error = words
        if is_final:
            _fail(session, email, words)


def _fail(session: Session, email: EmailMessage, words: str) -> None:
    email.status, email.error = EmailStatus.FAILED, words
    journal.record(session, "email", email.id, action="failed", actor=SYSTEM, changes={"error": (None, words)})


def _mime(outgoing: _Outgoing) -> MimeMessage:
    """The message with its document as PDF; read outside any unit of work, which on SQLite keeps every other writer
    waiting, while printing takes its time."""
    session = db.session()
    work_for(session, outgoing.organisation_id)
    email, own = session.get_one(EmailMessage, outgoing.id), books.own(session)
    transaction = session.get_one(Transaction, outgoing.transaction_id)
    message = MimeMessage()
    message["From"] = config.current().mail_from
    if own.email:
        message["Reply-To"] = own.email
    message["To"] = email.recipients
    if email.copies:
        message["Cc"] = email.copies
    message["Subject"] = email.subject
    message["Date"] = format_datetime(now())
    message["Message-ID"] = f"<{email.organisation_id}.{email.id}@zbweb>"
    message.set_content(email.body)
    attachment, name = documents.pdf(session, transaction, is_issued=True), documents.filename(transaction)
    session.rollback()  # nothing is held while the mail server is talked to
    message.add_attachment(attachment, maintype="application", subtype="pdf", filename=name)
    return message


def _send_soon(session: Session, email: EmailMessage) -> None:
    if email.status == EmailStatus.QUEUED:
        for listener in _announce:
            after_commit(session, f"email-{email.id}", partial(listener, email.id))


def _is_free() -> ColumnElement[bool]:
    return or_(EmailMessage.claimed_at.is_(None), EmailMessage.claimed_at < now() - LEASE)


def _addresses(typed: tuple[str, ...], field: str) -> list[str]:
    found = []
    for address in (each.strip() for each in typed if each.strip()):
        try:
            found.append(validate_email(address, check_deliverability=False).normalized)
        except EmailNotValidError:
            sentence = f"{address} is not an e-mail address."
            raise Invalid(sentence, {field: sentence}) from None
    if len(found) > _MAX_RECIPIENTS:
        sentence = f"Give at most {_MAX_RECIPIENTS} addresses."
        raise Invalid(sentence, {field: sentence})
    return list(dict.fromkeys(found))
