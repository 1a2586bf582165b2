"""Fields, modules, layouts and related lists as the settings API tells of them, with every documented key."""

from typing import Any

from zbweb.sandbox.catalog import ID_BASE, Catalog
from zbweb.sandbox.members import PROFILES
from zbweb.sandbox.pipeline import CATEGORY_IDS, STAGES
from zbweb.sandbox.schema import Field, Kind, Module, RelatedList

LAYOUT_BASE = ID_BASE + 91_011
_UI_TYPES = {Kind.TEXT: 1, Kind.TEXTAREA: 3, Kind.EMAIL: 25, Kind.PHONE: 33, Kind.WEBSITE: 21, Kind.PICKLIST: 2,
             Kind.DATE: 24, Kind.DATETIME: 333, Kind.INTEGER: 32, Kind.CURRENCY: 36, Kind.BOOLEAN: 301,
             Kind.LOOKUP: 133, Kind.OWNER: 8, Kind.SUBFORM: 0}  # fmt: skip
_CONTAINERS = frozenset({Kind.SUBFORM, Kind.IMAGE})


def layout_id(module: Module) -> int:
    return LAYOUT_BASE + (module.id - ID_BASE - 2001)


def profiles() -> list[dict[str, str]]:
    return [{"permission_type": "read_write", "name": name, "id": str(number)} for name, number in PROFILES.items()]


def field_json(field: Field, module: Module, catalog: Catalog) -> dict[str, Any]:
    """One field object: null, {} and [] where a key does not apply, as the CRM does."""
    is_writable = not field.read_only
    return {
        **_fixed(field),
        "id": str(field.id),
        "api_name": field.api_name,
        "field_label": field.display_label,
        "display_label": field.display_label,
        "data_type": field.kind.value,
        "json_type": field.json_type,
        "length": field.max_length,
        "decimal_place": field.decimals,
        "custom_field": field.custom,
        "system_mandatory": field.mandatory,
        "read_only": field.read_only,
        "field_read_only": field.read_only,
        "filterable": field.kind not in _CONTAINERS,
        "sortable": field.kind not in (*_CONTAINERS, Kind.TEXTAREA),
        "searchable": field.searchable,
        "mass_update": is_writable and field.kind is not Kind.SUBFORM,
        "display_field": field.api_name == module.name_field,
        "virtual_field": field.api_name == "Full_Name",
        "created_source": "api" if field.custom else "default",
        "column_name": field.api_name.upper(),
        "ui_type": _UI_TYPES.get(field.kind, 1),
        "unique": {"casesensitive": "false"} if field.unique else {},
        "pick_list_values": _choices(field),
        "lookup": _lookup(field, catalog),
        "subform": _module_reference(field, catalog) if field.kind is Kind.SUBFORM else None,
        "associated_module": _module_reference(field, catalog) if field.kind is Kind.SUBFORM else None,
        "currency": {"rounding_option": "normal", "precision": 2} if field.kind is Kind.CURRENCY else {},
        "formula": {"return_type": "currency", "expression": "computed"} if field.kind is Kind.FORMULA else {},
        "operation_type": dict.fromkeys(("web_update", "api_create", "web_create", "api_update"), is_writable),
        "view_type": {"view": True, "edit": is_writable, "quick_create": field.mandatory, "create": is_writable},
        "layout_associations": [layout_reference(module)],
    }


