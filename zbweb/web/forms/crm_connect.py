"""The forms that connect Zoho CRM. Keys and secrets are never put back into a page."""

from typing import Any

from flask_wtf import FlaskForm
from wtforms import EmailField, PasswordField, SelectField, StringField
from wtforms.validators import Email, InputRequired, ValidationError

from zbweb.crm.datacentres import DATA_CENTRES, accounts_url_of

_NO_AUTOFILL = {"autocomplete": "off", "spellcheck": "false"}
_SECRET = {"autocomplete": "new-password", "spellcheck": "false", "maxlength": 500}


def _stripped(text: str | None) -> str:
    """What was typed or pasted, without the space around it."""
    return (text or "").strip()


class KeyForm(FlaskForm):  # type: ignore[misc]  # flask-wtf is untyped
    """E-mail address and ZSC key."""

    email = EmailField(
        "Email Address",
        [InputRequired("Enter the email address of a Zoho CRM user."), Email("This is not an email address.")],
        [_stripped],
        render_kw={"autocomplete": "off", "maxlength": 255},
    )
    zsc_key = PasswordField(
        "Zoho CRM ZSC Key",
        [InputRequired("Enter the ZSC key that your Zoho CRM account shows.")],
        [_stripped],
        render_kw=_SECRET,
    )


class OAuthForm(FlaskForm):  # type: ignore[misc]
    """A client of Zoho's API console; with a refresh token it needs no consent page."""

    data_centre = SelectField("Data Centre", choices={centre.code: centre.label for centre in DATA_CENTRES})
    client_id = StringField("Client ID", [InputRequired("Enter the client ID.")], [_stripped], render_kw=_NO_AUTOFILL)
    client_secret = PasswordField(
        "Client Secret", [InputRequired("Enter the client secret.")], [_stripped], render_kw=_SECRET
    )
    refresh_token = PasswordField("Refresh Token", filters=[_stripped], render_kw=_SECRET)

    def __init__(self, *args: Any, self_client: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.self_client = self_client

    def validate_refresh_token(self, field: PasswordField) -> None:
        """A self client has no consent page to bring a token, so it has to be entered."""
        if self.self_client and not field.data:
            raise ValidationError("Enter the refresh token of the self client, or choose Continue to Zoho CRM.")

    @property
    def accounts_url(self) -> str:
        """The accounts host of the chosen data centre."""
        return accounts_url_of(self.data_centre.data)
