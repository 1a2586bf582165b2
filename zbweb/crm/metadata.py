"""What the CRM organisation is made of: itself, its people, modules, fields, views and stages."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from zbweb.clock import now
from zbweb.crm import parse
from zbweb.crm.errors import AnswerLost, ModuleUnavailable, PermissionDenied, Refused
from zbweb.crm.port import PAGE_SIZE, CrmModule, CrmOrganisation, CrmUser, FieldMeta, StageKind, View
from zbweb.crm.records import API, module_subject
from zbweb.crm.transport import Ask, Transport

_POTENTIALS = "Deals"


def organisation(transport: Transport) -> CrmOrganisation:
    """The organisation behind the credential."""
    body = transport.call(Ask("GET", f"{API}/org", subject="the organisation"))
    with parse.reading("the organisation"):
        return parse.organisation(body["org"][0], at=now())


def users(transport: Transport) -> list[CrmUser]:
    """Everybody, people who left included (`active` is false then)."""
    return _users(transport, "AllUsers")


def current_user(transport: Transport) -> CrmUser | None:
    """The person the credential belongs to."""
    return next(iter(_users(transport, "CurrentUser")), None)


def _users(transport: Transport, kind: str) -> list[CrmUser]:
    pages = _pages(transport, f"{API}/users", {"type": kind}, "the users")
    with parse.reading("the users"):
        return [parse.user(item) for body in pages for item in body["users"]]


def modules(transport: Transport) -> list[CrmModule]:
    """The modules this organisation has."""
    body = transport.call(Ask("GET", f"{API}/settings/modules", subject="the modules"))
    with parse.reading("the modules"):
        return [parse.module(item) for item in parse.listed(body, "modules")]


def fields(transport: Transport, module: str) -> list[FieldMeta]:
    """A module's fields, custom ones included."""
    with parse.reading(f"the fields of {module}"):
        return [parse.field(item) for item in raw_fields(transport, module)]


def raw_fields(transport: Transport, module: str) -> list[dict[str, Any]]:
    """The same as the CRM says it."""
    ask = Ask("GET", f"{API}/settings/fields", {"module": module}, subject=module_subject(module))
    body = transport.call(ask)
    with parse.reading(f"the fields of {module}"):
        return parse.listed(body, "fields")


def create_field(
    transport: Transport, module: str, *, label: str, data_type: str, length: int | None = None
) -> FieldMeta:
    """Add a custom field and return it as the CRM made it; raises Refused or PermissionDenied when it may not be."""
    wish = {"field_label": label, "data_type": data_type} | ({"length": length} if length else {})
    ask = Ask(
        "POST",
        f"{API}/settings/fields",
        {"module": module},
        body={"fields": [wish]},
        repeatable=False,
        verdicts="fields",
        subject=f"the fields of {module}",
    )
    with suppress(AnswerLost):  # whether it was made is seen below
        _refuse_unless_made(transport.call(ask), ask.subject)
    made = next((field for field in fields(transport, module) if field.label == label and field.custom), None)
    if made is None:
        raise Refused(f'Zoho CRM did not make the field "{label}". Make it there by hand.')
    return made


def _refuse_unless_made(body: Any, subject: str) -> None:
    with parse.reading(subject):
        verdict = parse.verdict(body["fields"][0])
    if not verdict.ok:
        raise Refused(
            f'Zoho CRM did not make the field. Its words: "{verdict.message}" ({verdict.code}).',
            code=verdict.code,
            details=verdict.details,
        )


def views(transport: Transport, module: str) -> list[View]:
    """A module's saved views, predefined and made by people."""
    found: list[View] = []
    for body in _pages(transport, f"{API}/settings/custom_views", {"module": module}, f"the views of {module}"):
        with parse.reading(f"the views of {module}"):
            default_id = body.get("info", {}).get("default")
            found += [parse.view(item, default_id=default_id) for item in body["custom_views"]]
    return found


def stage_kinds(transport: Transport) -> dict[str, StageKind]:
    """What each stage of a potential means: from the pipelines, else from the Stage field."""
    kinds: dict[str, StageKind] = {}
    for layout_id in _layouts(transport):
        kinds |= _stages_of_layout(transport, layout_id)
    if kinds:
        return kinds
    with parse.reading("the stages"):
        stage = next((item for item in raw_fields(transport, _POTENTIALS) if item["api_name"] == "Stage"), {})
        return parse.stages_of_picklist(stage)


def _layouts(transport: Transport) -> list[str]:
    ask = Ask("GET", f"{API}/settings/layouts", {"module": _POTENTIALS}, subject="the layouts of Deals")
    body = transport.call(ask)
    with parse.reading(ask.subject):
        return [str(layout["id"]) for layout in parse.listed(body, "layouts")]


def _stages_of_layout(transport: Transport, layout_id: str) -> dict[str, StageKind]:
    """Empty where the organisation has no pipelines, or may not show them."""
    ask = Ask("GET", f"{API}/settings/pipeline", {"layout_id": layout_id}, subject="the pipelines of Deals")
    try:
        body = transport.call(ask)
    except (Refused, ModuleUnavailable, PermissionDenied):
        return {}
    with parse.reading(ask.subject):
        return parse.stages_of_pipelines(parse.listed(body, "pipeline"))


def _pages(transport: Transport, path: str, params: dict[str, str], subject: str) -> Iterator[dict[str, Any]]:
    number, more = 1, True
    while more:
        page = {"page": str(number), "per_page": str(PAGE_SIZE)}
        body = transport.call(Ask("GET", path, {**params, **page}, subject=subject))
        if body is None:
            return
        yield body
        with parse.reading(subject):
            more = bool(body.get("info", {}).get("more_records"))
        number += 1
