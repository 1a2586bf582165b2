"""The CRM client over HTTP: the port's methods, each answered by the module for its kind of resource."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from zbweb.crm import bulk, metadata, notifications, records, writes
from zbweb.crm.port import (
    PAGE_SIZE,
    BulkJob,
    Channel,
    CrmModule,
    CrmOrganisation,
    CrmUser,
    DeletedRecord,
    FieldMeta,
    Page,
    Record,
    StageKind,
    Verdict,
    View,
)
from zbweb.crm.transport import Transport


class ZohoClient:
    """Implements `port.CrmClient`; what the methods promise is said there."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    @property
    def server_time(self) -> datetime | None:
        """The CRM's clock at its latest answer."""
        return self._transport.server_time

    @property
    def ahead(self) -> timedelta:
        """The CRM's clock minus ours at its latest answer."""
        return self._transport.ahead

    @property
    def credits_remaining(self) -> int | None:
        """Requests left, once the CRM has begun to say so."""
        return self._transport.credits_remaining

    def organisation(self) -> CrmOrganisation:
        """The organisation behind the credential."""
        return metadata.organisation(self._transport)

    def current_user(self) -> CrmUser | None:
        """The person the credential belongs to."""
        return metadata.current_user(self._transport)

    def users(self) -> list[CrmUser]:
        """Everybody, people who left included."""
        return metadata.users(self._transport)

    def modules(self) -> list[CrmModule]:
        """The modules of this organisation."""
        return metadata.modules(self._transport)

    def fields(self, module: str) -> list[FieldMeta]:
        """A module's fields."""
        return metadata.fields(self._transport, module)

    def create_field(self, module: str, *, label: str, data_type: str, length: int | None = None) -> FieldMeta:
        """Add a custom field."""
        return metadata.create_field(self._transport, module, label=label, data_type=data_type, length=length)

    def views(self, module: str) -> list[View]:
        """A module's saved views."""
        return metadata.views(self._transport, module)

    def stage_kinds(self) -> dict[str, StageKind]:
        """What each stage of a potential means."""
        return metadata.stage_kinds(self._transport)

    def count(self, module: str, *, view_id: str | None = None) -> int:
        """How many records a module or view holds."""
        return records.count(self._transport, module, view_id=view_id)

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
        """All records, page by page, one fetched ahead."""
        listing = records.Listing(module, fields, view_id=view_id, modified_since=modified_since, per_page=per_page)
        return records.pages(self._transport, listing, page_token=page_token)

    def get(self, module: str, crm_id: str) -> Record | None:
        """One record, whole."""
        return records.get(self._transport, module, crm_id)

    def get_many(self, module: str, crm_ids: Sequence[str], fields: Sequence[str]) -> list[Record]:
        """Those of the records that exist."""
        return records.get_many(self._transport, module, crm_ids, fields)

    def deleted(self, module: str, *, since: datetime | None = None) -> Iterator[DeletedRecord]:
        """What was deleted."""
        return records.deleted(self._transport, module, since=since)

    def search(
        self,
        module: str,
        *,
        word: str,
        fields: Sequence[str],
        limit: int = 50,
    ) -> list[Record]:
        """Records the CRM finds by a word; it is generous."""
        return records.search(self._transport, module, word=word, fields=fields, limit=limit)

    def related(self, module: str, crm_id: str, related_list: str, fields: Sequence[str]) -> list[Record]:
        """One record's related list."""
        return records.related(self._transport, module, crm_id, related_list, fields)

    def coql(self, query: str) -> list[Record]:
        """Every row of a query."""
        return records.coql(self._transport, query)

    def insert(self, module: str, records: Sequence[Record], *, trigger: bool = True) -> list[Verdict]:
        """Add records."""
        return writes.insert(self._transport, module, records, trigger=trigger)

    def update(self, module: str, records: Sequence[Record], *, trigger: bool = True) -> list[Verdict]:
        """Change records."""
        return writes.update(self._transport, module, records, trigger=trigger)

    def delete(self, module: str, crm_ids: Sequence[str], *, trigger: bool = True) -> list[Verdict]:
        """Delete records."""
        return writes.delete(self._transport, module, crm_ids, trigger=trigger)

    def start_bulk_read(
        self, module: str, fields: Sequence[str], *, view_id: str | None = None, page_token: str | None = None
    ) -> BulkJob:
        """Ask for an export."""
        return bulk.start(self._transport, module, fields, view_id=view_id, page_token=page_token)

    def bulk_job(self, job_id: str) -> BulkJob:
        """How far an export is."""
        return bulk.job(self._transport, job_id)

    def bulk_rows(self, job_id: str, fields: Sequence[FieldMeta]) -> Iterator[Record]:
        """An export's records."""
        return bulk.rows(self._transport, job_id, fields)

    def watch(
        self, channel_id: str, *, events: Sequence[str], notify_url: str, token: str, expires_at: datetime
    ) -> Channel:
        """Order notifications, or renew the order."""
        return notifications.watch(
            self._transport, channel_id, events=events, notify_url=notify_url, token=token, expires_at=expires_at
        )

    def unwatch(self, channel_id: str) -> None:
        """Cancel the order."""
        notifications.unwatch(self._transport, channel_id)
