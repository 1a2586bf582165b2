"""The log-in form, and the one that changes a password."""

from flask_wtf import FlaskForm
from wtforms import EmailField, PasswordField
from wtforms.validators import EqualTo, InputRequired


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


class PasswordForm(FlaskForm):  # type: ignore[misc]  # flask-wtf is untyped
    """The password one has, and twice the one that is wanted."""

    present = PasswordField(
        "Present Password", [InputRequired("Enter the password you have.")],
        render_kw={"autocomplete": "current-password"},
    )  # fmt: skip
    wanted = PasswordField(
        "New Password", [InputRequired("Enter a new password.")], render_kw={"autocomplete": "new-password"}
    )
    repeated = PasswordField(
        "New Password Again",
        [
            InputRequired("Enter the new password once more."),
            EqualTo("wanted", "This differs from the new password above."),
        ],
        render_kw={"autocomplete": "new-password"},
    )
