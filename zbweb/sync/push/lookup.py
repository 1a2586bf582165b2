"""Looking in the CRM before something new is written there, so that nothing is ever there twice.

Customers are looked for by our id and by their exact name, contact persons among the contacts of their
account. COQL is asked, since the CRM's search takes "equals" for "contains" and lags behind.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from zbweb.billing.naming import name_key
from zbweb.crm.exactly import having
from zbweb.crm.port import NAME_FIELDS, CrmClient, Record


@dataclass(frozen=True, slots=True)
class Sought:
    """A local record that may be in the CRM already. `account_id` is a contact person's account.

    `made_at` is when it was made here, by the CRM's clock, if known: a CRM record with our id that is older belongs
    to other books.
    """

    entity_id: int
    name: str
    account_id: str = ""
    made_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Sighting:
    """A record found in the CRM."""

    crm_id: str
    name: str
    created_at: datetime
    our_id: str = ""
    account_id: str = ""


def find(client: CrmClient, crm_module: str, sought: Sequence[Sought], id_field: str | None) -> list[Sighting]:
    """Every record of the CRM that could be one of those sought, oldest first."""
    persons = [each for each in sought if each.account_id]
    others = [each for each in sought if not each.account_id]
    found = [
        *_ask(client, crm_module, id_field, "Account_Name", [each.account_id for each in persons]),
        *_ask(client, crm_module, id_field, NAME_FIELDS[crm_module], [each.name for each in others]),
    ]
    if id_field:
        found += _ask(client, crm_module, id_field, id_field, [str(each.entity_id) for each in others])
    by_id = {sighting.crm_id: sighting for sighting in found}
    return sorted(by_id.values(), key=lambda sighting: (sighting.created_at, int(sighting.crm_id)))


def _ask(
    client: CrmClient, crm_module: str, id_field: str | None, field: str, values: Sequence[str]
) -> Iterator[Sighting]:
    columns = [NAME_FIELDS[crm_module], "Account_Name", "Created_Time", *([id_field] if id_field else [])]
    for record in having(client, crm_module, field, values, columns=columns):
        yield _sighting(record, crm_module, id_field)


def _sighting(record: Record, crm_module: str, id_field: str | None) -> Sighting:
    account = record.get("Account_Name")
    return Sighting(
        crm_id=str(record["id"]),
        name=str(record.get(NAME_FIELDS[crm_module]) or ""),
        created_at=datetime.fromisoformat(record["Created_Time"]),
        our_id=str(record.get(id_field) or "") if id_field else "",
        account_id=str(account["id"]) if isinstance(account, dict) else "",
    )


def carries_our_id(each: Sought, sighting: Sighting) -> bool:
    """Whether the CRM record is this very customer, pushed before."""
    if sighting.our_id != str(each.entity_id):
        return False
    is_younger = each.made_at is not None and sighting.created_at >= each.made_at
    return is_younger or same_name(each, sighting)


def same_name(each: Sought, sighting: Sighting) -> bool:
    """Whether both go by one name, in the same account if it is a contact person."""
    return name_key(each.name) == name_key(sighting.name) and (
        not each.account_id or each.account_id == sighting.account_id
    )


def sent_earlier(each: Sought, sightings: Sequence[Sighting], *, sent_at: datetime, taken: Collection[str]) -> str:
    """The id of the record that a push whose answer was lost has made; "" when it never arrived."""
    moment = sent_at.replace(microsecond=0)  # the CRM's clock shows whole seconds
    free = [sighting for sighting in sightings if sighting.crm_id not in taken]
    ours = [sighting for sighting in free if carries_our_id(each, sighting)]
    young = [sighting for sighting in free if same_name(each, sighting) and sighting.created_at >= moment]
    return next((sighting.crm_id for sighting in [*ours, *young]), "")
