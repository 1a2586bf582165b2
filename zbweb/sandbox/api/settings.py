"""Metadata: modules, fields, layouts, related lists, views and the pipeline of deals."""

from typing import Any

from flask import Blueprint, Response, request

from zbweb.sandbox import metadata
from zbweb.sandbox import views as view_store
from zbweb.sandbox.api.answers import ApiError, answer, batch, empty, invalid_module, invalid_param, missing_param
from zbweb.sandbox.api.gate import caller, require
from zbweb.sandbox.api.listing import LARGEST_PAGE, whole_number
from zbweb.sandbox.api.writes import json_body
from zbweb.sandbox.catalog import UnknownModule
from zbweb.sandbox.custom_fields import FieldRefused, create_field
from zbweb.sandbox.pipeline import CATEGORY_IDS, LAYOUT_PIPELINE, STAGES
from zbweb.sandbox.schema import Module
from zbweb.sandbox.state import current_sandbox

blueprint = Blueprint("settings", __name__, url_prefix="/crm/v8/settings")
PIPELINE_ID = 5_725_767_000_000_006_800


@blueprint.get("/modules")
def modules() -> Response:
    require("ZohoCRM.settings.modules.READ")
    listed = current_sandbox().catalog.listed()
    return answer({"modules": [metadata.module_json(module, place) for place, module in enumerate(listed, start=1)]})


@blueprint.get("/modules/<name>")
def module(name: str) -> Response:
    require("ZohoCRM.settings.modules.READ")
    found = current_sandbox().catalog.find(name)
    if found is None:
        raise invalid_module()
    return answer({"modules": [metadata.module_json(found, 1)]})


@blueprint.get("/fields")
def fields() -> Response:
    require("ZohoCRM.settings.fields.READ")
    wanted, catalog = _asked_module(), current_sandbox().catalog
    return answer({"fields": [metadata.field_json(field, wanted, catalog) for field in wanted.fields]})


@blueprint.get("/fields/<field_id>")
def field(field_id: str) -> Response:
    require("ZohoCRM.settings.fields.READ")
    wanted, catalog = _asked_module(), current_sandbox().catalog
    found = next((item for item in wanted.fields if field_id in (str(item.id), item.api_name)), None)
    return answer({"fields": [metadata.field_json(found, wanted, catalog)]}) if found else empty()


@blueprint.post("/fields")
def create_fields() -> Response:
    require("ZohoCRM.settings.fields.CREATE")
    if not caller().member.is_admin:
        raise ApiError("NO_PERMISSION", "permission denied", {"permissions": ["Crm_Implied_Customize"]}, status=403)
    wanted = _asked_module()
    given = json_body().get("fields")
    if not isinstance(given, list) or not given:
        details = {"api_name": "fields", "json_path": "$.fields"}
        raise ApiError("MANDATORY_NOT_FOUND", "required field not found", details)
    return batch("fields", [_create(wanted, item, index) for index, item in enumerate(given)], success=201)


@blueprint.get("/layouts")
def layouts() -> Response:
    require("ZohoCRM.settings.layouts.READ")
    return answer({"layouts": [metadata.layout_json(_asked_module(), current_sandbox().catalog)]})


@blueprint.get("/layouts/<layout_id>")
def layout(layout_id: str) -> Response:
    require("ZohoCRM.settings.layouts.READ")
    wanted = _asked_module()
    if layout_id != str(metadata.layout_id(wanted)):
        return empty()
    return answer({"layouts": [metadata.layout_json(wanted, current_sandbox().catalog)]})


@blueprint.get("/related_lists")
def related_lists() -> Response:
    require("ZohoCRM.settings.related_lists.READ")
    wanted, catalog = _asked_module(), current_sandbox().catalog
    found = [
        metadata.related_list_json(wanted, item, place, catalog)
        for place, item in enumerate(wanted.related, start=1)
        if catalog.has_records(item.module)
    ]
    return answer({"related_lists": found}) if found else empty()


@blueprint.get("/related_lists/<list_id>")
def related_list(list_id: str) -> Response:
    require("ZohoCRM.settings.related_lists.READ")
    wanted, catalog = _asked_module(), current_sandbox().catalog
    everything = (
        metadata.related_list_json(wanted, item, place, catalog) for place, item in enumerate(wanted.related, start=1)
    )
    found = next((item for item in everything if item["id"] == list_id), None)
    return answer({"related_lists": [found]}) if found else empty()


