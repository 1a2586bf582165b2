"""The fields of quotes, sales orders and invoices and of their line items."""

from zbweb.sandbox.schema import Field, Kind, Module, RelatedList
from zbweb.sandbox.tables import SYSTEM_FIELDS, address

QUOTE_STAGES = ("Draft", "Negotiation", "Delivered", "On Hold", "Confirmed", "Closed Won", "Closed Lost")
ORDER_STATUSES = ("Created", "Approved", "Delivered", "Cancelled")
CARRIERS = ("FedEX", "UPS", "USPS", "DHL", "BlueDart")

TOTALS = (
    Field("Sub_Total", Kind.FORMULA, decimals=2, read_only=True),
    Field("Discount", Kind.CURRENCY, decimals=2),
    Field("Tax", Kind.CURRENCY, decimals=2),
    Field("Adjustment", Kind.CURRENCY, decimals=2),
    Field("Grand_Total", Kind.FORMULA, decimals=2, read_only=True),
)
TAIL = (
    *address("Billing", "Code"), *address("Shipping", "Code"), *TOTALS,
    Field("Terms_and_Conditions", Kind.TEXTAREA, label="Terms and Conditions"),
    Field("Description", Kind.TEXTAREA), *SYSTEM_FIELDS,
)  # fmt: skip
ORDER_FEES = (
    Field("Excise_Duty", Kind.CURRENCY, decimals=2),
    Field("Sales_Commission", Kind.CURRENCY, decimals=2),
)

QUOTES = Module(
    "Quotes", "Quote", "Quotes", "Subject", number_field="Quote_Number",
    fields=(
        Field("Quote_Number", Kind.BIGINT, read_only=True, searchable=True),
        Field("Subject", length=120, mandatory=True, searchable=True),
        Field("Account_Name", Kind.LOOKUP, target="Accounts", mandatory=True),
        Field("Contact_Name", Kind.LOOKUP, target="Contacts"),
        Field("Deal_Name", Kind.LOOKUP, target="Deals"),
        Field("Quote_Stage", Kind.PICKLIST, choices=QUOTE_STAGES),
        Field("Valid_Till", Kind.DATE),
        Field("Team", length=50),
        Field("Carrier", Kind.PICKLIST, choices=CARRIERS),
        Field("Quoted_Items", Kind.SUBFORM, target="Quoted_Items", mandatory=True),
        *TAIL,
    ),
    related=(RelatedList("SalesOrders", "Sales_Orders", "Quote_Name", label="Sales Orders"),),
)  # fmt: skip

SALES_ORDERS = Module(
    "Sales_Orders", "Sales Order", "Sales Orders", "Subject", number_field="SO_Number", legacy_name="SalesOrders",
    fields=(
        Field("SO_Number", Kind.BIGINT, label="SO Number", read_only=True, searchable=True),
        Field("Subject", length=120, mandatory=True, searchable=True),
        Field("Account_Name", Kind.LOOKUP, target="Accounts", mandatory=True),
        Field("Contact_Name", Kind.LOOKUP, target="Contacts"),
        Field("Deal_Name", Kind.LOOKUP, target="Deals"),
        Field("Quote_Name", Kind.LOOKUP, target="Quotes"),
        Field("Status", Kind.PICKLIST, choices=ORDER_STATUSES),
        Field("Purchase_Order", length=100),
        Field("Customer_No", length=30),
        Field("Due_Date", Kind.DATE),
        Field("Pending", length=50),
        Field("Carrier", Kind.PICKLIST, choices=CARRIERS),
        *ORDER_FEES,
        Field("Ordered_Items", Kind.SUBFORM, target="Ordered_Items", mandatory=True),
        *TAIL,
    ),
    related=(RelatedList("Invoices", "Invoices", "Sales_Order"),),
)  # fmt: skip

INVOICES = Module(
    "Invoices", "Invoice", "Invoices", "Subject", number_field="Invoice_Number",
    fields=(
        Field("Invoice_Number", Kind.BIGINT, read_only=True, searchable=True),
        Field("Subject", length=120, mandatory=True, searchable=True),
        Field("Account_Name", Kind.LOOKUP, target="Accounts", mandatory=True),
        Field("Contact_Name", Kind.LOOKUP, target="Contacts"),
        Field("Sales_Order", Kind.LOOKUP, target="Sales_Orders"),
        Field("Invoice_Date", Kind.DATE),
        Field("Due_Date", Kind.DATE),
        Field("Status", Kind.PICKLIST, choices=ORDER_STATUSES),
        Field("Purchase_Order", length=100),
        *ORDER_FEES,
        Field("Invoiced_Items", Kind.SUBFORM, target="Invoiced_Items", mandatory=True),
        *TAIL,
    ),
)  # fmt: skip


def _items(api_name: str, singular: str) -> Module:
    """The rows of a transaction: a module of its own as far as field metadata is concerned."""
    return Module(
        api_name, singular, api_name.replace("_", " "), "Product_Name", is_listed=False,
        fields=(
            Field("Product_Name", Kind.LOOKUP, target="Products", mandatory=True),
            Field("Quantity", Kind.DOUBLE, decimals=2, mandatory=True),
            Field("List_Price", Kind.CURRENCY, decimals=2),
            Field("Total", Kind.FORMULA, decimals=2, read_only=True),
            Field("Discount", Kind.CURRENCY, decimals=2),
            Field("Total_After_Discount", Kind.FORMULA, decimals=2, read_only=True),
            Field("Tax", Kind.CURRENCY, decimals=2),
            Field("Net_Total", Kind.FORMULA, decimals=2, read_only=True),
            Field("Description", Kind.TEXTAREA),
            Field("Sequence_Number", Kind.INTEGER, read_only=True),
            Field("Created_Time", Kind.DATETIME, read_only=True),
            Field("Modified_Time", Kind.DATETIME, read_only=True),
        ),
    )  # fmt: skip


QUOTED_ITEMS = _items("Quoted_Items", "Quoted Item")
ORDERED_ITEMS = _items("Ordered_Items", "Ordered Item")
INVOICED_ITEMS = _items("Invoiced_Items", "Invoiced Item")