def _fixed(field: Field) -> dict[str, Any]:
    """The keys that say the same about all our fields."""
    no = ("webhook", "enable_colour_code", "separator", "number_separator",
          "hipaa_compliance_enabled", "_update_existing_records", "static_field", "colour_code_enabled_by_system",
          "pick_list_values_sorted_lexically")  # fmt: skip
    nothing = ("default_value", "global_picklist", "crypt", "tooltip", "history_tracking", "hipaa_compliance",
               "external", "private", "association_details", "additional_column", "created_time", "modified_time",
               "sub_module", "refer_from_field", "multiuserlookup", "autonumber", "common.picklist",
               "sharing_properties", "textarea")  # fmt: skip
    return {
        **dict.fromkeys(no, False),
        **dict.fromkeys(nothing),
        "visible": True,
        "available_in_user_layout": True,
        "blueprint_supported": not field.read_only,
        "businesscard_supported": True,
        "type": "used",
        "display_type": -1,
        "show_type": 7,
        "category": 1 if field.custom else 0,
        "quick_sequence_number": "0",
        "customizable_properties": [],
        "email_parser": {"fields_update_supported": True, "record_operations_supported": True},
        "convert_mapping": {"Contacts": None, "Deals": None, "Accounts": None},
        "multiselectlookup": {},
        "multi_module_lookup": {},
        "auto_number": {},
        "rollup_summary": {},
        "allowed_modules": [],
        "file_upolad_optionlist": [],
        "profiles": profiles(),
    }


def _choices(field: Field) -> list[dict[str, Any]]:
    if field.api_name == "Stage":
        return stage_choices()
    if not field.choices:
        return []
    labels = ("-None-", *field.choices) if field.kind is Kind.PICKLIST else field.choices
    return [_choice(label, place, field.id * 100 % 10**12) for place, label in enumerate(labels, start=1)]


def _choice(label: str, place: int, base: int) -> dict[str, Any]:
    return {
        "display_value": label,
        "actual_value": label,
        "reference_value": label,
        "sequence_number": place,
        "colour_code": None,
        "id": str(ID_BASE + base + place),
        "type": "used",
        "expected_data_type": None,
        "sys_ref_name": None,
        "maps": [],
    }


def stage_choices() -> list[dict[str, Any]]:
    """Deals.Stage: the value of choice carries the odds and the forecast type."""
    return [
        {
            **_choice(stage.display, place, 6800),
            "actual_value": stage.actual,
            "reference_value": stage.actual,
            "colour_code": stage.colour,
            "probability": stage.probability,
            "forecast_type": stage.forecast_type,
            "forecast_category": {"name": stage.category, "id": str(CATEGORY_IDS[stage.category])},
            "deal_category": stage.forecast_type,
        }
        for place, stage in enumerate(STAGES, start=1)
    ]


def _lookup(field: Field, catalog: Catalog) -> dict[str, Any]:
    if field.kind is not Kind.LOOKUP:
        return {}
    return {
        "id": str(field.id + 500),
        "api_name": f"{field.api_name}__r",
        "display_label": field.display_label,
        "module": _module_reference(field, catalog),
        "query_details": {},
        "revalidate_filter_during_edit": False,
        "profiles": [],
    }


def _module_reference(field: Field, catalog: Catalog) -> dict[str, str] | None:
    target = catalog.find(field.target or "")
    return {"api_name": target.api_name, "id": str(target.id)} if target else None


def layout_reference(module: Module) -> dict[str, str]:
    return {"api_name": "Standard", "name": "Standard", "id": str(layout_id(module))}


def _alike_in_all_modules() -> dict[str, Any]:
    yes = ("deletable", "creatable", "recycle_bin_on_delete", "inventory_template_supported", "chart_view", "visible",
           "isBlueprintSupported", "convertable", "editable", "emailTemplate_support", "filter_supported",
           "show_as_tab", "viewable", "api_supported", "quick_create", "chart_view_supported", "webform_supported",
           "kanban_view_supported", "scoring_supported", "triggers_supported")  # fmt: skip
    no = ("has_more_profiles", "sub_menu_available", "presence_sub_menu", "email_parser_supported", "feeds_required",
          "track_current_data", "kanban_view", "filter_status")  # fmt: skip
    lists = ("arguments", "$field_states", "business_card_fields", "$properties", "$on_demand_properties",
             "search_layout_fields")  # fmt: skip
    return dict.fromkeys(yes, True) | dict.fromkeys(no, False) | {name: [] for name in lists}


