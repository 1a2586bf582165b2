"""The history of documents and payments in words: what each journal action is called, and which values tell more."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from zbweb.billing.models import JournalEntry
from zbweb.billing.words import Origin

_SENTENCES = {
    "created": "created it",
    "updated": "changed {fields}",
    "deleted": "deleted it",
    "numbered": "gave it the number {number}",
    "sent": "marked it as sent",
    "accepted": "marked it as accepted",
    "declined": "marked it as declined",
    "confirmed": "confirmed it",
    "closed": "closed it",
    "invoiced": "invoiced it",
    "void": "voided it",
    "reopened": "reopened it",
    "converted": "made another document from it",
    "payment_applied": "applied payment {payment}",
    "payment_removed": "took back payment {payment}",
    "potential_linked": "linked the potential {potential_name}",
    "potential_dissociated": "dissociated the potential",
    "potential_followed": "followed the potential, which was {fate}",
    "refunded": "refunded {refund}",
    "emailed": "sent it by e-mail",
}
_ORIGINS = {Origin.CRM: "Zoho CRM", Origin.AUTOMATION: "Automation", Origin.SYSTEM: ""}
_LABELS = {
    "customer_id": "customer", "due_date": "due date", "payment_term_id": "payment terms", "lines": "lines",
    "discount_value": "discount", "discount_kind": "discount", "tax_mode": "taxes", "exchange_rate": "exchange rate",
    "billing_address": "billing address", "shipping_address": "shipping address",
}  # fmt: skip
_TOLD_IN_FULL = frozenset({"updated"})
_UNSHOWN = frozenset({"potential_id", "potential_stage"})


@dataclass(frozen=True, slots=True)
class Event:
    """One entry: `who` and `sentence` read as one; `changes` are (label, old, new)."""

    at: datetime
    who: str
    sentence: str
    origin: str
    changes: tuple[tuple[str, str, str], ...]


def told(entries: Iterable[JournalEntry]) -> list[Event]:
    """The entries in words, in the order they came."""
    return [_event(entry) for entry in entries]


def _event(entry: JournalEntry) -> Event:
    changes = {name: pair for name, pair in entry.changes.items() if name not in _UNSHOWN}
    labels = list(dict.fromkeys(_label(name) for name in changes))
    news = {name: _text(new) or _text(old) for name, (old, new) in changes.items()}
    pattern = _SENTENCES.get(entry.action, entry.action.replace("_", " "))
    words = dict.fromkeys(("payment", "potential_name", "refund", "number"), "") | news | {"fields": _list(labels)}
    shown = changes if entry.action in _TOLD_IN_FULL else {}
    return Event(
        at=entry.at,
        who=entry.actor_name or "Somebody",
        sentence=pattern.format(**words).strip(),
        origin=_ORIGINS.get(Origin(entry.origin), ""),
        changes=tuple((_label(name).capitalize(), _text(old), _text(new)) for name, (old, new) in shown.items()),
    )


def _label(name: str) -> str:
    return _LABELS.get(name, name.replace("_", " "))


def _list(words: list[str]) -> str:
    return " and ".join(filter(None, (", ".join(words[:-1]), *words[-1:]))) or "it"


def _text(value: Any) -> str:
    if isinstance(value, list):
        return "; ".join(map(str, value))
    return "" if value is None else str(value)
