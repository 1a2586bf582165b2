"""The automation's switches: two of them, of which one at most is on."""

from flask_wtf import FlaskForm
from wtforms import BooleanField

from zbweb.sync.core.words import Automation


class AutomationForm(FlaskForm):  # type: ignore[misc]  # flask-wtf is untyped
    """Each switch is one choice; neither is the choice of no automation."""

    invoice = BooleanField("Create an invoice when a potential is won")
    quote = BooleanField(
        "Create a quote when a potential is created; accept it when the potential is won, decline it when it is lost"
    )

    def show(self, chosen: Automation) -> None:
        """Let the switches stand as what was chosen."""
        for choice in (Automation.INVOICE, Automation.QUOTE):
            self[choice.value].data = chosen is choice

    def choice(self, before: Automation) -> Automation | None:
        """What was chosen: turning one on turns the other off. None when both were turned on at once."""
        on = [choice for choice in (Automation.INVOICE, Automation.QUOTE) if self[choice.value].data]
        if len(on) == 2:
            on.remove(before) if before in on else on.clear()
            return on[0] if on else None
        return on[0] if on else Automation.NONE
