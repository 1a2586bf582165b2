"""The rows of billing. Import models from here; each concept has its module."""

from zbweb.billing.models.catalogue import Item, Tax
from zbweb.billing.models.customers import ContactPerson, Customer, CustomField
from zbweb.billing.models.journal import JournalEntry, OutboxRow
from zbweb.billing.models.organisations import LoginSession, Membership, Organisation, User
from zbweb.billing.models.payments import Allocation, Payment, Refund
from zbweb.billing.models.post import EmailMessage
from zbweb.billing.models.settings import NumberSeries, PaymentTerm
from zbweb.billing.models.transactions import Line, Transaction

__all__ = [
    "Allocation", "ContactPerson", "CustomField", "Customer", "EmailMessage", "Item", "JournalEntry", "Line",
    "LoginSession", "Membership", "NumberSeries", "Organisation", "OutboxRow", "Payment", "PaymentTerm", "Refund",
    "Tax", "Transaction", "User",
]  # fmt: skip
