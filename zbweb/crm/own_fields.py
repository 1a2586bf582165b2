"""Fields of ours in the CRM's modules: found by their label, made where the CRM lets us."""

from zbweb.crm.errors import ModuleUnavailable, PermissionDenied, Refused, ScopeMissing
from zbweb.crm.port import CrmClient


def find_or_make(
    client: CrmClient, crm_module: str, *, label: str, data_type: str = "text", length: int | None = None
) -> str | None:
    """The field's name in this module; None where it can neither be found nor made, or may not be written."""
    name = label.replace(" ", "_")
    found = next((each for each in client.fields(crm_module) if each.api_name == name or each.label == label), None)
    if found is not None:
        return found.api_name if found.creatable else None
    try:
        return client.create_field(crm_module, label=label, data_type=data_type, length=length).api_name
    except (Refused, PermissionDenied, ScopeMissing, ModuleUnavailable):
        return None
