"""Subscriptions to changes (the CRM's "actions watch"): who hears of what, until when, in which words."""

import json
import sqlite3
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from zbweb.sandbox.work import Change, Operation

if TYPE_CHECKING:
    from zbweb.sandbox.state import Sandbox

EVENT_OF = {Operation.INSERT: "create", Operation.UPDATE: "edit", Operation.DELETE: "delete"}
EVENTS = ("create", "edit", "delete", "all")


@dataclass(frozen=True, slots=True)
class Channel:
    """One channel's interest in one module. `expires` is epoch seconds."""

    channel_id: str
    module: str
    events: tuple[str, ...]
    notify_url: str
    expires: int
    user_id: int
    token: str | None = None
    condition: tuple[dict[str, Any], ...] = ()
    on_related_action: bool = True
    with_values: bool = False

    def hears(self, change: Change) -> bool:
        """Whether this change is one of the events, and touches the fields of the condition."""
        if change.module != self.module or not {"all", EVENT_OF[change.operation]} & set(self.events):
            return False
        if change.operation is not Operation.UPDATE or not self.condition:
            return True
        return all(_touches(item.get("field_selection") or {}, change) for item in self.condition)


def _touches(selection: dict[str, Any], change: Change) -> bool:
    if "group" in selection:
        choose = all if str(selection.get("group_operator", "or")).lower() == "and" else any
        return choose(_touches(part, change) for part in selection["group"])
    return (selection.get("field") or {}).get("api_name") in change.values


def save_channel(connection: sqlite3.Connection, channel: Channel) -> None:
    connection.execute(
        "INSERT OR REPLACE INTO channel (channel_id, module, user_id, expires, body) VALUES (?, ?, ?, ?, ?)",
        (channel.channel_id, channel.module, channel.user_id, channel.expires, json.dumps(asdict(channel))),
    )


def channels(connection: sqlite3.Connection, *, now: int, channel_id: str | None = None) -> list[Channel]:
    """Those that have not expired, in the order of their ids."""
    rows = connection.execute(
        "SELECT body FROM channel WHERE expires > ? AND (? IS NULL OR channel_id = ?) ORDER BY channel_id, module",
        (now, channel_id, channel_id),
    )
    return [_channel(json.loads(row["body"])) for row in rows]


def remove_channel(connection: sqlite3.Connection, channel_id: str, *, module: str | None = None) -> None:
    connection.execute(
        "DELETE FROM channel WHERE channel_id = ? AND (? IS NULL OR module = ?)", (channel_id, module, module)
    )


def _channel(values: dict[str, Any]) -> Channel:
    events, condition = tuple(values.pop("events")), tuple(values.pop("condition"))
    return Channel(**values, events=events, condition=condition)


def messages_for(sandbox: "Sandbox", changes: list[Change]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The POSTs (address and body) that these changes cause, one for each channel, module and operation."""
    now = sandbox.clock.now()
    with sandbox.reading() as connection:
        listening = channels(connection, now=now)
    for channel in listening:
        for operation in Operation:
            heard = [item for item in changes if item.operation is operation and channel.hears(item)]
            if heard:
                yield channel.notify_url, _payload(channel, heard, base_url=sandbox.base_url, now=now)


def _payload(channel: Channel, heard: list[Change], *, base_url: str, now: int) -> dict[str, Any]:
    operation = heard[0].operation
    touched = {str(item.record_id): item.values for item in heard}
    payload = {
        "server_time": now * 1000,
        "query_params": dict(parse_qsl(urlsplit(channel.notify_url).query)),
        "module": channel.module,
        "resource_uri": f"{base_url}/crm/v8/{channel.module}",
        "ids": list(touched),
        "affected_fields": [],
        "operation": operation.value,
        "channel_id": channel.channel_id,
        "token": channel.token,
    }
    if operation is Operation.UPDATE:
        payload["affected_fields"] = [{record_id: list(values)} for record_id, values in touched.items()]
        if channel.with_values:
            payload["affected_values"] = [
                {"record_id": record_id, "values": values} for record_id, values in touched.items()
            ]
    return payload
