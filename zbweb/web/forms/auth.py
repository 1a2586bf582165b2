"""The log-in form."""

from flask_wtf import FlaskForm
from wtforms import EmailField, PasswordField
from wtforms.validators import InputRequired


class LoginForm(FlaskForm):  # type: ignore[misc]  # flask-wtf is untyped
    """E-mail and password; a refusal never says which of the two was wrong."""

    email = EmailField("Email", [InputRequired("Enter your e-mail address.")], render_kw={"autocomplete": "username"})
    password = PasswordField(
        "Password", [InputRequired("Enter your password.")], render_kw={"autocomplete": "current-password"}
    )

    def refuse(self) -> None:
        """Say that the pair is wrong, at the field where people look first."""
        if not self.errors:
            self.email.errors = ["E-mail and password do not match. Check both and try again."]
