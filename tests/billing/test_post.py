"""E-mails: queued, held, sent, refused; a document is sent when the mail server took it."""

import io
import socketserver
import sqlite3
import threading
from contextlib import closing
from dataclasses import replace
from email import message_from_bytes, policy

import pypdf
import pytest
from sqlalchemy import select

from tests.conftest import make_config
from tests.factories.customers import make_customer
from tests.factories.transactions import make_invoice, make_order
from zbweb import config
from zbweb.billing import documents, journal, moves, number_series, numbering, post, transactions
from zbweb.billing.models import EmailMessage, Transaction
from zbweb.billing.status import Status
from zbweb.billing.words import EmailStatus
from zbweb.clock import now
from zbweb.db import db, unit_of_work, work_for
from zbweb.errors import Conflict, Invalid

MESSAGE = post.MessageDraft(("pay@acme.example",), "Your invoice", "Dear all,\n\nhere it is.\n", ("boss@acme.example",))


class MailServer(socketserver.ThreadingTCPServer):
    """As much SMTP as a client needs; `answer` is what it says to the message, and `received` what it took."""

    allow_reuse_address = daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Conversation)
        self.answer, self.recipient_answer, self.received = "250 taken", "250 ok", []
        self.unknown = ""  # an address that it refuses

    @property
    def url(self):
        return f"smtp://127.0.0.1:{self.server_address[1]}"


class _Conversation(socketserver.StreamRequestHandler):
    def handle(self):
        self.say("220 hello")
        for line in self.rfile:
            word = line.split(b":")[0].strip().upper()
            if word == b"DATA":
                self.say("354 go on")
                content = b"".join(iter(self.rfile.readline, b".\r\n"))
                if self.server.answer.startswith("250"):
                    self.server.received.append(message_from_bytes(content, policy=policy.default))
                self.say(self.server.answer)
            elif word == b"RCPT TO":
                is_unknown = self.server.unknown and self.server.unknown.encode() in line
                self.say("550 nobody here" if is_unknown else self.server.recipient_answer)
            elif word == b"QUIT":
                self.say("221 bye")
                return
            else:
                self.say("250 ok")

    def say(self, text):
        self.wfile.write(f"{text}\r\n".encode())


@pytest.fixture
def mail_server():
    with MailServer() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def settings(tmp_path, mail_server):
    return make_config(tmp_path, smtp_url=mail_server.url, mail_from="billing@zylker.example")


@pytest.fixture
def invoice(asha):
    with unit_of_work() as session:
        customer = make_customer(session, display_name="Acme Ltd", email="info@acme.example")
        return make_invoice(session, customer, is_draft=True)


def queue(document, actor, message=MESSAGE):
    with unit_of_work() as session:
        return post.queue(session, document, message, actor=actor)


def test_an_accepted_message_carries_the_pdf_and_marks_the_document_sent(session, asha, invoice, mail_server):
    email = queue(invoice, asha.actor)
    assert (email.status, invoice.status) == ("queued", "draft")
    post.send(email.id)
    session.expire_all()
    assert (email.status, email.attempts, invoice.status, invoice.number) == ("sent", 1, "sent", "INV-000001")
    (received,) = mail_server.received
    assert (received["To"], received["Cc"]) == ("pay@acme.example", "boss@acme.example")
    assert received["Subject"] == "Your invoice"
    assert "here it is" in received.get_body().get_content()
    (attached,) = received.iter_attachments()
    assert attached.get_content().startswith(b"%PDF-")


def test_others_may_write_while_the_pdf_is_printed(asha, invoice, mail_server, monkeypatch, tmp_path):
    def printed(*args, **options):
        with closing(sqlite3.connect(tmp_path / "test.sqlite3", timeout=0)) as other:
            other.execute("BEGIN IMMEDIATE")
        return documents_pdf(*args, **options)

    documents_pdf = documents.pdf
    monkeypatch.setattr(documents, "pdf", printed)
    post.send(queue(invoice, asha.actor).id)
    assert len(mail_server.received) == 1


def test_a_message_whose_document_can_have_no_number_says_why(session, asha, invoice, mail_server):
    with unit_of_work() as unit:
        number_series.locked(unit, "invoices").next_number = numbering.LARGEST + 1
    email = queue(invoice, asha.actor)
    post.send(email.id)
    session.expire_all()
    assert (email.status, invoice.status, mail_server.received) == ("failed", "draft", [])
    assert "The number series INV- has counted to" in email.error


def test_a_queued_message_is_announced_after_the_commit(asha, invoice, monkeypatch):
    announced = []
    monkeypatch.setattr(post, "_announce", [announced.append])  # the composition root's listener needs Redis
    with unit_of_work() as session:
        email = post.queue(session, invoice, MESSAGE, actor=asha.actor)
        assert announced == []
    assert announced == [email.id]


