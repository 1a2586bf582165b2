"""Why a record met its fate: each reason has the sentence that people read in the history, and what to do next."""

from enum import StrEnum


class Reason(StrEnum):
    """One reason code per fate; see SENTENCES."""

    NEW = "new"
    CHANGED_IN_CRM = "changed_in_crm"
    CHANGED_HERE = "changed_here"
    DUPLICATE_CLONED = "duplicate_cloned"
    DUPLICATE_OVERWRITTEN = "duplicate_overwritten"
    DUPLICATE_SKIPPED = "duplicate_skipped"
    TWIN_TAKEN = "twin_taken"
    PAIRED = "paired"
    REMOVED_HERE = "removed_here"
    KEPT_APART = "kept_apart"
    MERGED_HERE = "merged_here"
    AWAITS_REVIEW = "awaits_review"
    BOTH_CHANGED = "both_changed"
    CRM_WON = "crm_won"
    NO_ACCOUNT = "no_account"
    STAYS_PERSON = "stays_person"
    ACCOUNT_NOT_SYNCED = "account_not_synced"
    BLOCKED_BY_ACCOUNT = "blocked_by_account"
    LEFT_VIEW = "left_view"
    DELETED_IN_CRM = "deleted_in_crm"
    DEACTIVATED = "deactivated"
    KEPT_HERE = "kept_here"
    MERGED_IN_CRM = "merged_in_crm"
    MISSING_VALUE = "missing_value"
    INVALID_VALUE = "invalid_value"
    TOO_LONG = "too_long"
    TOO_LONG_FOR_CRM = "too_long_for_crm"
    PUSHED_NEW = "pushed_new"
    FOUND_IN_CRM = "found_in_crm"
    CRM_REFUSED = "crm_refused"
    CRM_MISSING_VALUE = "crm_missing_value"
    CRM_DUPLICATE = "crm_duplicate"
    GONE_IN_CRM = "gone_in_crm"
    BLOCKED_BY_CUSTOMER = "blocked_by_customer"
    PERSON_WAITS = "person_waits"
    BLOCKED_BY_ITEM = "blocked_by_item"
    CRM_AWAY = "crm_away"
    POTENTIAL_WON = "potential_won"
    POTENTIAL_LOST = "potential_lost"
    POTENTIAL_CREATED = "potential_created"
    POTENTIAL_REFUSED = "potential_refused"
    STATUS_BY_PERSON = "status_by_person"
    POTENTIAL_GONE = "potential_gone"
    ALREADY_DONE = "already_done"
    NO_CUSTOMER = "no_customer"
    CUSTOMER_ONLY_FETCHED = "customer_only_fetched"
    CUSTOMER_PARTED = "customer_parted"
    CUSTOMER_IN_REVIEW = "customer_in_review"
    CUSTOMER_SKIPPED = "customer_skipped"
    CURRENCY_UNKNOWN = "currency_unknown"
    DOCUMENT_GONE = "document_gone"
    DELETED_HERE = "deleted_here"
    DOCUMENT_NO_CUSTOMER = "document_no_customer"
    DOCUMENT_REFUSED = "document_refused"
    DOCUMENT_GONE_IN_CRM = "document_gone_in_crm"
    CRM_INSISTS = "crm_insists"


