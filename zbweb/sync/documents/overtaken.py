"""Documents that people changed in the CRM since both sides agreed: read before anything is written over them.

A notification or the next run would bring such a change in, but somebody may edit the document here before that.
Our own write would then cover what they wrote, whoever was to win, and the reading to come would find agreement.
"""

from collections.abc import Sequence
from datetime import datetime

from zbweb.db import db
from zbweb.sync.core.document_words import CRM_MODULES
from zbweb.sync.core.words import Entity, Extent
from zbweb.sync.documents import incoming
from zbweb.sync.documents.merging import moment_of
from zbweb.sync.documents.sheets import Sheet, Told
from zbweb.sync.models import Connection
from zbweb.sync.outbox import claims
from zbweb.sync.outbox.courier import Courier, SentModule
from zbweb.sync.pairs import links_of

_LAG_SECONDS = 5.0
"""How long the CRM may take until one record, read whole, says what a list of them said."""


def catch_up(courier: Courier, module: SentModule, told: Sequence[Told]) -> list[Told]:
    """The documents that nobody changed there; the others are brought in, and have their turn again at once.

    Where documents are only pushed, ours win by definition, and nothing is asked. Raises CrmError.
    """
    if not told or module.choices.extent is not Extent.BOTH:
        return list(told)
    courier.renew()
    crm_module = CRM_MODULES[module.kind]
    there = courier.client.get_many(crm_module, [each.sheet.crm_id for each in told], ["Modified_Time"])
    modified = {str(record["id"]): moment_of(record["Modified_Time"]) for record in there}
    changed = [each.sheet for each in told if _is_overtaken(each.sheet, modified.get(each.sheet.crm_id))]
    for sheet in changed:
        courier.renew()
        connection = db.session.get_one(Connection, courier.connection_id)
        incoming.take(connection, crm_module, [sheet.crm_id], courier.client)
    if changed:
        _put_back(courier, changed)
    overtaken = {sheet.paper.id for sheet in changed}
    return [each for each in told if each.sheet.paper.id not in overtaken]


def _is_overtaken(sheet: Sheet, modified: datetime | None) -> bool:
    """A document that is gone is the update's to find; without anything agreed on there is nothing to compare by."""
    if modified is None or not sheet.snapshot:
        return False
    return sheet.agreed_at is None or modified > sheet.agreed_at


def _put_back(courier: Courier, changed: Sequence[Sheet]) -> None:
    """What was brought in is composed anew in the next round; a reading that brought nothing new is repeated later."""
    with courier.plain_unit() as session:
        links = links_of(session, courier.connection_id, Entity.TRANSACTION, [sheet.paper.id for sheet in changed])
        for sheet in changed:
            link = links.get(sheet.paper.id)
            is_old = link is not None and link.crm_modified_at == sheet.agreed_at
            claims.later(session, courier.claim, sheet.row, seconds=_LAG_SECONDS if is_old else 0.0)
