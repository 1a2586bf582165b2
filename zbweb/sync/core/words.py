"""The words of the sync that are choices. Pure: models, decisions and pages all speak them."""

from enum import StrEnum


class ConnectionStatus(StrEnum):
    """DISABLED: nothing leaves or arrives, links stay. REPLACED: another CRM organisation took its place."""

    CONNECTED = "connected"
    DISABLED = "disabled"
    REPLACED = "replaced"


class Automation(StrEnum):
    """What a potential's fate does here; one choice."""

    NONE = "none"
    QUOTE = "quote"
    INVOICE = "invoice"


class SyncedModule(StrEnum):
    """What can be synced; transaction modules carry the transaction kind's value."""

    CUSTOMERS = "customers"
    QUOTES = "quotes"
    SALES_ORDERS = "sales-orders"
    INVOICES = "invoices"


class Scope(StrEnum):
    """Step 1: which CRM records become customers."""

    ACCOUNTS = "accounts"
    CONTACTS = "contacts"
    ACCOUNTS_AND_CONTACTS = "accounts_and_contacts"


class Extent(StrEnum):
    """Step 2: how information flows. Customers are fetched or synced both ways, transactions pushed or both."""

    FETCH = "fetch"
    PUSH = "push"
    BOTH = "both"


class Policy(StrEnum):
    """Step 3: what happens to a CRM record whose name is already here, unlinked."""

    CLONE = "clone"
    OVERWRITE = "overwrite"
    SKIP = "skip"


class Winner(StrEnum):
    """Who wins when both sides changed the same field (extent `both`)."""

    CRM = "crm"
    BILLING = "billing"
    NEWEST = "newest"
    ASK = "ask"


class Entity(StrEnum):
    """The kinds of local records that can be linked."""

    CUSTOMER = "customer"
    CONTACT_PERSON = "contact_person"
    ITEM = "item"
    TRANSACTION = "transaction"


class LinkState(StrEnum):
    """ACTIVE: a pair. APART: no pair, but remembered. ARCHIVED: was a pair. `reason` says why it is none."""

    ACTIVE = "active"
    APART = "apart"
    ARCHIVED = "archived"


class LinkReason(StrEnum):
    """Why a link is no pair (any more). An empty reason: it is one.

    BY_POLICY: a twin that the policy skipped. FOR_DOCUMENTS: an individual's account, which stands in the CRM only
    because its documents demand one. MERGED_HERE: its customer was merged into the one of this link, who has a record
    of its own. UNDONE: an undo removed or parted the record here, and it is not fetched again
    unless somebody asks; GIVEN_BACK: the next sync may. REPLACED: it waits while another CRM organisation is connected.
    SENT_AGAIN and DELETED_ON_BOTH_SIDES close what a document's deletion had left open.
    """

    BY_POLICY = "by_policy"
    FOR_DOCUMENTS = "for_documents"
    MERGED_HERE = "merged_here"
    UNLINKED = "unlinked"
    DELETED_HERE = "deleted_here"
    DELETED_IN_CRM = "deleted_in_crm"
    DELETED_ON_BOTH_SIDES = "deleted_on_both_sides"
    MERGED_IN_CRM = "merged_in_crm"
    SENT_AGAIN = "sent_again"
    UNDONE = "undone"
    GIVEN_BACK = "given_back"
    REPLACED = "replaced"


class ReviewState(StrEnum):
    """What a person said of a near match; of two that were linked only one is left, and no pair."""

    OPEN = "open"
    APART = "apart"


class Trigger(StrEnum):
    """Why a run began."""

    FIRST = "first"
    AUTO = "auto"
    INSTANT = "instant"
    PICKED = "picked"
    NOTIFICATION = "notification"
    TRANSACTION = "transaction"
    RETRY = "retry"


class RunStatus(StrEnum):
    """Where a run stands; the last four are final."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    PARTLY_FAILED = "partly_failed"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_open(self) -> bool:
        """Whether the run has yet to end."""
        return self in (RunStatus.QUEUED, RunStatus.RUNNING)


class Outcome(StrEnum):
    """One record's fate in a run."""

    ADDED = "added"
    UPDATED = "updated"
    DELETED = "deleted"
    SKIPPED = "skipped"
    EXCLUDED = "excluded"
    CONFLICT = "conflict"
    FAILED = "failed"


class Direction(StrEnum):
    """IN: from the CRM to billing. OUT: from billing to the CRM."""

    IN = "in"
    OUT = "out"
