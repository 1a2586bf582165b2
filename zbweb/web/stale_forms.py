"""A form that was sent from a page older than the log-in, or of another organisation than the one worked in now.

Nothing of it is saved. What was typed is kept on the answer, to be sent again by the person's own click; it goes
nowhere else. Only a form that came from a page of ours is kept, so that nobody is led to send what another site wrote.
"""

from urllib.parse import urlsplit

from flask import current_app, render_template, request
from flask import session as cookie
from flask.typing import ResponseReturnValue
from itsdangerous import BadData, URLSafeTimedSerializer

from zbweb.web import access

TOKEN = "csrf_token"  # noqa: S105  a field's name
_OF_ORGANISATIONS = "csrf_of"
SECRET = frozenset(
    {"password", "present", "wanted", "repeated", "zsc_key", "client_secret", "refresh_token", "code"}
)  # fmt: skip
"""Fields that are not written into any page; whoever typed them types them again."""


def change_organisation(old: int, new: int) -> None:
    """Each organisation has a token of its own in this browser: a form of one is not taken for the other's."""
    tokens = dict(cookie.get(_OF_ORGANISATIONS, {}))
    if TOKEN in cookie:
        tokens[str(old)] = cookie.pop(TOKEN)
    if str(new) in tokens:
        cookie[TOKEN] = tokens[str(new)]
    cookie[_OF_ORGANISATIONS] = tokens


def can_be_kept() -> bool:
    """Whether the form came from a page of ours and holds nothing secret."""
    came_from = urlsplit(request.headers.get("Origin") or request.referrer or "").netloc
    return came_from == request.host and SECRET.isdisjoint(request.form)


def answer() -> ResponseReturnValue:
    """The page that keeps what was typed, and says what to do before it is sent again."""
    typed = [(name, value) for name, value in request.form.items(multi=True) if name != TOKEN]
    organisation_id = _organisation_of(request.form.get(TOKEN, ""))
    kept_token = request.form.get(TOKEN, "") if organisation_id else ""
    page = render_template(
        "errors/stale_form.html", typed=typed, kept_token=kept_token, belongs_to=access.name_of(organisation_id),
        action=request.full_path.rstrip("?"),
    )  # fmt: skip
    return page, 400


def _organisation_of(sent: str) -> int | None:
    """The organisation whose token this is, of those worked in before by this log-in."""
    try:
        raw = URLSafeTimedSerializer(current_app.secret_key or "", salt="wtf-csrf-token").loads(sent)
    except BadData:
        return None
    tokens: dict[str, str] = cookie.get(_OF_ORGANISATIONS, {})
    return next((int(organisation_id) for organisation_id, token in tokens.items() if token == raw), None)
