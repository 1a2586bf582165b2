"""The organisation, its currencies and its users."""

from collections.abc import Callable, Mapping
from typing import Any

from flask import Blueprint, Response, request

from zbweb.sandbox import members, organisation
from zbweb.sandbox.api.answers import ApiError, answer, empty
from zbweb.sandbox.api.gate import caller, require
from zbweb.sandbox.api.listing import LARGEST_PAGE, whole_number
from zbweb.sandbox.catalog import ID_BASE
from zbweb.sandbox.clock import iso
from zbweb.sandbox.members import Member, MemberStatus
from zbweb.sandbox.organisation import CURRENCIES, Money, Organisation
from zbweb.sandbox.state import Sandbox, current_sandbox

blueprint = Blueprint("org", __name__, url_prefix="/crm/v8")
_FILTERS: Mapping[str, Callable[[Member], bool]] = {
    "AllUsers": lambda _member: True,
    "ActiveUsers": lambda member: member.is_active,
    "AllActiveUsers": lambda member: member.is_active,
    "DeactiveUsers": lambda member: member.status is MemberStatus.DISABLED,
    "ConfirmedUsers": lambda member: member.confirmed,
    "NotConfirmedUsers": lambda member: not member.confirmed,
    "DeletedUsers": lambda _member: False,
    "ActiveConfirmedUsers": lambda member: member.is_active and member.confirmed,
    "AdminUsers": lambda member: member.is_admin,
    "ActiveConfirmedAdmins": lambda member: member.is_admin and member.is_active and member.confirmed,
    "DeveloperUsers": lambda _member: False,
}


@blueprint.get("/org")
def org() -> Response:
    require("ZohoCRM.org.READ")
    sandbox = current_sandbox()
    return answer({"org": [organisation.as_json(sandbox.organisation, now=sandbox.clock.now())]})


@blueprint.get("/org/currencies")
def currencies() -> Response:
    return answer({"currencies": _currencies()})


@blueprint.get("/org/currencies/<currency_id>")
def currency(currency_id: str) -> Response:
    found = next((item for item in _currencies() if item["id"] == currency_id), None)
    return answer({"currencies": [found]}) if found else empty()


@blueprint.get("/users")
def users() -> Response:
    require("ZohoCRM.users.READ")
    sandbox = current_sandbox()
    page = whole_number("page", 1)
    per_page = whole_number("per_page", LARGEST_PAGE, most=LARGEST_PAGE)
    chosen = _chosen(sandbox)
    shown = chosen[(page - 1) * per_page : page * per_page]
    if not shown:
        return empty()
    info = {
        "per_page": per_page, "count": len(shown), "page": page, "more_records": page * per_page < len(chosen),
    }  # fmt: skip
    return answer({"users": [_member_json(sandbox, member) for member in shown], "info": info})


@blueprint.get("/users/<user_id>")
def user(user_id: str) -> Response:
    require("ZohoCRM.users.READ")
    sandbox = current_sandbox()
    member = sandbox.members.get(int(user_id)) if user_id.isdecimal() else None
    info = {"per_page": LARGEST_PAGE, "count": 1, "page": 1, "more_records": False}
    return answer({"users": [_member_json(sandbox, member)], "info": info}) if member else empty()


def _chosen(sandbox: Sandbox) -> list[Member]:
    kind = request.args.get("type", "AllUsers")
    if kind == "CurrentUser":
        return [caller().member]
    if kind not in _FILTERS:
        message = "Please check whether the input values are correct"
        raise ApiError("PATTERN_NOT_MATCHED", message, {"param_name": "type", "api_name": "type"})
    return [member for member in sandbox.members.values() if _FILTERS[kind](member)]


def _member_json(sandbox: Sandbox, member: Member) -> dict[str, Any]:
    return members.as_json(member, zone=sandbox.organisation.time_zone, created_by=sandbox.admin)


def _currencies() -> list[dict[str, Any]]:
    require("ZohoCRM.settings.currencies.READ")
    sandbox = current_sandbox()
    org = sandbox.organisation
    if not org.mc_status:
        raise ApiError("CURRENCIES_NOT_ENABLED", "Multi currency is not enabled", status=403)
    codes = dict.fromkeys((org.iso_code, "USD", "EUR", "GBP"))
    return [_currency_json(sandbox, place, code) for place, code in enumerate(codes)]


def _currency_json(sandbox: Sandbox, place: int, code: str) -> dict[str, Any]:
    org: Organisation = sandbox.organisation
    money = CURRENCIES.get(code, Money(code, code, 2, "1.000000000"))
    author = {"name": sandbox.admin.full_name, "id": str(sandbox.admin.id)}
    moment = iso(org.created, org.time_zone)
    return {
        "id": str(ID_BASE + 38_990 + place),
        "iso_code": code,
        "name": f"{money.name} - {code}",
        "symbol": money.symbol,
        "is_base": code == org.iso_code,
        "is_active": True,
        "exchange_rate": f"{org.rate_of(code):.9f}",
        "exchange_rate_auto_update": False,
        "prefix_symbol": True,
        "format": {
            "numeral_system": "International",
            "decimal_places": str(money.decimals),
            "decimal_separator": "Period",
            "thousand_separator": "Comma",
        },
        "created_by": author,
        "modified_by": author,
        "created_time": moment,
        "modified_time": moment,
    }
