"""Standing orders: the CRM tells an address of ours when records change, for a week at most."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from zbweb.crm import parse
from zbweb.crm.errors import MalformedAnswer, Refused
from zbweb.crm.port import Channel, Verdict
from zbweb.crm.records import API
from zbweb.crm.transport import Ask, Transport
from zbweb.crm.wire import parse_time, time_text

_WATCH = f"{API}/actions/watch"
_SUBJECT = "notifications"
_NOT_THERE = "NOT_SUBSCRIBED"


def watch(
    transport: Transport,
    channel_id: str,
    *,
    events: Sequence[str],
    notify_url: str,
    token: str,
    expires_at: datetime,
) -> Channel:
    """Order notifications (`events` such as `Deals.edit`), or renew an order of the same `channel_id` (digits).

    `Channel.expires_at` is what the CRM granted: one hour when more than a week was asked for.
    """
    wish = {
        "channel_id": channel_id,
        "events": list(events),
        "channel_expiry": time_text(expires_at),
        "token": token,
        "notify_url": notify_url,
        "return_affected_field_values": False,
    }
    verdict = _verdict(transport, Ask("POST", _WATCH, body={"watch": [wish]}, verdicts="watch", subject=_SUBJECT))
    _refuse_unless_ok(verdict)
    granted = [parse_time(event.get("channel_expiry")) for event in verdict.details.get("events", ())]
    return Channel(
        id=channel_id,
        token=token,
        expires_at=min(filter(None, granted), default=expires_at),
        events=tuple(events),
    )


def unwatch(transport: Transport, channel_id: str) -> None:
    """Cancel an order; one that is not there is cancelled already."""
    verdict = _verdict(
        transport, Ask("DELETE", _WATCH, {"channel_ids": channel_id}, verdicts="watch", subject=_SUBJECT)
    )
    if verdict.code != _NOT_THERE:
        _refuse_unless_ok(verdict)


def _verdict(transport: Transport, ask: Ask) -> Verdict:
    body: Any = transport.call(ask)
    if body is None:
        raise MalformedAnswer("Zoho CRM did not say whether it took the order for notifications. Try again.")
    with parse.reading(_SUBJECT):
        return parse.verdict(body["watch"][0])


def _refuse_unless_ok(verdict: Verdict) -> None:
    if not verdict.ok:
        raise Refused(
            f'Zoho CRM refused the order for notifications. Its words: "{verdict.message}" ({verdict.code}).',
            code=verdict.code,
            details=verdict.details,
        )