def test_a_message_is_sent_once_however_often_its_job_runs(asha, invoice, mail_server):
    email = queue(invoice, asha.actor)
    for _ in range(3):
        post.send(email.id)
    assert len(mail_server.received) == 1


def test_a_refused_message_fails_and_leaves_the_document_a_draft(session, asha, invoice, mail_server):
    mail_server.answer = "554 no thanks"
    email = queue(invoice, asha.actor)
    post.send(email.id)
    session.expire_all()
    assert (email.status, invoice.status) == ("failed", "draft")
    assert "no thanks" in email.error
    mail_server.answer = "250 taken"
    with unit_of_work() as session:
        post.retry(session, email.id, actor=asha.actor)
    post.send(email.id)
    assert (email.status, invoice.status, email.error) == ("sent", "sent", "")


def test_a_password_is_not_told_to_another_machine_without_encryption(session, asha, invoice, mail_server):
    port = mail_server.server_address[1]
    config.use(replace(config.current(), smtp_url=f"smtp://me:hush@127.1:{port}"))  # loopback by a name we do not know
    email = queue(invoice, asha.actor)
    post.send(email.id)
    session.expire_all()
    assert (email.status, mail_server.received) == ("queued", [])
    assert "offers no encryption" in email.error


def test_a_refused_address_is_named(session, asha, invoice, mail_server):
    mail_server.recipient_answer = "550 nobody here"
    email = queue(invoice, asha.actor)
    post.send(email.id)
    session.expire_all()
    assert email.status == "failed"
    assert "pay@acme.example: 550 nobody here" in email.error


def test_a_passing_failure_waits_for_its_lease_and_gives_up_in_the_end(session, asha, invoice, mail_server):
    mail_server.answer = "451 later"
    email = queue(invoice, asha.actor)
    post.send(email.id)
    session.expire_all()
    assert (email.status, email.attempts, post.due(session)) == ("queued", 1, [])
    for _ in range(post.MAX_ATTEMPTS):
        with unit_of_work() as session:
            email.claimed_at -= post.LEASE * 2
        if email.status == "queued":
            work_for(session, None)
            assert post.due(session) == [email.id]
        post.send(email.id)
        session.expire_all()
    assert (email.status, email.attempts) == ("failed", post.MAX_ATTEMPTS)


def test_without_a_mail_server_a_message_is_held(session, asha, invoice, settings):
    config.use(replace(settings, smtp_url=""))
    email = queue(invoice, asha.actor)
    assert (email.status, post.due(session)) == ("held", [])
    with pytest.raises(Conflict, match="ZBWEB_SMTP_URL"), unit_of_work() as session:
        post.retry(session, email.id, actor=asha.actor)


def test_a_server_out_of_reach_is_no_reason_to_give_up(session, asha, invoice, settings):
    config.use(replace(settings, smtp_url="smtp://127.0.0.1:1"))
    email = queue(invoice, asha.actor)
    post.send(email.id)
    session.expire_all()
    assert email.status == "queued"
    assert "could not be reached" in email.error


def test_sending_a_draft_order_confirms_it_and_a_paid_or_voided_document_keeps_its_status(asha, invoice, mail_server):
    with unit_of_work() as session:
        order = make_order(session, invoice.customer, is_draft=True)
    post.send(queue(order, asha.actor).id)
    assert order.status == "confirmed"
    email = queue(invoice, asha.actor)
    with unit_of_work() as session:
        moves.move(session, invoice, Status.VOID, asha.actor)
    post.send(email.id)
    assert (invoice.status, len(mail_server.received)) == ("void", 1)
    with pytest.raises(Conflict):
        queue(invoice, asha.actor)


@pytest.mark.parametrize(
    ("message", "field"),
    [
        (replace(MESSAGE, recipients=()), "recipients"),
        (replace(MESSAGE, recipients=("nobody",)), "recipients"),
        (replace(MESSAGE, copies=("a@b.example\r\nBcc: x@y.example",)), "copies"),
        (replace(MESSAGE, subject=" \n"), "subject"),
        (replace(MESSAGE, subject="x" * 256), "subject"),
    ],
)
def test_a_message_that_cannot_be_sent_is_refused_at_its_field(asha, invoice, message, field):
    with pytest.raises(Invalid) as refused:
        queue(invoice, asha.actor, message)
    assert list(refused.value.fields) == [field]
    assert db.session().scalar(select(EmailMessage.id)) is None


def test_a_subject_cannot_smuggle_a_header(asha, invoice, mail_server):
    email = queue(invoice, asha.actor, replace(MESSAGE, subject="Hello\r\nBcc: x@y.example"))
    post.send(email.id)
    assert mail_server.received[0]["Bcc"] is None


