"""What the CRM has to offer the wizard, asked live: views with their counts, fields with a sample, names.

A wizard page is useful without a count or a sample, so those are left out when the CRM cannot say them;
the lists themselves raise the CrmError that the page explains.
"""

from collections import ChainMap, Counter
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from zbweb.crm.errors import CrmError
from zbweb.crm.port import NAME_FIELDS, CrmClient, FieldMeta, Record, View
from zbweb.sync.core.fields import BillingField, FieldType, Table
from zbweb.sync.core.fieldtypes import TYPES, can_read

_COUNTED_VIEWS = 24
_COUNTS_AT_ONCE = 8
_SAMPLES = 10
_SAMPLE_LENGTH = 60
_LOOSE = "select COUNT(id) from Contacts where Account_Name is null"


@dataclass(frozen=True, slots=True)
class OfferedView:
    """A view to choose; `id` "" is every record, for a CRM that has no such view. `count` None: not known."""

    id: str
    name: str
    shows_all: bool
    count: int | None = None


@dataclass(frozen=True, slots=True)
class OfferedField:
    """A CRM field to choose, with what a real record holds in it."""

    api_name: str
    label: str
    data_type: str
    sample: str = ""


@dataclass(frozen=True, slots=True)
class Sight:
    """What the CRM has just now, by CRM module: the views and fields that a save is checked against."""

    views: Mapping[str, Sequence[View]] = field(default_factory=dict)
    fields: Mapping[str, Sequence[FieldMeta]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MappingRow:
    """One row of Map Fields: a billing field and the CRM fields that fit it."""

    field: BillingField
    chosen: str
    options: Sequence[OfferedField]
    error: str = ""

    @property
    def sample(self) -> str:
        """What a real CRM record holds in the chosen field."""
        return next((option.sample for option in self.options if option.api_name == self.chosen), "")


def look(client: CrmClient, crm_modules: Iterable[str]) -> Sight:
    """The views and fields of these modules."""
    names = list(crm_modules)
    return Sight(
        views={name: client.views(name) for name in names},
        fields={name: client.fields(name) for name in names},
    )


def views(client: CrmClient, crm_module: str) -> list[OfferedView]:
    """The views to choose from, everything first, under the CRM's own names."""
    found = sorted(client.views(crm_module), key=lambda view: not view.shows_all)
    with ThreadPoolExecutor(_COUNTS_AT_ONCE) as pool:
        counts = list(pool.map(lambda view: _count(client, crm_module, view), found[:_COUNTED_VIEWS]))
    counts += [None] * (len(found) - len(counts))
    offered = [OfferedView(v.id, v.name, v.shows_all, count) for v, count in zip(found, counts, strict=True)]
    if not any(view.shows_all for view in offered):
        offered.insert(0, OfferedView("", f"All {crm_module}", shows_all=True))
    return offered


def _count(client: CrmClient, crm_module: str, view: View) -> int | None:
    try:
        return client.count(crm_module, view_id=None if view.shows_all else view.id)
    except CrmError:
        return None


def loose_contacts(client: CrmClient) -> int | None:
    """How many contacts belong to no account, if the CRM can count them in one request."""
    try:
        rows = client.coql(_LOOSE)
    except CrmError:
        return None
    numbers = [value for row in rows for value in row.values() if isinstance(value, int)]
    return numbers[0] if numbers else None


def names(client: CrmClient, crm_module: str, *, view_id: str = "") -> list[str]:
    """The names of the newest records of a view, one page of them."""
    column = NAME_FIELDS[crm_module]
    first = next(client.pages(crm_module, [column], view_id=view_id or None), None)
    return [str(record[column]) for record in (first.records if first else []) if record.get(column)]


def fields(client: CrmClient, crm_module: str, *, view_id: str = "") -> list[OfferedField]:
    """The module's fields in the order of their labels; those of equal labels carry their API name."""
    metas = client.fields(crm_module)
    sample = _sample(client, crm_module, [meta.api_name for meta in metas], view_id)
    labels = Counter(meta.label for meta in metas)
    offered = [
        OfferedField(
            meta.api_name,
            meta.label if labels[meta.label] == 1 else f"{meta.label} ({meta.api_name})",
            meta.data_type,
            _shown(sample.get(meta.api_name)),
        )
        for meta in metas
    ]
    return sorted(offered, key=lambda each: each.label.casefold())


def _sample(client: CrmClient, crm_module: str, columns: Sequence[str], view_id: str) -> Record:
    """Of the newest records the one that says most; what it leaves empty comes from the others."""
    try:
        first = next(client.pages(crm_module, columns, view_id=view_id or None, per_page=_SAMPLES), None)
    except CrmError:
        return {}
    records = first.records if first else []
    told = [{name: value for name, value in record.items() if value not in (None, "", [])} for record in records]
    return dict(ChainMap({}, *sorted(told, key=len, reverse=True)))


def _shown(value: object) -> str:
    text = str(TYPES[FieldType.TEXT].parse(value))
    return text if len(text) <= _SAMPLE_LENGTH else f"{text[: _SAMPLE_LENGTH - 1]}…"


def rows(
    billing_fields: Iterable[BillingField],
    chosen: Mapping[str, str],
    offered: Sequence[OfferedField] | None,
    errors: Mapping[str, str],
) -> list[MappingRow]:
    """The rows of one table. While the CRM cannot be asked (`offered` None) each row offers what is chosen."""
    return [_row(each, chosen.get(each.key, ""), offered, errors.get(each.key, "")) for each in billing_fields]


def _row(billing: BillingField, chosen: str, offered: Sequence[OfferedField] | None, error: str) -> MappingRow:
    if offered is None:
        options = [OfferedField(chosen, chosen.replace("_", " "), "")] if chosen else []
        return MappingRow(billing, chosen, options, error)
    options = [each for each in offered if can_read(billing.type, each.data_type)]
    if chosen and not error and chosen not in {option.api_name for option in options}:
        error = f"The CRM field {chosen.replace('_', ' ')} is not there any more. Choose another one."
    return MappingRow(billing, chosen, options, error)


def crm_modules(tables: Iterable[Table]) -> list[str]:
    """The CRM modules behind mapping tables, each once."""
    return list(dict.fromkeys(table.crm_module for table in tables))