def module_json(module: Module, position: int) -> dict[str, Any]:
    """One module of GET /settings/modules."""
    return {
        **_alike_in_all_modules(),
        "id": str(module.id),
        "api_name": module.api_name,
        "module_name": module.legacy_name or module.api_name,
        "singular_label": module.singular,
        "plural_label": module.plural,
        "generated_type": "default",
        "visibility": 1,
        "status": "visible",
        "sequence_number": position,
        "profile_count": len(PROFILES),
        "business_card_field_limit": 5,
        "per_page": 10,
        "description": None,
        "web_link": None,
        "modified_time": None,
        "modified_by": None,
        "parent_module": {},
        "activity_badge": "Disabled",
        "profiles": [{"name": item["name"], "id": item["id"]} for item in profiles()],
        "lookup_field_properties": {"fields": []},
        "related_list_properties": {"sort_by": None, "fields": [], "sort_order": None},
        "display_field": _display_field(module),
        "custom_view": None,
        "zia_view": None,
        "default_mapping_fields": [],
        "layout_associations": [layout_reference(module)],
        "related_lists": [],
        "layouts": [],
        "fields": [],
    }


def _display_field(module: Module) -> dict[str, str]:
    return {"api_name": module.name_field, "id": str(module.by_name[module.name_field].id)}


def layout_json(module: Module, catalog: Catalog) -> dict[str, Any]:
    """The module's one layout: a section with every field, each telling whether it is required."""
    actions = ("edit", "rename", "clone", "downgrade", "delete", "deactivate", "set_layout_permissions")
    return {
        "id": str(layout_id(module)),
        "name": "Standard",
        "api_name": "Standard",
        "display_label": "Standard",
        "display_type": 1,
        "visible": True,
        "status": "active",
        "source": "crm",
        "mode": "view",
        "generated_type": "default",
        "has_more_profiles": False,
        "show_business_card": True,
        "subform_properties": None,
        "created_for": None,
        "created_time": None,
        "modified_time": None,
        "created_by": None,
        "modified_by": None,
        "convert_mapping": None,
        "profiles": [
            {"default": True, "name": item["name"], "id": item["id"], "_default_view": None} for item in profiles()
        ],
        "sections": [_section(module, catalog)],
        "actions_allowed": dict.fromkeys(actions, True),
    }


def _section(module: Module, catalog: Catalog) -> dict[str, Any]:
    title = f"{module.singular} Information"
    fields = [
        {
            **field_json(field, module, catalog),
            "required": field.mandatory,
            "sequence_number": place,
            "section_id": 1,
            "validation_rule": None,
            "static_values": [],
            "_delete": None,
        }
        for place, field in enumerate(module.fields, start=1)
    ]
    return {
        "id": str(layout_id(module) + 50_000),
        "name": title,
        "api_name": title.replace(" ", "_"),
        "display_label": title,
        "sequence_number": 1,
        "column_count": 2,
        "isSubformSection": False,
        "tab_traversal": "left_to_right",
        "generated_type": "default",
        "type": "used",
        "properties": None,
        "_delete": None,
        "fields": fields,
    }


def related_list_json(module: Module, item: RelatedList, position: int, catalog: Catalog) -> dict[str, Any]:
    """One related list; `href` is where its records are read, with a literal `{ENTITYID}`."""
    target = catalog.module(item.module)
    label = item.label or item.api_name.replace("_", " ")
    return {
        "id": str(ID_BASE + 70_001 + (module.id - ID_BASE - 2001) * 50 + position),
        "sequence_number": str(position),
        "display_label": label,
        "name": label,
        "api_name": item.api_name,
        "module": {"api_name": target.api_name, "id": str(target.id)},
        "href": f"{module.api_name}/{{ENTITYID}}/{item.api_name}",
        "type": "default",
        "status": "visible",
        "visible": True,
        "action": None,
        "customize_sort": True,
        "customize_fields": True,
        "customize_display_label": False,
        "sort_by": None,
        "sort_order": None,
        "fields": [],
        "connectedmodule": None,
        "linkingmodule": None,
    }
