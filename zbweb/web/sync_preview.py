"""The preview of a sync: what the next one would do, record by record, with nothing written."""

from flask import Blueprint, request
from flask.typing import ResponseReturnValue

from zbweb.billing.words import Role
from zbweb.db import db
from zbweb.errors import AppError
from zbweb.sync import clients, history
from zbweb.sync import connection as connections
from zbweb.sync.models import Connection
from zbweb.sync.preview.rehearsal import Preview, preview
from zbweb.sync.preview.sample import Part
from zbweb.sync.setup import mappings
from zbweb.web import access, crm_words, htmx
from zbweb.web.sync_history import OUTCOMES

bp = Blueprint("sync_preview", __name__, url_prefix="/settings/integrations/zoho-crm/preview")
bp.context_processor(crm_words.navigation)

_PARTS = {
    Part.ALL: "to be read",
    Part.CHANGED: "changed since the last sync",
    Part.NEWCOMERS: "of accounts that would be new here",
    Part.FAILED: "that failed before, to be tried again",
}
_ENTITIES = {"customer": ("customer", "customers"), "contact_person": ("contact person", "contact persons")}


@bp.get("")
@access.allow(Role.ADMIN)
def show() -> ResponseReturnValue:
    """The page comes at once, and its findings when the CRM has been asked; without JavaScript with `now=1`."""
    connection = connections.active_or_refuse(db.session())
    of_draft = "draft" in request.args
    if not htmx.is_htmx() and "now" not in request.args:
        return htmx.page("sync_preview/show.html", of_draft=of_draft, found=None, problem="")
    found, problem = _asked(connection, of_draft=of_draft)
    return htmx.page_or_block(
        "sync_preview/show.html", "findings", of_draft=of_draft, found=found, problem=problem, outcomes=OUTCOMES,
        labels=mappings.field_labels(db.session()), sentence=history.sentence, likeness=crm_words.LIKENESS,
        parts=_PARTS, added=_in_words(found) if found else "",
    )  # fmt: skip


def _asked(connection: Connection, *, of_draft: bool) -> tuple[Preview | None, str]:
    """The preview, or None and the sentence that says why there is none."""
    try:
        client = clients.client_for_page(connection)
        return preview(connection, client, of_draft=of_draft), ""
    except AppError as error:
        return None, error.message


def _in_words(found: Preview) -> str:
    """What would be added: "50 customers, 100 contact persons"."""
    return ", ".join(
        f"{count:,} {names[0] if count == 1 else names[1]}"
        for entity, names in _ENTITIES.items()
        if (count := found.added.get(entity, 0))
    )