@blueprint.get("/custom_views")
def custom_views() -> Response:
    require("ZohoCRM.settings.custom_views.READ")
    wanted, sandbox = _asked_module(), current_sandbox()
    page = whole_number("page", 1)
    per_page = whole_number("per_page", LARGEST_PAGE, most=LARGEST_PAGE)
    with sandbox.reading() as connection:
        everything = view_store.views_of(connection, wanted)
    shown = everything[(page - 1) * per_page : page * per_page]
    if not shown:
        return empty()
    info = _views_info(everything, per_page=per_page, page=page, count=len(shown))
    views = [{**_view_json(view, wanted), **_SUMMARY_ONLY} for view in shown]
    return answer({"custom_views": views, "info": info})


@blueprint.get("/custom_views/<view_id>")
def custom_view(view_id: str) -> Response:
    require("ZohoCRM.settings.custom_views.READ")
    wanted, sandbox = _asked_module(), current_sandbox()
    with sandbox.reading() as connection:
        everything = view_store.views_of(connection, wanted)
    view = next((item for item in everything if str(item.id) == view_id), None)
    if view is None:
        return empty()
    details = view_store.details(view, wanted, sandbox.catalog)
    info = _views_info(everything, per_page=1, page=1, count=1)
    return answer({"custom_views": [{**_view_json(view, wanted), **details}], "info": info})


@blueprint.get("/pipeline")
def pipelines() -> Response:
    _require_deals_layout()
    return answer({"pipeline": [_pipeline_json()]})


@blueprint.get("/pipeline/<pipeline_id>")
def pipeline(pipeline_id: str) -> Response:
    _require_deals_layout()
    return answer({"pipeline": [_pipeline_json()]}) if pipeline_id == str(PIPELINE_ID) else empty()


_SUMMARY_ONLY: dict[str, Any] = {
    "criteria": None, "shared_to": [], "fields": [], "sort_by": None, "sort_order": None,
}  # fmt: skip


def _asked_module() -> Module:
    name = request.args.get("module")
    if not name:
        raise missing_param("module")
    try:
        return current_sandbox().catalog.module(name)
    except UnknownModule:
        raise invalid_module() from None


def _create(module: Module, given: Any, index: int) -> dict[str, Any]:
    sandbox = current_sandbox()
    try:
        made = create_field(sandbox, module, given if isinstance(given, dict) else {}, path=f"$.fields[{index}]")
    except FieldRefused as refusal:
        return {"code": refusal.code, "details": refusal.details, "message": refusal.message, "status": "error"}
    return {"code": "SUCCESS", "details": {"id": str(made.id)}, "message": "field created", "status": "success"}


def _views_info(everything: list[view_store.View], *, per_page: int, page: int, count: int) -> dict[str, Any]:
    return {
        "per_page": per_page,
        "default": str(everything[0].id),
        "count": count,
        "page": page,
        "more_records": per_page > 1 and page * per_page < len(everything),
        "translation": view_store.TRANSLATION,
    }


def _view_json(view: view_store.View, module: Module) -> dict[str, Any]:
    sandbox = current_sandbox()
    zone = sandbox.organisation.time_zone
    return view_store.as_json(view, module, member=caller().member, members=sandbox.members, zone=zone)


def _require_deals_layout() -> None:
    require("ZohoCRM.settings.pipeline.READ")
    asked = request.args.get("layout_id")
    if not asked:
        raise missing_param("layout_id")
    if asked != str(metadata.layout_id(current_sandbox().catalog.module("Deals"))):
        raise invalid_param("layout_id")


def _pipeline_json() -> dict[str, Any]:
    stages = [
        {
            "display_value": stage.display,
            "actual_value": stage.actual,
            "sequence_number": place,
            "forecast_category": {"name": stage.category, "id": str(CATEGORY_IDS[stage.category])},
            "forecast_type": stage.forecast_type,
            "colour_code": stage.colour,
            "id": str(PIPELINE_ID + place),
        }
        for place, stage in enumerate(STAGES, start=1)
    ]
    return {
        "display_value": LAYOUT_PIPELINE,
        "actual_value": LAYOUT_PIPELINE,
        "default": True,
        "child_available": False,
        "parent": None,
        "id": str(PIPELINE_ID),
        "maps": stages,
    }
