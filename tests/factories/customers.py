"""Customers as the tests want them."""

from zbweb.billing import customers
from zbweb.billing.customers import CustomerDraft
from zbweb.billing.journal import SYSTEM


def make_customer(session, *, actor=SYSTEM, active=True, **values):
    """A saved customer, not yet committed; `values` are those of a CustomerDraft."""
    customer = customers.create(session, CustomerDraft(**({"display_name": "Acme Ltd"} | values)), actor=actor)
    if not active:
        customers.set_active(session, customer, active=False, actor=actor)
    return customer
