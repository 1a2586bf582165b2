"""What a quote, sales order or invoice consists of in the CRM: modules, fields and the words for a status. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from zbweb.billing.status import Status
from zbweb.billing.words import Kind

CRM_MODULES = {Kind.QUOTE: "Quotes", Kind.SALES_ORDER: "Sales_Orders", Kind.INVOICE: "Invoices"}
SOURCE_OF = {"Sales_Orders": "Quotes", "Invoices": "Sales_Orders"}
"""The module of what a document says it was made from: an invoice made straight from a quote points at nothing."""
KIND_OF = {module: kind for kind, module in CRM_MODULES.items()}
UNSENT = (Status.DRAFT, Status.VOID)
"""A document of these statuses that is not in the CRM does not go there."""
ID_LABEL = "Billing Document Id"


class Form(StrEnum):
    """How a field's value is written and read."""

    TEXT = "text"
    CHOICE = "choice"
    DATE = "date"
    AMOUNT = "amount"
    LOOKUP = "lookup"
    LINES = "lines"


@dataclass(frozen=True, slots=True)
class DocumentField:
    """A field and what it is called in Quotes, Sales_Orders and Invoices; "" where a module has none."""

    key: str
    form: Form
    names: tuple[str, str, str]

    def name_in(self, kind: Kind) -> str:
        """The CRM's name of the field."""
        return dict(zip(Kind, self.names, strict=True))[kind]


def _same(key: str, form: Form, name: str) -> DocumentField:
    return DocumentField(key, form, (name, name, name))


FIELDS = (
    _same("subject", Form.TEXT, "Subject"),
    _same("account", Form.LOOKUP, "Account_Name"),
    _same("contact", Form.LOOKUP, "Contact_Name"),
    _same("potential", Form.LOOKUP, "Deal_Name"),
    DocumentField("source", Form.LOOKUP, ("", "Quote_Name", "Sales_Order")),
    DocumentField("status", Form.CHOICE, ("Quote_Stage", "Status", "Status")),
    DocumentField("date", Form.DATE, ("", "", "Invoice_Date")),
    DocumentField("due_date", Form.DATE, ("Valid_Till", "Due_Date", "Due_Date")),
    DocumentField("reference", Form.TEXT, ("", "Purchase_Order", "Purchase_Order")),
    _same("billing_address", Form.TEXT, "Billing_Street"),
    _same("shipping_address", Form.TEXT, "Shipping_Street"),
    _same("terms", Form.TEXT, "Terms_and_Conditions"),
    _same("notes", Form.TEXT, "Description"),
    _same("currency", Form.CHOICE, "Currency"),
    DocumentField("lines", Form.LINES, ("Quoted_Items", "Ordered_Items", "Invoiced_Items")),
    _same("discount", Form.AMOUNT, "Discount"),
    _same("tax", Form.AMOUNT, "Tax"),
    _same("adjustment", Form.AMOUNT, "Adjustment"),
    _same("our_id", Form.TEXT, ID_LABEL.replace(" ", "_")),
)
FORMS = {each.key: each.form for each in FIELDS}

STATUS_OUT: Mapping[Kind, Mapping[Status, str]] = {
    Kind.QUOTE: {
        Status.DRAFT: "Draft",
        Status.SENT: "Delivered",
        Status.ACCEPTED: "Confirmed",
        Status.INVOICED: "Closed Won",
        Status.DECLINED: "Closed Lost",
    },
    Kind.SALES_ORDER: {
        Status.DRAFT: "Created",
        Status.CONFIRMED: "Approved",
        Status.CLOSED: "Delivered",
        Status.VOID: "Cancelled",
    },
    Kind.INVOICE: {Status.DRAFT: "Created", Status.SENT: "Delivered", Status.VOID: "Cancelled"},
}
"""What each of our statuses is called in the CRM."""

STATUS_IN: Mapping[Kind, Mapping[str, Status]] = {
    Kind.QUOTE: {
        "Draft": Status.DRAFT,
        "Negotiation": Status.SENT,
        "Delivered": Status.SENT,
        "On Hold": Status.SENT,
        "Confirmed": Status.ACCEPTED,
        "Closed Won": Status.ACCEPTED,
        "Closed Lost": Status.DECLINED,
    },
    Kind.SALES_ORDER: {
        "Created": Status.DRAFT,
        "Approved": Status.CONFIRMED,
        "Delivered": Status.CLOSED,
        "Cancelled": Status.VOID,
    },
    Kind.INVOICE: {
        "Created": Status.DRAFT,
        "Approved": Status.SENT,
        "Delivered": Status.SENT,
        "Cancelled": Status.VOID,
    },
}
"""What the CRM's words mean here; a word that is not listed says nothing."""
