"""The fields of people, companies, deals and products, one row each (the CRM's standard layout)."""

from zbweb.sandbox.schema import Field, Kind, Module, RelatedList

INDUSTRIES = (
    "ASP (Application Service Provider)", "Data/Telecom OEM", "ERP (Enterprise Resource Planning)",
    "Engineering", "Government/Military", "Large Enterprise", "ManagementISV", "MSP (Management Service Provider)",
    "Network Equipment Enterprise", "Non-management ISV", "Optical Networking", "Service Provider",
    "Small/Medium Enterprise", "Storage Equipment", "Wireless Industry", "Manufacturing", "Education",
)  # fmt: skip
ACCOUNT_TYPES = (
    "Analyst", "Competitor", "Customer", "Distributor", "Integrator", "Investor", "Other", "Partner", "Press",
    "Prospect", "Reseller", "Supplier", "Vendor",
)  # fmt: skip
LEAD_SOURCES = (
    "Advertisement", "Cold Call", "Employee Referral", "External Referral", "Online Store", "Partner",
    "Public Relations", "Sales Email Alias", "Seminar Partner", "Internal Seminar", "Trade Show",
    "Web Download", "Web Research", "Chat", "X (Twitter)", "Facebook",
)  # fmt: skip
RATINGS = ("Acquired", "Active", "Market Failed", "Project Cancelled", "Shut Down")
OWNERSHIPS = ("Other", "Private", "Public", "Subsidiary", "Partnership", "Government", "Privately Held")
SALUTATIONS = ("Mr.", "Mrs.", "Ms.", "Dr.", "Prof.")
DEAL_TYPES = ("Existing Business", "New Business")
LOST_REASONS = ("Expectation Mismatch", "Price", "Unqualified Customer", "Lack of response", "Missed Follow Ups")
PRODUCT_CATEGORIES = ("Hardware", "Software", "CRM Applications", "Services")
MANUFACTURERS = ("AltvetPet Inc.", "LexPon Inc.", "MetBeat Corp.")
UNITS = ("Box", "Carton", "Dozen", "Each", "Hours", "Impressions", "Lb", "M", "Pack", "Pages", "Pieces", "Quantity")
TAXES = ("Sales Tax - 8.25 %", "Vat - 20.0 %")


def address(prefix: str, zip_name: str) -> tuple[Field, ...]:
    """The five fields of one address; accounts call the postal code `_Code`, contacts `_Zip`."""
    return (
        Field(f"{prefix}_Street", length=250),
        Field(f"{prefix}_City", length=100, searchable=True),
        Field(f"{prefix}_State", length=100),
        Field(f"{prefix}_{zip_name}", length=30),
        Field(f"{prefix}_Country", length=100, searchable=True),
    )


SYSTEM_FIELDS = (
    Field("Owner", Kind.OWNER, target="users"),
    Field("Created_By", Kind.OWNER, target="users", read_only=True),
    Field("Modified_By", Kind.OWNER, target="users", read_only=True),
    Field("Created_Time", Kind.DATETIME, read_only=True),
    Field("Modified_Time", Kind.DATETIME, read_only=True),
    Field("Last_Activity_Time", Kind.DATETIME, read_only=True),
    Field("Change_Log_Time__s", Kind.DATETIME, read_only=True),
    Field("Tag", Kind.TEXT, length=2000),
    Field("Locked__s", Kind.BOOLEAN, read_only=True),
    Field("Record_Status__s", Kind.PICKLIST, choices=("Available", "Draft", "Trash"), read_only=True),
)
MONEY_FIELDS = (
    Field("Currency", Kind.PICKLIST, choices=("USD", "EUR", "GBP")),
    Field("Exchange_Rate", Kind.DOUBLE, decimals=9, read_only=True),
)

