"""The words of billing that are choices. Apart from the models, so that pure rules can use them too."""

from enum import StrEnum

from babel import Locale

LOCALE = Locale("en", "US")
"""How amounts, days and names are written. Made once: from its name Babel makes it anew for each amount."""


class Role(StrEnum):
    """What a member may do: settings are the admin's, money is finance's, selling is everybody's."""

    ADMIN = "admin"
    FINANCE = "finance"
    SALES = "sales"


class CustomerType(StrEnum):
    """A company or a person; decides which CRM module a customer is pushed to."""

    BUSINESS = "business"
    INDIVIDUAL = "individual"


class CustomFieldType(StrEnum):
    """What a custom field may hold; each meets certain CRM data types (see zbweb.sync.core.fieldtypes)."""

    TEXT = "text"
    LONG_TEXT = "long_text"
    NUMBER = "number"
    DECIMAL = "decimal"
    DATE = "date"
    BOOLEAN = "boolean"
    CHOICE = "choice"
    EMAIL = "email"
    PHONE = "phone"
    URL = "url"


class TermKind(StrEnum):
    """How a due date follows from the document's date."""

    NET = "net"
    ON_RECEIPT = "on_receipt"
    END_OF_MONTH = "end_of_month"
    END_OF_NEXT_MONTH = "end_of_next_month"


class Kind(StrEnum):
    """Which document a transaction is; the value is also its path in URLs."""

    QUOTE = "quotes"
    SALES_ORDER = "sales-orders"
    INVOICE = "invoices"

    @property
    def singular(self) -> str:
        """As a title: Sales Order."""
        return _TITLES[self]

    @property
    def plural(self) -> str:
        """As the title of a list: Sales Orders."""
        return f"{self.singular}s"

    @property
    def noun(self) -> str:
        """In the middle of a sentence: sales order."""
        return self.singular.lower()


_TITLES = {Kind.QUOTE: "Quote", Kind.SALES_ORDER: "Sales Order", Kind.INVOICE: "Invoice"}


class TaxMode(StrEnum):
    """Whether the rates typed contain the tax."""

    EXCLUSIVE = "exclusive"
    INCLUSIVE = "inclusive"


class TaxRounding(StrEnum):
    """Where tax is rounded to the currency: at each line or once per tax on the document."""

    LINE = "line"
    DOCUMENT = "document"


class DiscountKind(StrEnum):
    """How a discount is given."""

    PERCENT = "percent"
    AMOUNT = "amount"


class EmailStatus(StrEnum):
    """HELD: there is no mail server, so the outbox page shows what would be sent."""

    QUEUED = "queued"
    SENT = "sent"
    FAILED = "failed"
    HELD = "held"


class Origin(StrEnum):
    """Where a change came from; what the CRM told us is not told back to it."""

    USER = "user"
    CRM = "crm"
    AUTOMATION = "automation"
    SYSTEM = "system"
