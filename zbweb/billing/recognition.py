"""What a customer is recognised by, written down whenever its values change.

Everybody has a folded name. Those who were not fetched from the CRM also carry the looser keys that a CRM record
is compared with, so that a fetch of very many records writes, and looks through, nothing for their sake.
"""

from zbweb.billing.models import Customer
from zbweb.billing.naming import domain_of, loose_key, name_key
from zbweb.billing.words import CustomerType, Origin


def note_keys(customer: Customer) -> None:
    """Write the keys of a customer's present name, website and e-mail address."""
    customer.name_key = name_key(customer.display_name)
    if customer.origin == Origin.CRM:
        return
    customer.loose_key = loose_key(customer.display_name)
    is_business = customer.type == CustomerType.BUSINESS
    customer.domain = (domain_of(customer.website, customer.email) or None) if is_business else None
