"""What a page says after something was done: the redirect carries a word, the page shows its sentence."""

from enum import StrEnum


class Outcome(StrEnum):
    """The word in `?done=…`."""

    CREATED = "created"
    SAVED = "saved"
    UNCHANGED = "unchanged"
    DELETED = "deleted"
    MERGED = "merged"
    MOVED = "moved"
    PURGED = "purged"
    NEW_KEY = "new-key"
    ACTIVATED = "activated"
    DEACTIVATED = "deactivated"
    WORKING_AS = "working-as"
    VIEW_MADE = "view-made"
    VIEW_REMOVED = "view-removed"
    FIELD_MADE = "field-made"


_SENTENCES = {
    Outcome.CREATED: "The record was created.",
    Outcome.SAVED: "Your changes were saved.",
    Outcome.UNCHANGED: "Nothing was changed.",
    Outcome.DELETED: "The record was moved to the recycle bin.",
    Outcome.MERGED: "The two records are one now; the other one is in the recycle bin.",
    Outcome.MOVED: "The deal was moved to another stage.",
    Outcome.PURGED: "The record was deleted for good.",
    Outcome.NEW_KEY: "A new key was generated. The old one stopped working at once.",
    Outcome.ACTIVATED: "The user was activated.",
    Outcome.DEACTIVATED: "The user was deactivated.",
    Outcome.WORKING_AS: "From now on your changes are made in this user's name.",
    Outcome.VIEW_MADE: "The view was created.",
    Outcome.VIEW_REMOVED: "The view was deleted.",
    Outcome.FIELD_MADE: "The field was created.",
}


def sentence(word: str | None) -> str:
    """The sentence of a known word, else nothing."""
    return _SENTENCES.get(Outcome(word), "") if word in set(Outcome) else ""
