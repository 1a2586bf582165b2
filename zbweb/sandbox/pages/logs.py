"""What went on: the calls of other programs, the notifications that went out, the records that were deleted."""

import json

from flask import Blueprint, abort, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from zbweb.sandbox.channels import channels
from zbweb.sandbox.pages.outcome import Outcome
from zbweb.sandbox.state import current_sandbox

blueprint = Blueprint("logs", __name__)
Page = str | Response | tuple[str, int]
MOST_CALLS = 200
MOST_DELETED = 200


@blueprint.get("/traffic")
def traffic() -> Page:
    log = current_sandbox().traffic
    return render_template(
        "pages/logs/traffic.html",
        exchanges=log.exchanges()[::-1],
        calls=log.calls()[: -MOST_CALLS - 1 : -1],
        shows_all=request.args.get("show") == "all",
        credits_used=log.credits_used,
    )


@blueprint.get("/traffic/<int:number>")
def exchange(number: int) -> Page:
    found = next((item for item in current_sandbox().traffic.exchanges() if item.number == number), None)
    if found is None:
        abort(404)
    return render_template(
        "pages/logs/exchange.html", exchange=found, sent=_pretty(found.sent), answered=_pretty(found.answered)
    )


@blueprint.get("/notifications")
def notifications() -> Page:
    sandbox = current_sandbox()
    with sandbox.reading() as connection:
        open_channels = channels(connection, now=sandbox.clock.now())
    latest = sandbox.notifier.deliveries()[: -MOST_CALLS - 1 : -1]
    deliveries = [(item, _pretty(json.dumps(item.payload))) for item in latest]
    return render_template("pages/logs/notifications.html", channels=open_channels, deliveries=deliveries)


@blueprint.get("/recycle-bin")
def recycle_bin() -> Page:
    sandbox = current_sandbox()
    with sandbox.reading() as connection:
        rows = connection.execute(
            "SELECT id, module, display_name, kind, deleted_by, deleted FROM deleted"
            " ORDER BY deleted DESC, id DESC LIMIT ?",
            (MOST_DELETED,),
        ).fetchall()
    return render_template("pages/logs/recycle_bin.html", rows=rows, members=sandbox.members, most=MOST_DELETED)


@blueprint.post("/recycle-bin/<int:record_id>/purge")
def purge(record_id: int) -> Page:
    """Delete for good: the API then tells of it as a permanent deletion."""
    with current_sandbox().store.write() as connection:
        gone = connection.execute(
            "UPDATE deleted SET kind = 'permanent', body = '{}' WHERE id = ? AND kind = 'recycle'", (record_id,)
        )
    if not gone.rowcount:
        abort(404)
    return redirect(url_for(".recycle_bin", done=Outcome.PURGED), 303)


def _pretty(text: str) -> str:
    """JSON on several lines; what is no JSON, or was cut short, as it is."""
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except ValueError:
        return text
