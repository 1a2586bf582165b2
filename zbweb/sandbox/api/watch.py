"""Subscriptions to changes: POST, GET, PUT, PATCH and DELETE of /actions/watch."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from flask import Blueprint, Response, request

from zbweb.sandbox.api.answers import ApiError, answer, batch, empty, missing_param
from zbweb.sandbox.api.gate import caller, require
from zbweb.sandbox.api.listing import LARGEST_PAGE, whole_number
from zbweb.sandbox.api.writes import json_body
from zbweb.sandbox.channels import EVENTS, Channel, channels, remove_channel, save_channel
from zbweb.sandbox.clock import iso, parse_iso
from zbweb.sandbox.state import current_sandbox
from zbweb.sandbox.work import Refused

blueprint = Blueprint("watch", __name__, url_prefix="/crm/v8/actions/watch")
LONGEST_SECONDS = 7 * 24 * 3600
DEFAULT_SECONDS = 3600
LONGEST_TOKEN = 50
MOST_CONDITION_FIELDS = 10
SUBSCRIBED = "Successfully subscribed for actions-watch of the given module"
UPDATED = "Successfully updated the subscribe details"
REMOVED = "Successfully removed the subscribe details"
UNSUBSCRIBED = "Successfully un-subscribed from actions-watch"

Item = dict[str, Any]


@blueprint.post("")
def enable() -> Response:
    require("ZohoCRM.notifications.CREATE")
    return _each(_subscribe(SUBSCRIBED), success=201)


@blueprint.put("")
def update() -> Response:
    require("ZohoCRM.notifications.UPDATE")

    def write(item: Item, path: str) -> Item:
        _known(item, path)
        return _subscribe(UPDATED)(item, path)

    return _each(write)


@blueprint.patch("")
def change() -> Response:
    require("ZohoCRM.notifications.UPDATE")
    return _each(_change)


@blueprint.get("")
def index() -> Response:
    require("ZohoCRM.notifications.READ")
    sandbox = current_sandbox()
    page = whole_number("page", 1)
    per_page = whole_number("per_page", LARGEST_PAGE, most=LARGEST_PAGE)
    wanted = request.args.get("module")
    with sandbox.reading() as connection:
        found = channels(connection, now=sandbox.clock.now(), channel_id=request.args.get("channel_id"))
    mine = [one for one in found if one.user_id == caller().member.id and wanted in (None, one.module)]
    shown = mine[(page - 1) * per_page : page * per_page]
    if not shown:
        return empty()
    info = {"per_page": per_page, "page": page, "count": len(shown), "more_records": page * per_page < len(mine)}
    return answer({"watch": [_channel_json(channel) for channel in shown], "info": info})


@blueprint.delete("")
def disable() -> Response:
    require("ZohoCRM.notifications.DELETE")
    ids = [part.strip() for part in request.args.get("channel_ids", "").split(",") if part.strip()]
    if not ids:
        raise missing_param("channel_ids")
    return batch("watch", [item for channel_id in ids for item in _unsubscribe(channel_id)])


def _each(write: Callable[[Item, str], Item], *, success: int = 200) -> Response:
    given = json_body().get("watch")
    if not isinstance(given, list) or not given:
        raise ApiError("MANDATORY_NOT_FOUND", "required field not found", {"api_name": "watch", "json_path": "$.watch"})
    verdicts = []
    for index, item in enumerate(given):
        try:
            verdicts.append(write(item if isinstance(item, dict) else {}, f"$.watch[{index}]"))
        except Refused as refusal:
            verdicts.append(refusal.as_json())
    return batch("watch", verdicts, success=success)


def _subscribe(message: str) -> Callable[[Item, str], Item]:
    """Replace the channel by what the item says."""

    def write(item: Item, path: str) -> Item:
        made = _read(item, path)
        with current_sandbox().store.write() as connection:
            remove_channel(connection, made[0].channel_id)
            for channel in made:
                save_channel(connection, channel)
        return _success({"events": [_event_json(channel) for channel in made]}, message)

    return write


def _change(item: Item, path: str) -> Item:
    known = _known(item, path)
    events = _events(item, path) if "events" in item else {}
    is_removal = item.get("_delete_events") is True
    expires = _expiry(item, path) if "channel_expiry" in item else known[0].expires
    with current_sandbox().store.write() as connection:
        kept = [_changed(channel, item, expires=expires) for channel in known]
        by_module = {channel.module: channel for channel in kept}
        for module, words in events.items():
            before = by_module.get(module) or replace(kept[0], module=module, events=())
            left = tuple(dict.fromkeys(word for word in before.events if not (is_removal and word in words)))
            by_module[module] = replace(before, events=left if is_removal else tuple(dict.fromkeys((*left, *words))))
        remove_channel(connection, known[0].channel_id)
        for channel in by_module.values():
            if channel.events:
                save_channel(connection, channel)
    told = [_event_json(channel) for channel in by_module.values()]
    return _success({"events": told}, REMOVED if is_removal else UPDATED)


def _changed(channel: Channel, item: Item, *, expires: int) -> Channel:
    return replace(
        channel,
        expires=expires,
        token=item.get("token", channel.token),
        notify_url=item.get("notify_url", channel.notify_url),
        with_values=bool(item.get("return_affected_field_values", channel.with_values)),
    )


def _known(item: Item, path: str) -> list[Channel]:
    channel_id = _channel_id(item, path)
    sandbox = current_sandbox()
    with sandbox.reading() as connection:
        found = channels(connection, now=sandbox.clock.now(), channel_id=channel_id)
    if not found:
        raise Refused("NOT_SUBSCRIBED", "Unable to process, the channel is not subscribed", {})
    return found


def _read(item: Item, path: str) -> list[Channel]:
    channel_id = _channel_id(item, path)
    events = _events(item, path)
    url = item.get("notify_url")
    if not url:
        raise _missing("notify_url", path)
    if not isinstance(url, str) or not url.startswith(("http://", "https://")):
        raise _invalid("notify_url", path)
    token = item.get("token")
    if token is not None and (not isinstance(token, str) or len(token) > LONGEST_TOKEN):
        raise _invalid("token", path)
    conditions = _conditions(item, path)
    channel = Channel(
        channel_id=channel_id,
        module="",
        events=(),
        notify_url=url,
        expires=_expiry(item, path),
        user_id=caller().member.id,
        token=token,
        on_related_action=item.get("notify_on_related_action") is not False,
        with_values=item.get("return_affected_field_values") is True,
    )
    return [
        replace(channel, module=module, events=words, condition=conditions.get(module, ()))
        for module, words in events.items()
    ]


def _channel_id(item: Item, path: str) -> str:
    given = item.get("channel_id")
    if given in (None, ""):
        raise _missing("channel_id", path)
    if isinstance(given, bool) or not str(given).isdecimal() or len(str(given)) > 19:
        raise _invalid("channel_id", path, expected_data_type="bigint")
    return str(given)


def _events(item: Item, path: str) -> dict[str, tuple[str, ...]]:
    """`["Deals.edit", "Accounts.all"]` by module."""
    given = item.get("events")
    if not given:
        raise _missing("events", path)
    found: dict[str, tuple[str, ...]] = {}
    catalog = current_sandbox().catalog
    for text in given if isinstance(given, list) else [given]:
        module, _, word = str(text).partition(".")
        if word not in EVENTS or not catalog.has_records(module):
            raise _invalid("events", path)
        found[module] = (*found.get(module, ()), word)
    return found


def _expiry(item: Item, path: str) -> int:
    """As asked when that is within a week; an hour from now when not, or when nothing was asked."""
    now = current_sandbox().clock.now()
    given = item.get("channel_expiry")
    if given is None:
        return now + DEFAULT_SECONDS
    try:
        wished = parse_iso(str(given))
    except ValueError:
        raise _invalid("channel_expiry", path, expected_data_type="datetime") from None
    return wished if now < wished <= now + LONGEST_SECONDS else now + DEFAULT_SECONDS


def _conditions(item: Item, path: str) -> dict[str, tuple[Item, ...]]:
    found: dict[str, tuple[Item, ...]] = {}
    for condition in item.get("notification_condition") or []:
        about = condition.get("module") if isinstance(condition, dict) else None
        module = about.get("api_name") if isinstance(about, dict) else None
        if (
            not isinstance(module, str)
            or not _is_selection(condition.get("field_selection", {}))
            or str(condition).count("'api_name'") > MOST_CONDITION_FIELDS + 1
        ):
            raise _invalid("notification_condition", path)
        found[module] = (*found.get(module, ()), condition)
    return found


def _is_selection(given: Any) -> bool:
    """`{"field": {"api_name"}}`, or a group of such."""
    if not isinstance(given, dict):
        return False
    if "group" in given:
        return isinstance(given["group"], list) and all(_is_selection(part) for part in given["group"])
    return isinstance(given.get("field", {}), dict)


def _unsubscribe(channel_id: str) -> list[Item]:
    sandbox = current_sandbox()
    with sandbox.store.write() as connection:
        found = channels(connection, now=sandbox.clock.now(), channel_id=channel_id)
        remove_channel(connection, channel_id)
    if not found:
        refused = Refused("NOT_SUBSCRIBED", "Unable to process, the channel is not subscribed", {})
        return [refused.as_json()]
    keys = ("resource_uri", "resource_id", "channel_id")
    return [_success({key: _event_json(channel)[key] for key in keys}, UNSUBSCRIBED) for channel in found]


def _event_json(channel: Channel) -> Item:
    sandbox = current_sandbox()
    return {
        "channel_expiry": iso(channel.expires, sandbox.organisation.time_zone),
        "resource_uri": f"{sandbox.base_url}/crm/v8/{channel.module}",
        "resource_id": str(sandbox.catalog.module(channel.module).id),
        "resource_name": channel.module,
        "channel_id": channel.channel_id,
        "notification_condition": list(channel.condition) or None,
    }


def _channel_json(channel: Channel) -> Item:
    return {
        **_event_json(channel),
        "events": [f"{channel.module}.{word}" for word in channel.events],
        "notify_url": channel.notify_url,
        "token": channel.token,
        "fields": None,
        "notify_on_related_action": channel.on_related_action,
        "return_affected_field_values": channel.with_values,
    }


def _success(details: Item, message: str) -> Item:
    return {"code": "SUCCESS", "details": details, "message": message, "status": "success"}


def _missing(name: str, path: str) -> Refused:
    return Refused("MANDATORY_NOT_FOUND", "required field not found", {"api_name": name, "json_path": f"{path}.{name}"})


def _invalid(name: str, path: str, **details: Any) -> Refused:
    return Refused("INVALID_DATA", "invalid data", {**details, "api_name": name, "json_path": f"{path}.{name}"})
