"""E-mails about documents: writing one, and the outbox with what was sent, what waits and what is held."""

from flask import Blueprint, flash, render_template, request, url_for
from flask.typing import ResponseReturnValue

from zbweb.billing import documents, post, transactions
from zbweb.billing.queries import emails
from zbweb.billing.words import EmailStatus, Kind
from zbweb.db import db, unit_of_work
from zbweb.web import access, htmx
from zbweb.web.forms.attempt import attempt
from zbweb.web.forms.messages import MessageForm, typed_values
from zbweb.web.kinds import PAGES, PATH, speak_kinds
from zbweb.web.listing import window

bp = Blueprint("outbox", __name__)
speak_kinds(bp)

_SAID = {
    EmailStatus.QUEUED: ("The message is on its way to {to}. Once it is accepted, this counts as sent.", "success"),
    EmailStatus.HELD: ("There is no mail server, so the message to {to} is held in the outbox, not sent.", "warning"),
}  # fmt: skip


@bp.get("/outbox")
@access.allow()
def index() -> ResponseReturnValue:
    """Every message, newest first."""
    status = request.args.get("status", "")
    found = emails.page(db.session(), status if status in set(EmailStatus) else "", window())
    return htmx.page_or_block(
        "outbox/index.html", "rows", found=found, chosen=status, statuses=list(EmailStatus), nav_active="outbox"
    )


@bp.get("/outbox/<int:email_id>")
@access.allow()
def show(email_id: int) -> ResponseReturnValue:
    """One message as it was, or would be, sent."""
    email, document = emails.detail(db.session(), email_id)
    return htmx.page_or_block(
        "outbox/show.html", "panel", email=email, document=document, filename=documents.filename, nav_active="outbox"
    )


@bp.post("/outbox/<int:email_id>/retry")
@access.allow()
def retry(email_id: int) -> ResponseReturnValue:
    """Try a held or failed message again."""
    with unit_of_work() as session:
        post.retry(session, email_id, actor=access.person().actor)
    flash("The message is on its way again.", "success")
    return htmx.redirect(url_for("outbox.index"))


@bp.route(f"{PATH}/<int:transaction_id>/send", methods=["GET", "POST"])
@access.allow()
def send(kind: Kind, transaction_id: int) -> ResponseReturnValue:
    """Write the e-mail that brings a document to its customer, with the PDF attached."""
    session, actor = db.session(), access.person().actor
    document = transactions.get(session, kind, transaction_id)
    form = MessageForm(data=typed_values(post.suggest(session, document)))
    here = {"form": form, "page": PAGES[kind], "document": document, "filename": documents.filename(document)}
    if request.method == "GET":
        return render_template("outbox/send.html", **here)
    sent = attempt(form, lambda unit: post.queue(unit, document, form.draft(), actor=actor))
    if sent.value is None:
        return htmx.page("outbox/send.html", status=sent.status, **here)
    sentence, tone = _SAID[EmailStatus(sent.value.status)]
    flash(sentence.format(to=sent.value.recipients), tone)
    return htmx.redirect(url_for("transactions.show", kind=kind, transaction_id=transaction_id))
