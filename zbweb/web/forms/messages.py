"""The form of an e-mail about a document."""

import re

from flask_wtf import FlaskForm
from wtforms import StringField, TextAreaField
from wtforms.validators import InputRequired, Length

from zbweb.billing.post import MessageDraft


class MessageForm(FlaskForm):  # type: ignore[misc]  # flask-wtf is untyped
    """Addresses are separated by commas; the services judge them."""

    recipients = StringField("To", [InputRequired("Give at least one address.")])
    copies = StringField("Cc")
    subject = StringField("Subject", [InputRequired("Give a subject."), Length(max=255)])
    body = TextAreaField("Message")

    def draft(self) -> MessageDraft:
        """What was typed."""
        return MessageDraft(
            recipients=_split(self.recipients.data or ""),
            copies=_split(self.copies.data or ""),
            subject=self.subject.data or "",
            body=self.body.data or "",
        )


def typed_values(message: MessageDraft) -> dict[str, str]:
    """What a form for this message starts with."""
    return {
        "recipients": ", ".join(message.recipients), "copies": ", ".join(message.copies),
        "subject": message.subject, "body": message.body,
    }  # fmt: skip


def _split(typed: str) -> tuple[str, ...]:
    return tuple(filter(None, re.split(r"[,;\s]+", typed)))
