"""Our customer's id in the CRM: a field of ours on each record we push, where the CRM lets us have one."""

from zbweb.crm.errors import ModuleUnavailable, PermissionDenied, Refused, ScopeMissing
from zbweb.crm.port import CrmClient

LABEL = "Billing Customer Id"
API_NAME = "Billing_Customer_Id"
_LENGTH = 40


def field_in(client: CrmClient, crm_module: str) -> str | None:
    """The field's name in this module, made if need be; None where it can neither be found nor made."""
    found = next((each for each in client.fields(crm_module) if each.api_name == API_NAME or each.label == LABEL), None)
    if found is not None:
        return found.api_name if found.creatable else None
    try:
        return client.create_field(crm_module, label=LABEL, data_type="text", length=_LENGTH).api_name
    except (Refused, PermissionDenied, ScopeMissing, ModuleUnavailable):
        return None
