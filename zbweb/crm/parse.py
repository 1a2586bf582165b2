"""The CRM's JSON read into our words. Pure; unknown keys are ignored and absent ones tolerated.

Every function takes one object of an answer and raises KeyError, TypeError or ValueError where the
CRM's contract is broken: `reading()` turns those into `MalformedAnswer` at the border.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from zbweb.crm.errors import MalformedAnswer
from zbweb.crm.port import (
    BulkJob,
    BulkState,
    CrmModule,
    CrmOrganisation,
    CrmUser,
    DeletedRecord,
    FieldMeta,
    Record,
    StageKind,
    Verdict,
    View,
)
from zbweb.crm.wire import parse_time

Json = Mapping[str, Any]

_NO_CHOICE = "-None-"
_BULK_STATES = {"COMPLETED": BulkState.DONE, "FAILURE": BulkState.FAILED, "FAILED": BulkState.FAILED}
_STAGE_KINDS = {"Closed Won": StageKind.WON, "Closed Lost": StageKind.LOST}
_FREE = "free"


@contextmanager
def reading(what: str) -> Iterator[None]:
    """Turn a broken contract into an error people can read; `what` names what was being read."""
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise MalformedAnswer(
            f"Zoho CRM's answer about {what} could not be read. Try again; if it stays so, report it."
        ) from error


def objects(items: Iterable[Any]) -> list[dict[str, Any]]:
    """The items of a list, each of which must be an object."""
    found = list(items)
    if not all(isinstance(item, dict) for item in found):
        raise TypeError("an item is no object")
    return found


def records(items: Iterable[Any]) -> list[Record]:
    """Items that are records: objects with an id."""
    found = objects(items)
    if not all("id" in item for item in found):
        raise KeyError("id")
    return found


def listed(body: Any, key: str) -> list[dict[str, Any]]:
    """The objects under `key` of an answer; none when the CRM had nothing to say (204)."""
    return [] if body is None else objects(body[key])


def organisation(item: Json, *, at: datetime) -> CrmOrganisation:
    """`org[0]` of GET /org; `at` decides whether a trial is still running."""
    return CrmOrganisation(
        id=str(item["id"]),
        name=item.get("company_name") or "",
        edition=_edition(item.get("license_details") or {}, at),
        iso_code=item["iso_code"],
        multi_currency=bool(item.get("mc_status")),
        time_zone=item.get("time_zone") or "UTC",
    )


def _edition(details: Json, at: datetime) -> str:
    trial_ends = parse_time(details.get("trial_expiry"))
    if details.get("trial_type") and trial_ends and trial_ends > at:
        return str(details["trial_type"]).lower()
    return str(details.get("paid_type") or _FREE).lower()


def user(item: Json) -> CrmUser:
    """One of `users`."""
    name = item.get("full_name") or " ".join(filter(None, (item.get("first_name"), item.get("last_name"))))
    return CrmUser(
        id=str(item["id"]),
        name=name,
        email=item.get("email") or "",
        active=str(item.get("status", "active")).lower() == "active",
        admin=_is_administrator(item.get("profile") or {}),
    )


def _is_administrator(profile: Json) -> bool:
    return str(profile.get("name", "")).lower() == "administrator"


def module(item: Json) -> CrmModule:
    """One of `modules`; hidden modules count as not supported."""
    return CrmModule(
        api_name=item["api_name"],
        label=item.get("plural_label") or item["api_name"],
        api_supported=bool(item.get("api_supported", True)) and item.get("visible", True) is not False,
        viewable=bool(item.get("viewable", True)),
        creatable=bool(item.get("creatable", True)),
        editable=bool(item.get("editable", True)),
    )


def field(item: Json) -> FieldMeta:
    """One of `fields`. A field we may not write has `creatable` or `updatable` false."""
    operations = item.get("operation_type") or {}
    read_only = bool(item.get("read_only")) or bool(item.get("field_read_only"))
    return FieldMeta(
        api_name=item["api_name"],
        label=item.get("field_label") or item.get("display_label") or item["api_name"],
        data_type=item["data_type"],
        json_type=item.get("json_type") or "string",
        length=_integer(item.get("length")),
        decimal_places=_integer(item.get("decimal_place")),
        required=bool(item.get("system_mandatory")),
        read_only=read_only,
        creatable=not read_only and bool(operations.get("api_create", True)),
        updatable=not read_only and bool(operations.get("api_update", True)),
        custom=bool(item.get("custom_field")),
        unique=bool(item.get("unique")),
        picklist=_choices(item.get("pick_list_values") or ()),
        lookup_module=_lookup_module(item),
    )


def _integer(value: Any) -> int | None:
    return None if value is None or value == "" else int(value)


def _choices(values: Iterable[Json]) -> tuple[str, ...]:
    return tuple(value["actual_value"] for value in values if value["actual_value"] != _NO_CHOICE)


def _lookup_module(item: Json) -> str | None:
    named = (item.get("lookup") or {}).get("module")
    if isinstance(named, Mapping):
        named = named.get("api_name")
    return named or None


def view(item: Json, *, default_id: str | None) -> View:
    """One of `custom_views`; `default_id` is `info.default` of the same answer."""
    return View(
        id=str(item["id"]),
        name=item.get("display_value") or item["name"],
        system_name=item.get("system_name") or None,
        category=item.get("category") or "public_views",
        default=str(item["id"]) == default_id if default_id else bool(item.get("default")),
    )


def deleted_record(item: Json) -> DeletedRecord:
    """One of a deleted list's `data`."""
    deleted_at = parse_time(item["deleted_time"])
    if deleted_at is None:
        raise ValueError("deleted_time is no time")
    return DeletedRecord(id=str(item["id"]), name=item.get("display_name"), deleted_at=deleted_at)


