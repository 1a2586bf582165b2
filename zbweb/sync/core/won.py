"""What a potential's fate does here, as one table of decisions.

It acts on what changed since the potential was seen last, so asking twice does nothing twice, and leaves a
document alone once a person has changed its status.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from zbweb.billing.status import Status, refusal
from zbweb.billing.words import Kind
from zbweb.crm.port import StageKind
from zbweb.sync.core.reasons import Reason
from zbweb.sync.core.words import Automation

KIND_OF: Mapping[Automation, Kind] = {Automation.QUOTE: Kind.QUOTE, Automation.INVOICE: Kind.INVOICE}
"""Which document each automation makes."""

_MOVES: Mapping[tuple[Automation, StageKind], Status] = {
    (Automation.QUOTE, StageKind.WON): Status.ACCEPTED,
    (Automation.QUOTE, StageKind.LOST): Status.DECLINED,
    (Automation.INVOICE, StageKind.LOST): Status.VOID,
}
"""Where the document that was made goes."""

_REASONS: Mapping[StageKind, Reason] = {
    StageKind.OPEN: Reason.POTENTIAL_CREATED,
    StageKind.WON: Reason.POTENTIAL_WON,
    StageKind.LOST: Reason.POTENTIAL_LOST,
}


@dataclass(frozen=True, slots=True)
class Held:
    """The document that was made for the potential. `by_person`: somebody changed its status, or recorded a payment."""

    status: Status
    by_person: bool = False


@dataclass(frozen=True, slots=True)
class Situation:
    """A potential: what its stage means now, what it meant when it was seen last, and its document.

    `is_new`: it was created in the CRM after the automation was switched on.
    """

    now: StageKind
    seen: StageKind | None = None
    is_new: bool = False
    held: Held | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do: make the document, move it, both or nothing; no reason means that there is nothing to tell."""

    reason: Reason | None = None
    make: bool = False
    move_to: Status | None = None


_NOTHING = Plan()


def plan(automation: Automation, situation: Situation) -> Plan:
    """What the automation does about a potential."""
    if automation is Automation.NONE or situation.now is situation.seen:
        return _NOTHING
    if situation.held is not None:
        return _follow(automation, situation.now, situation.held)
    begins = _begins_quote if automation is Automation.QUOTE else _begins_invoice
    if not begins(situation):
        return _NOTHING
    move_to = _MOVES.get((automation, situation.now))
    return Plan(_REASONS[situation.now], make=True, move_to=move_to)


def _begins_quote(situation: Situation) -> bool:
    return situation.is_new and situation.seen is None and situation.now is not StageKind.LOST


def _begins_invoice(situation: Situation) -> bool:
    return situation.now is StageKind.WON


def _follow(automation: Automation, now: StageKind, held: Held) -> Plan:
    to = _MOVES.get((automation, now))
    if to is None:
        return Plan(Reason.ALREADY_DONE) if now is StageKind.WON else _NOTHING
    if held.status is to:
        return _NOTHING
    if held.by_person or refusal(KIND_OF[automation], held.status, to):
        return Plan(Reason.STATUS_BY_PERSON)
    return Plan(_REASONS[now], move_to=to)
