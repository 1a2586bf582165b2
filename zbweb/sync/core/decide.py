"""What one CRM record without a link needs, given everything we know about it; linked ones are merged.

Pure on purpose: the same answer feeds the run, the search pop-up, a retry and the preview, and every
cell of the table is a test.
"""

from dataclasses import dataclass
from enum import StrEnum

from zbweb.sync.core.reasons import Reason
from zbweb.sync.core.words import Policy


class Action(StrEnum):
    """What to do with a CRM record. ADOPT: pair it with its twin, which then takes the CRM's values."""

    CREATE = "create"
    ADOPT = "adopt"
    NOTHING = "nothing"


class Twin(StrEnum):
    """A local record of the same name: none, one without a link, or one that is linked to another CRM record."""

    NONE = "none"
    FREE = "free"
    TAKEN = "taken"


class Past(StrEnum):
    """What people decided about this CRM record before, if it is not linked now."""

    NONE = "none"
    REMOVED = "removed"
    APART = "apart"
    MERGED = "merged"


@dataclass(frozen=True, slots=True)
class Situation:
    """What is known of a CRM record before anything is done. `asked_for`: a person picked this very record."""

    twin: Twin = Twin.NONE
    past: Past = Past.NONE
    asked_for: bool = False


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do and why."""

    action: Action
    reason: Reason


_FOR_TWIN: dict[tuple[Policy, Twin], Decision] = {
    (Policy.CLONE, Twin.FREE): Decision(Action.CREATE, Reason.DUPLICATE_CLONED),
    (Policy.CLONE, Twin.TAKEN): Decision(Action.CREATE, Reason.DUPLICATE_CLONED),
    (Policy.OVERWRITE, Twin.FREE): Decision(Action.ADOPT, Reason.DUPLICATE_OVERWRITTEN),
    (Policy.OVERWRITE, Twin.TAKEN): Decision(Action.NOTHING, Reason.TWIN_TAKEN),
    (Policy.SKIP, Twin.FREE): Decision(Action.NOTHING, Reason.DUPLICATE_SKIPPED),
    (Policy.SKIP, Twin.TAKEN): Decision(Action.NOTHING, Reason.TWIN_TAKEN),
}


def decide(situation: Situation, policy: Policy) -> Decision:
    """The fate of one CRM record. A person's own decision comes before the policy."""
    if situation.past is Past.MERGED:
        return Decision(Action.NOTHING, Reason.MERGED_HERE)
    if situation.past is Past.REMOVED and not situation.asked_for:
        return Decision(Action.NOTHING, Reason.REMOVED_HERE)
    if situation.past is Past.APART and not situation.asked_for:
        return Decision(Action.NOTHING, Reason.KEPT_APART)
    if situation.twin is Twin.NONE:
        return Decision(Action.CREATE, Reason.NEW)
    return _FOR_TWIN[policy, situation.twin]