ACCOUNTS = Module(
    "Accounts", "Account", "Accounts", "Account_Name",
    fields=(
        Field("Account_Name", length=120, mandatory=True, searchable=True),
        Field("Account_Number", length=40, searchable=True),
        Field("Account_Site", length=80),
        Field("Account_Type", Kind.PICKLIST, choices=ACCOUNT_TYPES),
        Field("Industry", Kind.PICKLIST, choices=INDUSTRIES),
        Field("Annual_Revenue", Kind.CURRENCY, decimals=2),
        Field("Employees", Kind.INTEGER),
        Field("Ownership", Kind.PICKLIST, choices=OWNERSHIPS),
        Field("Rating", Kind.PICKLIST, choices=RATINGS),
        Field("SIC_Code", Kind.INTEGER, label="SIC Code"),
        Field("Ticker_Symbol", length=30),
        Field("Phone", Kind.PHONE, searchable=True),
        Field("Fax", Kind.PHONE),
        Field("Website", Kind.WEBSITE, searchable=True),
        Field("Parent_Account", Kind.LOOKUP, target="Accounts"),
        *address("Billing", "Code"), *address("Shipping", "Code"),
        Field("Description", Kind.TEXTAREA),
        Field("Record_Image", Kind.IMAGE, read_only=True),
        Field("Enrich_Status__s", Kind.PICKLIST, choices=("Available", "Enriched", "Data not found"), read_only=True),
        Field("Last_Enriched_Time__s", Kind.DATETIME, read_only=True),
        *SYSTEM_FIELDS,
    ),
    related=(
        RelatedList("Contacts", "Contacts", "Account_Name"),
        RelatedList("Deals", "Deals", "Account_Name"),
        RelatedList("Quotes", "Quotes", "Account_Name"),
        RelatedList("SalesOrders", "Sales_Orders", "Account_Name", label="Sales Orders"),
        RelatedList("Invoices", "Invoices", "Account_Name"),
        RelatedList("Child_Accounts", "Accounts", "Parent_Account", label="Member Accounts"),
    ),
)  # fmt: skip

CONTACTS = Module(
    "Contacts", "Contact", "Contacts", "Full_Name",
    duplicate_field="Email",
    fields=(
        Field("Salutation", Kind.PICKLIST, choices=SALUTATIONS),
        Field("First_Name", length=40, searchable=True),
        Field("Last_Name", length=80, mandatory=True, searchable=True),
        Field("Full_Name", length=120, read_only=True, searchable=True),
        Field("Account_Name", Kind.LOOKUP, target="Accounts"),
        Field("Vendor_Name", Kind.LOOKUP, target="Vendors"),
        Field("Reporting_To", Kind.LOOKUP, target="Contacts"),
        Field("Email", Kind.EMAIL, searchable=True),
        Field("Secondary_Email", Kind.EMAIL, searchable=True),
        Field("Phone", Kind.PHONE, searchable=True),
        Field("Mobile", Kind.PHONE, searchable=True),
        Field("Home_Phone", Kind.PHONE), Field("Other_Phone", Kind.PHONE),
        Field("Asst_Phone", Kind.PHONE), Field("Fax", Kind.PHONE),
        Field("Assistant", length=50), Field("Title", length=100), Field("Department", length=50),
        Field("Date_of_Birth", Kind.DATE, label="Date of Birth"),
        Field("Lead_Source", Kind.PICKLIST, choices=LEAD_SOURCES),
        Field("Email_Opt_Out", Kind.BOOLEAN),
        Field("Skype_ID", length=50), Field("Twitter", length=50),
        *address("Mailing", "Zip"), *address("Other", "Zip"),
        Field("Description", Kind.TEXTAREA),
        Field("Record_Image", Kind.IMAGE, read_only=True),
        Field("Unsubscribed_Mode", Kind.PICKLIST, choices=("Consent form", "Manual", "Unsubscribe link"),
              read_only=True),
        Field("Unsubscribed_Time", Kind.DATETIME, read_only=True),
        *SYSTEM_FIELDS,
    ),
    related=(
        RelatedList("Deals", "Deals", "Contact_Name"),
        RelatedList("Quotes", "Quotes", "Contact_Name"),
        RelatedList("SalesOrders", "Sales_Orders", "Contact_Name", label="Sales Orders"),
        RelatedList("Invoices", "Invoices", "Contact_Name"),
    ),
)  # fmt: skip

