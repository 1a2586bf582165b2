"""Web pages of the stand-in CRM, for people: edit its records, its users and its settings, see what billing did.

Server-rendered forms without scripts. Everything that changes a record goes through `records.py`, as the API does,
so that times, the recycle bin and notifications behave alike whoever acts.
"""

from typing import Any

from flask import Blueprint, make_response, render_template, request
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from zbweb.sandbox import queries
from zbweb.sandbox.clock import iso
from zbweb.sandbox.pages import custom_fields, custom_views, guard, logs, outcome, records, setup
from zbweb.sandbox.pages.acting import actor
from zbweb.sandbox.pages.collections import COLLECTIONS, list_url, record_url
from zbweb.sandbox.pages.display import time_of
from zbweb.sandbox.state import current_sandbox

blueprint = Blueprint("pages", __name__)
blueprint.before_request(guard.only_from_here)
blueprint.after_request(guard.harden)


@blueprint.get("/")
def home() -> str:
    sandbox = current_sandbox()
    modules = [(collection, sandbox.catalog.module(collection.module)) for collection in COLLECTIONS]
    with sandbox.reading() as connection:
        counts = [(item, module, queries.count(connection, module.api_name)) for item, module in modules]
    calls = sandbox.traffic.calls()
    return render_template("pages/home.html", counts=counts, calls=len(calls), latest=calls[-1] if calls else None)


@blueprint.errorhandler(HTTPException)
def problem(error: HTTPException) -> tuple[str, int]:
    return render_template("pages/error.html", error=error), error.code or 500


def unknown_address(error: HTTPException) -> Response | HTTPException:
    """The same for an address that no page has; strangers get no page of ours."""
    if not guard.is_from_here():
        return error
    page = render_template("pages/error.html", error=error, **furniture())
    return guard.harden(make_response(page, error.code or 500))


@blueprint.context_processor
def furniture() -> dict[str, Any]:
    """What every page shows around its content."""
    sandbox = current_sandbox()
    return {
        "organisation": sandbox.organisation,
        "acting": actor(sandbox),
        "collections": [(item, sandbox.catalog.module(item.module)) for item in COLLECTIONS],
        "record_url": record_url,
        "list_url": list_url,
        "notice": outcome.sentence(request.args.get("done")),
        "local_time": lambda epoch: iso(int(epoch), sandbox.organisation.time_zone),
        "time_of": time_of,
    }


for part in (records, setup, custom_views, custom_fields, logs):
    blueprint.register_blueprint(part.blueprint)
