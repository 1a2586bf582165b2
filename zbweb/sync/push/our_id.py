"""Our customer's id in the CRM: a field of ours on each record we push, where the CRM lets us have one."""

from zbweb.crm import own_fields
from zbweb.crm.port import CrmClient

LABEL = "Billing Customer Id"
_LENGTH = 40


def field_in(client: CrmClient, crm_module: str) -> str | None:
    """The field's name in this module, made if need be; None where it can neither be found nor made."""
    return own_fields.find_or_make(client, crm_module, label=LABEL, length=_LENGTH)