DEALS = Module(
    "Deals", "Deal", "Deals", "Deal_Name", legacy_name="Potentials",
    fields=(
        Field("Deal_Name", length=120, mandatory=True, searchable=True),
        Field("Account_Name", Kind.LOOKUP, target="Accounts"),
        Field("Contact_Name", Kind.LOOKUP, target="Contacts"),
        Field("Amount", Kind.CURRENCY, decimals=2),
        Field("Closing_Date", Kind.DATE, mandatory=True),
        Field("Stage", Kind.PICKLIST, mandatory=True),  # its values are the rows of pipeline.py
        Field("Pipeline", Kind.PICKLIST, choices=("Standard (Standard)",)),
        Field("Probability", Kind.INTEGER, label="Probability (%)"),
        Field("Expected_Revenue", Kind.CURRENCY, decimals=2, read_only=True),
        Field("Type", Kind.PICKLIST, choices=DEAL_TYPES),
        Field("Lead_Source", Kind.PICKLIST, choices=LEAD_SOURCES),
        Field("Next_Step", length=100),
        Field("Campaign_Source", Kind.LOOKUP, target="Campaigns"),
        Field("Reason_For_Loss__s", Kind.PICKLIST, choices=LOST_REASONS),
        Field("Overall_Sales_Duration", Kind.INTEGER, read_only=True),
        Field("Sales_Cycle_Duration", Kind.INTEGER, read_only=True),
        Field("Lead_Conversion_Time", Kind.INTEGER, read_only=True),
        Field("Description", Kind.TEXTAREA),
        *SYSTEM_FIELDS,
    ),
    related=(
        RelatedList("Quotes", "Quotes", "Deal_Name"),
        RelatedList("SalesOrders", "Sales_Orders", "Deal_Name", label="Sales Orders"),
    ),
)  # fmt: skip

PRODUCTS = Module(
    "Products", "Product", "Products", "Product_Name",
    fields=(
        Field("Product_Name", length=200, mandatory=True, searchable=True),
        Field("Product_Code", length=40, searchable=True),
        Field("Product_Active", Kind.BOOLEAN),
        Field("Product_Category", Kind.PICKLIST, choices=PRODUCT_CATEGORIES),
        Field("Manufacturer", Kind.PICKLIST, choices=MANUFACTURERS),
        Field("Vendor_Name", Kind.LOOKUP, target="Vendors"),
        Field("Unit_Price", Kind.CURRENCY, decimals=2),
        Field("Commission_Rate", Kind.CURRENCY, decimals=2),
        Field("Tax", Kind.MULTIPICK, choices=TAXES),
        Field("Taxable", Kind.BOOLEAN),
        Field("Usage_Unit", Kind.PICKLIST, choices=UNITS),
        Field("Qty_in_Stock", Kind.DOUBLE, label="Quantity in Stock"),
        Field("Qty_Ordered", Kind.DOUBLE), Field("Qty_in_Demand", Kind.DOUBLE, label="Quantity in Demand"),
        Field("Reorder_Level", Kind.DOUBLE),
        Field("Handler", Kind.OWNER, target="users"),
        Field("Sales_Start_Date", Kind.DATE), Field("Sales_End_Date", Kind.DATE),
        Field("Support_Start_Date", Kind.DATE), Field("Support_Expiry_Date", Kind.DATE),
        Field("Description", Kind.TEXTAREA),
        Field("Record_Image", Kind.IMAGE, read_only=True),
        *SYSTEM_FIELDS,
    ),
)  # fmt: skip

VENDORS = Module(
    "Vendors", "Vendor", "Vendors", "Vendor_Name",
    fields=(
        Field("Vendor_Name", length=120, mandatory=True, searchable=True),
        Field("Email", Kind.EMAIL, searchable=True), Field("Phone", Kind.PHONE, searchable=True),
        Field("Website", Kind.WEBSITE), Field("Description", Kind.TEXTAREA), *SYSTEM_FIELDS,
    ),
    related=(RelatedList("Products", "Products", "Vendor_Name"), RelatedList("Contacts", "Contacts", "Vendor_Name")),
)  # fmt: skip

CAMPAIGNS = Module(
    "Campaigns", "Campaign", "Campaigns", "Campaign_Name",
    fields=(
        Field("Campaign_Name", length=200, mandatory=True, searchable=True),
        Field("Type", Kind.PICKLIST, choices=("Conference", "Webinar", "Trade Show", "Email", "Other")),
        Field("Start_Date", Kind.DATE), Field("End_Date", Kind.DATE), *SYSTEM_FIELDS,
    ),
    related=(RelatedList("Deals", "Deals", "Campaign_Source"),),
)  # fmt: skip
