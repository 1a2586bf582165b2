"""What the rest of the program may ask of a CRM, in our words.

Records keep the CRM's own JSON: `id` is a string, lookups are `{"id", "name"}`, times are ISO 8601
strings. Whole numbers arrive as int and every other number as Decimal, never as float.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol

from zbweb.crm.errors import CrmError

Record = dict[str, Any]

PAGE_SIZE = 200
"""Records the CRM returns at most in one page."""
WRITE_SIZE = 100
"""Records the CRM accepts at most in one write."""
FIELD_LIMIT = 50
"""Fields the CRM accepts at most in one list request."""

NAME_FIELDS = {
    "Accounts": "Account_Name",
    "Contacts": "Full_Name",
    "Deals": "Deal_Name",
    "Products": "Product_Name",
    "Quotes": "Subject",
    "Sales_Orders": "Subject",
    "Invoices": "Subject",
    "Vendors": "Vendor_Name",
    "Campaigns": "Campaign_Name",
}
"""The field that names a record, by module."""
_EDITIONS_THAT_INTEGRATE = frozenset(
    {
        "professional",
        "enterprise",
        "ultimate",
        "crmplus",
        "crmplusstarter",
        "zohooneenterprise",
        "zohoonestandard",
    }
)


@dataclass(frozen=True, slots=True)
class CrmOrganisation:
    """The CRM organisation behind a credential; `edition` is the running trial's while one runs."""

    id: str
    name: str
    edition: str
    iso_code: str
    multi_currency: bool
    time_zone: str

    @property
    def professional_or_above(self) -> bool:
        """Whether the plan may be integrated at all (a running trial of such a plan counts)."""
        return self.edition in _EDITIONS_THAT_INTEGRATE


@dataclass(frozen=True, slots=True)
class CrmUser:
    """A person of the CRM organisation: the owner of records we push is one of them."""

    id: str
    name: str
    email: str
    active: bool
    admin: bool


@dataclass(frozen=True, slots=True)
class CrmModule:
    """A module of the CRM and what the credential may do with it."""

    api_name: str
    label: str
    api_supported: bool
    viewable: bool
    creatable: bool
    editable: bool


@dataclass(frozen=True, slots=True)
class FieldMeta:
    """One field of a module; `picklist` holds the values to write, without the CRM's `-None-`."""

    api_name: str
    label: str
    data_type: str
    json_type: str
    length: int | None
    decimal_places: int | None
    required: bool
    read_only: bool
    creatable: bool
    updatable: bool
    custom: bool
    unique: bool
    picklist: tuple[str, ...]
    lookup_module: str | None


@dataclass(frozen=True, slots=True)
class View:
    """A saved selection of a module's records."""

    id: str
    name: str
    system_name: str | None
    category: str
    default: bool

    @property
    def shows_all(self) -> bool:
        """Whether this is the predefined view of every record."""
        return self.system_name == "ALLVIEWS"


@dataclass(frozen=True, slots=True)
class Page:
    """Some records and the token that continues after them (valid for a day, with the same question)."""

    records: list[Record]
    next_token: str | None


@dataclass(frozen=True, slots=True)
class DeletedRecord:
    """A record that went to the CRM's recycle bin or was removed for good."""

    id: str
    name: str | None
    deleted_at: datetime


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the CRM says about one written record; `error` is set when its whole request failed."""

    ok: bool
    crm_id: str | None
    code: str
    message: str
    details: dict[str, Any]
    modified_at: datetime | None
    error: CrmError | None = None


class StageKind(StrEnum):
    """What a potential's stage means, whatever it is called."""

    OPEN = "open"
    WON = "won"
    LOST = "lost"


class BulkState(StrEnum):
    """How far an export is."""

    WAITING = "waiting"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class BulkJob:
    """An export the CRM prepares; `more` says that `next_token` starts the one after it."""

    id: str
    state: BulkState
    count: int | None = None
    more: bool = False
    next_token: str | None = None


@dataclass(frozen=True, slots=True)
class Channel:
    """A standing order for notifications, until `expires_at` (the CRM allows one week at most)."""

    id: str
    token: str = field(repr=False)
    expires_at: datetime
    events: tuple[str, ...]


class CrmClient(Protocol):
    """A connected CRM. Every method may raise a `CrmError`; none of them writes to our database's units of work."""

    @property
    def server_time(self) -> datetime | None:
        """The CRM's clock at its latest answer."""

    @property
    def ahead(self) -> timedelta:
        """By how much the CRM's clock was ahead of ours at its latest answer; nothing before the first one."""

    @property
    def credits_remaining(self) -> int | None:
        """Requests left in the CRM's allowance, once it has begun to say so."""

    def organisation(self) -> CrmOrganisation: ...
    def current_user(self) -> CrmUser | None: ...
    def users(self) -> list[CrmUser]: ...
    def modules(self) -> list[CrmModule]: ...
    def fields(self, module: str) -> list[FieldMeta]: ...
    def create_field(self, module: str, *, label: str, data_type: str, length: int | None = None) -> FieldMeta: ...
    def views(self, module: str) -> list[View]: ...
    def count(self, module: str, *, view_id: str | None = None) -> int: ...
    def stage_kinds(self) -> dict[str, StageKind]: ...

    def pages(
        self,
        module: str,
        fields: Sequence[str],
        *,
        view_id: str | None = None,
        modified_since: datetime | None = None,
        page_token: str | None = None,
        per_page: int = PAGE_SIZE,
    ) -> Iterator[Page]:
        """All records, newest first, one page fetched ahead; no page at all when there is no record."""

    def get(self, module: str, crm_id: str) -> Record | None: ...
    def get_many(self, module: str, crm_ids: Sequence[str], fields: Sequence[str]) -> list[Record]: ...
    def deleted(self, module: str, *, since: datetime | None = None) -> Iterator[DeletedRecord]: ...

    def search(
        self,
        module: str,
        *,
        word: str,
        fields: Sequence[str],
        limit: int = 50,
    ) -> list[Record]:
        """Records the CRM finds by a word, in names, e-mails, phones and places alike; its index lags a little."""

    def related(self, module: str, crm_id: str, related_list: str, fields: Sequence[str]) -> list[Record]: ...
    def coql(self, query: str) -> list[Record]: ...

    def insert(self, module: str, records: Sequence[Record], *, trigger: bool = True) -> list[Verdict]: ...
    def update(self, module: str, records: Sequence[Record], *, trigger: bool = True) -> list[Verdict]: ...
    def delete(self, module: str, crm_ids: Sequence[str], *, trigger: bool = True) -> list[Verdict]: ...

    def start_bulk_read(
        self, module: str, fields: Sequence[str], *, view_id: str | None = None, page_token: str | None = None
    ) -> BulkJob: ...
    def bulk_job(self, job_id: str) -> BulkJob: ...
    def bulk_rows(self, job_id: str, fields: Sequence[FieldMeta]) -> Iterator[Record]:
        """The export's records, streamed, with values typed as a list would give them."""

    def watch(
        self, channel_id: str, *, events: Sequence[str], notify_url: str, token: str, expires_at: datetime
    ) -> Channel: ...
    def unwatch(self, channel_id: str) -> None: ...
