"""The form that configures quotes, sales orders or invoices."""

from flask_wtf import FlaskForm
from wtforms import BooleanField, HiddenField, RadioField
from wtforms.validators import InputRequired

from zbweb.sync.core.words import Extent, Winner
from zbweb.sync.documents.setups import Choices
from zbweb.web.crm_words import EXTENTS, WINNERS

_EXTENTS: dict[str, str] = {key: EXTENTS[key] for key in (Extent.PUSH, Extent.BOTH)}
_WINNERS: dict[str, str] = {key: WINNERS[key] for key in (Winner.CRM, Winner.BILLING, Winner.NEWEST)}


class TransactionSetupForm(FlaskForm):  # type: ignore[misc]  # flask-wtf is untyped
    """`version` is the setup's as the page showed it."""

    version = HiddenField()
    enabled = BooleanField("Keep them in Zoho CRM", default=True)
    extent = RadioField(
        "Extent of sync", [InputRequired("Choose how information flows.")],
        coerce=Extent, choices=_EXTENTS, default=Extent.PUSH,
    )  # fmt: skip
    winner = RadioField(
        "When both sides changed the same field", [InputRequired("Choose one.")],
        coerce=Winner, choices=_WINNERS, default=Winner.CRM,
    )  # fmt: skip
    fire_triggers = BooleanField("Let Zoho CRM’s workflows run for documents that Billing sends")
    with_existing = BooleanField("Send documents that exist already")

    def choices(self) -> Choices:
        """What was chosen."""
        typed = self.version.data or ""
        return Choices(
            enabled=self.enabled.data,
            extent=self.extent.data,
            winner=self.winner.data,
            fire_triggers=self.fire_triggers.data,
            with_existing=self.with_existing.data,
            version=int(typed) if typed.isdecimal() else 0,
        )
