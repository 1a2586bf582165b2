"""The sync's choices in the specification's own words, for forms, summaries and the history; and where they stand."""

from zbweb.billing.words import Kind
from zbweb.sync.core.fields import tables_for
from zbweb.sync.core.likeness import Likeness
from zbweb.sync.core.words import Extent, Policy, RunStatus, Scope, SyncedModule, Trigger, Winner
from zbweb.sync.models import ModuleSetup

SCOPES: dict[str, str] = {
    Scope.ACCOUNTS: "Accounts",
    Scope.CONTACTS: "Contacts",
    Scope.ACCOUNTS_AND_CONTACTS: "Accounts and their Contacts",
}
EXTENTS: dict[str, str] = {
    Extent.FETCH: "Fetch from CRM",
    Extent.PUSH: "Push to CRM",
    Extent.BOTH: "Sync both ways",
}
POLICIES: dict[str, str] = {Policy.CLONE: "Clone", Policy.OVERWRITE: "Overwrite", Policy.SKIP: "Skip"}
WINNERS: dict[str, str] = {
    Winner.CRM: "Zoho CRM wins",
    Winner.BILLING: "Billing wins",
    Winner.NEWEST: "The newest change wins",
    Winner.ASK: "Ask me",
}
LOOSE = "Include contacts that are not associated to any accounts in Zoho CRM"

MODULES: dict[str, str] = {
    SyncedModule.CUSTOMERS: "Customers",
    **{kind: kind.plural for kind in Kind},
    "potentials": "Potentials",
}
TRIGGERS: dict[str, str] = {
    Trigger.FIRST: "First sync",
    Trigger.AUTO: "Automatic",
    Trigger.INSTANT: "Instant Sync",
    Trigger.PICKED: "Fetched by hand",
    Trigger.NOTIFICATION: "Change in Zoho CRM",
    Trigger.TRANSACTION: "Transaction",
    Trigger.RETRY: "Retry",
}
STATUSES: dict[str, str] = {
    RunStatus.QUEUED: "Queued",
    RunStatus.RUNNING: "Running",
    RunStatus.SUCCEEDED: "Succeeded",
    RunStatus.PARTLY_FAILED: "Partly failed",
    RunStatus.FAILED: "Failed",
    RunStatus.CANCELLED: "Cancelled",
}
PHASES: dict[str, str] = {
    "": "Getting ready",
    "lost_pushes": "Finding out what interrupted syncs had sent",
    "accounts": "Fetching accounts",
    "accounts_deleted": "Looking for deleted accounts",
    "newcomers": "Fetching contacts of new accounts",
    "contacts": "Fetching contacts",
    "contacts_deleted": "Looking for deleted contacts",
    "failed_before": "Trying again what failed before",
    "chosen": "Fetching the chosen records",
    "push": "Sending changes to Zoho CRM",
    "deals": "Looking at potentials",
    "documents": "Fetching quotes, sales orders and invoices",
    "figures": "Looking for figures to send",
}
"""What a run is doing, by the name of its phase."""

LIKENESS: dict[str, str] = {
    Likeness.NAME: "Nearly the same name",
    Likeness.EMAIL: "The same e-mail address",
    Likeness.DOMAIN: "The same website or e-mail domain",
}


def choices_in_short(setup: ModuleSetup) -> str:
    """The saved choices of a customers' setup in one line."""
    modules = {table.crm_module for table in tables_for(Scope(setup.scope), include_loose=setup.include_loose)}
    views = {"Accounts": setup.account_view_name, "Contacts": setup.contact_view_name}
    return " · ".join(
        [
            SCOPES[setup.scope],
            EXTENTS[setup.extent],
            f"duplicates: {POLICIES[setup.policy]}",
            *(name for module, name in views.items() if module in modules and name),
        ]
    )


def navigation() -> dict[str, str]:
    """Context of these pages: they stand under Zoho Apps, wherever their address begins."""
    return {"nav_active": "zoho-apps"}
