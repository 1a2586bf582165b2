"""Where the CRM posts its notifications: checked, kept, answered within milliseconds; a worker does the rest.

The address holds a token that nobody can guess, and the body must carry the channel's own. Nothing of what was
refused is stored.
"""

import hmac

from flask import Blueprint, abort, request
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from zbweb.db import db, unit_of_work, work_for
from zbweb.errors import Conflict
from zbweb.sync.core import notices
from zbweb.sync.core.notices import LARGEST_BODY, Notice
from zbweb.sync.models import Connection
from zbweb.sync.notifications import events
from zbweb.sync.notifications.channels import HOOK_PATH
from zbweb.web import access, security

bp = Blueprint("hooks", __name__)


@bp.post(f"{HOOK_PATH}<token>")
@access.public
@security.csrf.exempt  # type: ignore[untyped-decorator]  # flask-wtf is untyped
def receive(token: str) -> ResponseReturnValue:
    """A notification: 204 when it is kept (or was before), 400, 403, 404, 409 or 413 when it is refused."""
    request.max_content_length = LARGEST_BODY
    connection = _connection(token)
    notice = _notice(request.get_data())
    if not (connection.channel_secret and _same(notice.token, connection.channel_secret)):
        abort(403)
    with unit_of_work() as session:
        work_for(session, connection.organisation_id)
        connection = session.get_one(Connection, connection.id, populate_existing=True)
        if not connection.is_live:
            raise Conflict("The integration is disabled; no notifications are taken.")
        events.receive(session, connection, notice)
    return "", 204


def _connection(token: str) -> Connection:
    """The connection whose address this is."""
    work_for(db.session(), None)
    found = db.session.scalar(select(Connection).where(Connection.hook_token == token))
    if found is None or not _same(token, found.hook_token):
        abort(404)
    return found


def _notice(body: bytes) -> Notice:
    try:
        return notices.read(body)
    except notices.Malformed:
        abort(400)


def _same(one: str, other: str) -> bool:
    """Compared in a time that tells nothing of where they differ."""
    return hmac.compare_digest(one.encode(errors="replace"), other.encode(errors="replace"))