SENTENCES: dict[Reason, str] = {
    Reason.NEW: "New in Zoho CRM; added here.",
    Reason.CHANGED_IN_CRM: "Changed in Zoho CRM; updated here.",
    Reason.CHANGED_HERE: "Changed here; updated in Zoho CRM.",
    Reason.DUPLICATE_CLONED: "A customer of this name was here already. As the setup says Clone, both are kept.",
    Reason.DUPLICATE_OVERWRITTEN: "A customer of this name was here already. As the setup says Overwrite, "
    "the values of Zoho CRM replaced those here.",
    Reason.DUPLICATE_SKIPPED: "A customer of this name is here already. As the setup says Skip, it was left alone. "
    "To pair the two, choose Link to… on the customer's page.",
    Reason.TWIN_TAKEN: "The customer of this name is already paired with another CRM record of the same name. "
    "Rename one of the two in Zoho CRM, or choose Clone.",
    Reason.PAIRED: "The same record was here already; the two are paired now.",
    Reason.REMOVED_HERE: "It was deleted, unlinked or undone here, so it is not fetched again. "
    "To have it back, fetch it with the search in Zoho CRM.",
    Reason.KEPT_APART: "Somebody decided to keep this record and the customer of the same name apart.",
    Reason.MERGED_HERE: "Its customer was merged into another one here, which has a CRM record of its own. "
    "Merge the two records in Zoho CRM, too.",
    Reason.AWAITS_REVIEW: "It may be the same as a customer that came from Zoho CRM, so it was not added there. "
    "Say in the review list whether the two are one.",
    Reason.BOTH_CHANGED: "Changed here and in Zoho CRM. Choose per field which value stays.",
    Reason.CRM_WON: "Changed here and in Zoho CRM. The value of Zoho CRM stands; ours is kept in this entry.",
    Reason.STAYS_PERSON: "The contact is a contact person of a customer here, and stays one. To make it a customer of "
    "its own, delete the contact person here, then fetch it with the search in Zoho CRM.",
    Reason.NO_ACCOUNT: "The contact belongs to no account. To fetch it, check “Include contacts that are not "
    "associated to any accounts in Zoho CRM” in the setup.",
    Reason.ACCOUNT_NOT_SYNCED: "The contact's account is not among the synced accounts. It arrives with its account.",
    Reason.BLOCKED_BY_ACCOUNT: "The contact waits for its account, which could not be fetched. "
    "Mend the account; the contact follows with the next sync.",
    Reason.LEFT_VIEW: "It is no longer in the chosen view. The customer stays; it is not updated until it is back.",
    Reason.DELETED_IN_CRM: "Deleted in Zoho CRM; deleted here too. Undo this run to have it back.",
    Reason.DEACTIVATED: "Deleted in Zoho CRM. As it has transactions here, it was marked inactive.",
    Reason.KEPT_HERE: "Deleted in Zoho CRM. As it was made here, it stays; it is no longer linked.",
    Reason.MERGED_IN_CRM: "Merged into another record in Zoho CRM; the customer is now linked to that one.",
    Reason.MISSING_VALUE: "A required field is empty in Zoho CRM. Fill it there; the next sync tries again.",
    Reason.INVALID_VALUE: "A value in Zoho CRM does not fit its field here. Correct it there, or map another field.",
    Reason.TOO_LONG: "A value in Zoho CRM is too long for its field here. Shorten it there, or map another field.",
    Reason.TOO_LONG_FOR_CRM: "A value here is too long for its field in Zoho CRM. Shorten it; "
    "the next sync tries again.",
    Reason.PUSHED_NEW: "New here; added in Zoho CRM.",
    Reason.FOUND_IN_CRM: "An earlier push had arrived although its answer was lost; the two are paired now.",
    Reason.CRM_REFUSED: "Zoho CRM refused the record. Its own words say why; mend it and choose Retry.",
    Reason.CRM_MISSING_VALUE: "Zoho CRM demands a field that is empty here or not mapped. "
    "Fill or map it, then choose Retry.",
    Reason.CRM_DUPLICATE: "Zoho CRM already has a record with this unique value. Link the two, or change the value.",
    Reason.GONE_IN_CRM: "The linked CRM record no longer exists. The next sync unlinks it.",
    Reason.BLOCKED_BY_CUSTOMER: "The document waits for its customer, which is not in Zoho CRM yet.",
    Reason.PERSON_WAITS: "The contact person waits for its customer, which Zoho CRM has not accepted. "
    "Mend the customer; the person follows with the next sync.",
    Reason.BLOCKED_BY_ITEM: "The document waits for an item that Zoho CRM did not accept as a product.",
    Reason.CRM_AWAY: "Zoho CRM did not answer. It is tried again by itself.",
    Reason.POTENTIAL_WON: "The potential was won.",
    Reason.POTENTIAL_LOST: "The potential was lost.",
    Reason.POTENTIAL_CREATED: "The potential was created.",
    Reason.POTENTIAL_REFUSED: "No document could be made of this potential. Put right what stands below, here or in "
    "Zoho CRM, then choose Retry.",
    Reason.STATUS_BY_PERSON: "Somebody changed this document's status by hand, so the automation left it alone.",
    Reason.POTENTIAL_GONE: "The document's potential was deleted in Zoho CRM, so the two are no longer linked. "
    "If there is another one, link it to the document.",
    Reason.ALREADY_DONE: "The document for this potential was made before.",
    Reason.NO_CUSTOMER: "The potential belongs to no account or contact that could be fetched as a customer. "
    "Give it one in Zoho CRM, then choose Retry.",
    Reason.CUSTOMER_ONLY_FETCHED: "The document waits: its customer is not in Zoho CRM, and customers are only fetched "
    "from there. Link the customer, or choose Sync both ways for customers.",
    Reason.CURRENCY_UNKNOWN: "Zoho CRM does not keep the currency of this document, so its amounts would be wrong "
    "there. Add the currency in Zoho CRM, then choose Retry.",
    Reason.CUSTOMER_PARTED: "The document waits: its customer's record in Zoho CRM was deleted, merged or unlinked. "
    "Link the customer to a record, or choose Push now on its page, and the document follows.",
    Reason.CUSTOMER_IN_REVIEW: "The document waits: its customer may be the same as one that came from Zoho CRM. "
    "Say in the review list whether the two are one, and the document follows.",
    Reason.CUSTOMER_SKIPPED: "The document waits: Zoho CRM has a record of its customer's name, which was left "
    "apart as the setup says Skip. Link the customer to it, and the document follows.",
    Reason.DOCUMENT_GONE: "Somebody deleted this document in Zoho CRM, so it was not sent there again. "
    "To have it back there, open the document here and choose Send Again.",
    Reason.DELETED_HERE: "Deleted here; deleted in Zoho CRM too.",
    Reason.DOCUMENT_NO_CUSTOMER: "The document's account or contact is not a customer here. "
    "Fetch it as a customer; the document follows with the next sync.",
    Reason.DOCUMENT_REFUSED: "A change made in Zoho CRM is not possible here, so the document here stays as it is.",
    Reason.DOCUMENT_GONE_IN_CRM: "Deleted in Zoho CRM. The document here stays; it is no longer linked.",
    Reason.CRM_INSISTS: "Zoho CRM made something else of the value here, twice, so each side keeps its own. If that is "
    "not wanted, look for a rule or a workflow there that changes the field.",
}
"""What people read; it says what happened and what to do next."""

FOUND_HERE: frozenset[Reason] = frozenset(
    {
        Reason.MISSING_VALUE, Reason.INVALID_VALUE, Reason.TOO_LONG, Reason.TOO_LONG_FOR_CRM, Reason.NO_CUSTOMER,
        Reason.DOCUMENT_REFUSED, Reason.POTENTIAL_REFUSED,
    }
)  # fmt: skip
"""Reasons that are found without the CRM's saying so: the words beside them are ours, and name the field."""

HOLDS: frozenset[Reason] = frozenset(
    {
        Reason.CUSTOMER_ONLY_FETCHED, Reason.CUSTOMER_PARTED, Reason.CUSTOMER_IN_REVIEW, Reason.CUSTOMER_SKIPPED,
    }
)  # fmt: skip
"""Reasons for which a document waits until somebody has spoken of its customer."""