def test_the_suggestion_writes_to_the_primary_contact_person(session, invoice):
    suggested = post.suggest(session, invoice)
    assert suggested.recipients == ("info@acme.example",)
    assert "Acme Ltd" in suggested.body
    assert suggested.subject == "Invoice from Zylker Ltd"


def test_the_journal_tells_what_was_sent_and_by_whom(session, asha, invoice):
    email = queue(invoice, asha.actor)
    post.send(email.id)
    entries = journal.history(session, "email", email.id)
    assert [(entry.action, entry.actor_name) for entry in entries] == [("sent", "Billing"), ("queued", "Asha Rao")]


# --- what the customer gets -------------------------------------------------------------------------


def text_of(attached):
    content = attached.get_content()
    return "\n".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(content)).pages)


def outbox():
    db.session.rollback()
    return db.session.scalars(select(EmailMessage).execution_options(populate_existing=True)).one()


def the_invoice(invoice):
    db.session.rollback()
    return db.session.get_one(Transaction, invoice.id, populate_existing=True)


def test_a_draft_goes_out_with_its_number_and_not_as_a_draft(session, asha, invoice, mail_server):
    post.send(queue(invoice, asha.actor, post.suggest(session, invoice)).id)
    (received,) = mail_server.received
    (attached,) = received.iter_attachments()
    number = the_invoice(invoice).number
    assert number == "INV-000001"
    assert received["Subject"] == f"Invoice {number} from Zylker Ltd"
    assert f"our invoice {number} attached" in received.get_body().get_content()
    assert attached.get_filename() == f"{number}.pdf"
    assert number in text_of(attached)
    assert "Draft" not in text_of(attached)
    assert received["Date"]


def test_words_that_somebody_wrote_stay_as_they_are(asha, invoice, mail_server):
    post.send(queue(invoice, asha.actor).id)
    assert mail_server.received[0]["Subject"] == "Your invoice"


def test_an_address_that_is_refused_beside_others_is_told_and_the_document_is_sent(asha, invoice, mail_server):
    mail_server.unknown = "boss@"
    post.send(queue(invoice, asha.actor).id)
    email = outbox()
    assert (email.status, "boss@acme.example: 550 nobody here" in email.error) == ("sent", True)
    assert the_invoice(invoice).status == Status.SENT
    assert len(mail_server.received) == 1


def test_a_message_whose_document_was_voided_meanwhile_is_not_sent(asha, invoice, mail_server):
    email_id = queue(invoice, asha.actor).id
    with unit_of_work() as work:
        moves.move(work, work.get_one(Transaction, invoice.id), Status.VOID, asha.actor)
    post.send(email_id)
    assert (outbox().status, mail_server.received) == ("failed", [])
    assert "was voided before" in outbox().error


def test_a_message_whose_draft_was_deleted_meanwhile_fails_and_is_no_longer_due(session, asha, invoice, mail_server):
    email_id = queue(invoice, asha.actor).id
    with unit_of_work() as work:
        transactions.delete(work, work.get_one(Transaction, invoice.id), actor=asha.actor)
    post.send(email_id)
    assert (outbox().status, post.due(session)) == ("failed", [])
    assert "was deleted before" in outbox().error
    with pytest.raises(Conflict, match="deleted"), unit_of_work() as work:
        post.retry(work, email_id, actor=asha.actor)


def test_a_document_that_cannot_be_printed_ends_its_message_after_some_tries(session, asha, invoice, monkeypatch):
    def jam(*_arguments, **_more):
        raise RuntimeError("paper jam")

    monkeypatch.setattr(documents, "pdf", jam)
    email_id = queue(invoice, asha.actor).id
    for attempt in range(post.MAX_ATTEMPTS):
        assert outbox().attempts == attempt
        with pytest.raises(RuntimeError):
            post.send(email_id)
        with unit_of_work() as work:
            work.get_one(EmailMessage, email_id).claimed_at = None
    assert (outbox().status, post.due(session)) == ("failed", [])
    assert the_invoice(invoice).status == Status.DRAFT


def test_a_document_follows_its_message_though_the_worker_died_between(session, asha, invoice, mail_server):
    email = queue(invoice, asha.actor)
    with unit_of_work() as unit:
        sent = unit.get_one(EmailMessage, email.id)
        sent.status, sent.claimed_at = EmailStatus.SENT, now() - post.LEASE * 2
    work_for(session, None)
    assert post.due(session) == [email.id]
    post.send(email.id)
    work_for(session, None)
    assert post.due(session) == []
    session.expire_all()
    assert (invoice.status, mail_server.received) == ("sent", [])
