"""What of a run can be taken back, and why the rest cannot."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

from zbweb.sync.core.fieldtypes import Value


class Verb(StrEnum):
    """How one entry is taken back."""

    REMOVE = "remove"
    RESTORE = "restore"
    RECREATE = "recreate"
    ACTIVATE = "activate"


class Hindrance(StrEnum):
    """Why an entry cannot be taken back; see SENTENCES."""

    SENT = "sent"
    DOCUMENT = "document"
    GONE = "gone"
    MONEY = "money"
    EDITED = "edited"
    PERSON_ADDED = "person_added"
    CHANGED_SINCE = "changed_since"
    MERGED = "merged"
    KEPT = "kept"
    NO_CUSTOMER = "no_customer"


SENTENCES: dict[Hindrance, str] = {
    Hindrance.SENT: "It was sent to Zoho CRM, and what is there is not taken back. Change it there.",
    Hindrance.DOCUMENT: "Documents are not taken back with a sync. Delete or void the document itself.",
    Hindrance.GONE: "It has been deleted here since.",
    Hindrance.MONEY: "It has transactions or payments. Mark it as inactive instead.",
    Hindrance.EDITED: "Somebody has edited it here since.",
    Hindrance.PERSON_ADDED: "Somebody has added or edited a contact person of it since.",
    Hindrance.CHANGED_SINCE: "The values that the sync wrote have changed since.",
    Hindrance.MERGED: "Zoho CRM merged two records, so there is no former one to go back to.",
    Hindrance.KEPT: "The customer was kept; only its link ended, because its record was deleted in Zoho CRM.",
    Hindrance.NO_CUSTOMER: "The customer it belonged to is not here any more.",
}


def revertible(diff: Mapping[str, Sequence[Any]], present: Mapping[str, Value]) -> dict[str, tuple[Value, Value]]:
    """The fields that still hold what the run wrote, each with (its value now, the one before the run)."""
    return {name: (new, old) for name, (old, new) in diff.items() if name in present and _same(present[name], new)}


def _same(one: Value, other: Value) -> bool:
    return one == other or (one in ("", None) and other in ("", None))