def verdict(item: Json) -> Verdict:
    """One item of a write's answer. HTTP 2xx means nothing here; only `status` counts."""
    details = dict(item.get("details") or {})
    ok = str(item["status"]).lower() == "success"
    return Verdict(
        ok=ok,
        crm_id=_id_in(details),
        code=item.get("code") or "",
        message=item.get("message") or "",
        details=details,
        modified_at=parse_time(details.get("Modified_Time")),
    )


def _id_in(details: Json) -> str | None:
    value = details.get("id")
    return None if value is None else str(value)


def stages_of_pipelines(pipelines: Iterable[Json]) -> dict[str, StageKind]:
    """What each stage of `pipeline` means, by the value records carry."""
    return {
        stage["actual_value"]: _STAGE_KINDS.get(stage.get("forecast_type"), StageKind.OPEN)
        for pipeline in pipelines
        for stage in pipeline.get("maps") or ()
    }


def stages_of_picklist(field_item: Json) -> dict[str, StageKind]:
    """The same from the raw Stage field, for organisations without pipelines."""
    return {
        value["actual_value"]: _kind_of_value(value)
        for value in field_item.get("pick_list_values") or ()
        if value["actual_value"] != _NO_CHOICE
    }


def _kind_of_value(value: Json) -> StageKind:
    if forecast := value.get("forecast_type"):
        return _STAGE_KINDS.get(forecast, StageKind.OPEN)
    return StageKind.WON if _integer(value.get("probability")) == 100 else StageKind.OPEN


def bulk_job(item: Json) -> BulkJob:
    """`data[0]` of a bulk job's status; its result counts only once it is complete."""
    state = _BULK_STATES.get(str(item["state"]).upper(), BulkState.WAITING)
    if state is not BulkState.DONE:
        return BulkJob(id=str(item["id"]), state=state)
    result = item["result"]
    return BulkJob(
        id=str(item["id"]),
        state=state,
        count=int(result["count"]),
        more=bool(result.get("more_records")),
        next_token=result.get("next_page_token"),
    )
