"""Documents that people changed in the CRM since both sides agreed: read before anything is written over them.

A notification or the next run would bring such a change in, but somebody may edit the document here before that.
Our own write would then cover what they wrote, whoever was to win, and the reading to come would find agreement.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from zbweb.crm.port import Record
from zbweb.db import db
from zbweb.sync.core.document_words import CRM_MODULES, FORMS, Form
from zbweb.sync.core.documents import Shape, crm_total, from_record
from zbweb.sync.core.words import Entity, Extent, Trigger
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
    plain = {key: column for key, column in module.shape.items() if FORMS[key] is not Form.LINES}
    fields = ["Modified_Time", "Grand_Total", *(column.crm for column in plain.values())]
    records = courier.client.get_many(crm_module, [each.sheet.crm_id for each in told], fields)
    there = {str(record["id"]): record for record in records}
    changed = [each.sheet for each in told if _is_overtaken(each.sheet, there.get(each.sheet.crm_id), plain)]
    for sheet in changed:
        courier.renew()
        connection = db.session.get_one(Connection, courier.connection_id)
        incoming.take(connection, crm_module, [sheet.crm_id], courier.client, trigger=Trigger.TRANSACTION)
    put_back = _put_back(courier, changed, there) if changed else set()
    return [each for each in told if each.sheet.paper.id not in put_back]


def _is_overtaken(sheet: Sheet, record: Record | None, plain: Shape) -> bool:
    """A document that is gone is the update's to find; without anything agreed on there is nothing to compare by."""
    if record is None or not sheet.snapshot:
        return False
    modified = moment_of(record["Modified_Time"])
    if sheet.agreed_at is None or modified > sheet.agreed_at:
        return True
    return modified == sheet.agreed_at and _says_else(record, sheet.snapshot, plain)


def _says_else(record: Record, snapshot: Mapping[str, Any], plain: Shape) -> bool:
    """Whether somebody wrote in the very second of our own last word: the CRM tells no times between seconds.

    Of rows a list tells what they come to. What the CRM taxes by itself is not told apart, nor is white space, which
    it may write its own way.
    """
    values = from_record(record, plain)
    if any(_words(values[key]) != _words(snapshot.get(key)) for key in values):
        return True
    is_taxed = any(line["tax"] != "0" for line in snapshot.get("lines") or ())
    return not is_taxed and Decimal(record.get("Grand_Total") or 0) != crm_total(snapshot)


def _words(value: Any) -> Any:
    return value.split() if isinstance(value, str) else value


def _put_back(courier: Courier, changed: Sequence[Sheet], there: Mapping[str, Record]) -> set[int]:
    """What was brought in is composed anew in the next round; ids of the documents.

    A reading that does not know yet what a list of them said is repeated later. One that knows it, and says what was
    agreed on, stands in nobody's way: it is the CRM that makes something else of our values.
    """
    put_back = set()
    with courier.plain_unit() as session:
        links = links_of(session, courier.connection_id, Entity.TRANSACTION, [sheet.paper.id for sheet in changed])
        for sheet in changed:
            link = links.get(sheet.paper.id)
            is_old = link is not None and link.crm_modified_at == sheet.agreed_at
            is_same = is_old and link is not None and link.snapshot == sheet.snapshot
            lags = is_old and moment_of(there[sheet.crm_id]["Modified_Time"]) != sheet.agreed_at
            if lags or not is_same:
                claims.later(session, courier.claim, sheet.row, seconds=_LAG_SECONDS if lags else 0.0)
                put_back.add(sheet.paper.id)
    return put_back
