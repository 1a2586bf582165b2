"""The control API, for tests and demonstrations on this machine only; it is no part of the CRM's own interface.

POST /_sandbox/reset          {} back to the demo organisation; {"empty": true} without any customers
POST /_sandbox/seed           {"accounts": N, "contacts_per_account": M, "loose_contacts": L, "deals": K,
                              "duplicates": D, "append": false}: replaces the customers (or adds to them);
                              D of the N accounts carry the name of another
POST /_sandbox/faults         see zbweb.sandbox.faults; GET tells what is in force
POST /_sandbox/org            {"paid_type", "iso_code", "mc_status", "trial_type", "company_name", "time_zone", …}
POST /_sandbox/custom_views   {"module", "name", "criteria"}: the CRM's criteria JSON, or a text as its search takes;
                              but a view is exact, so that `equals` means what it says
POST /_sandbox/panel          {"url": "http://…/{account_id}"}: the page that records show as their web tab
DELETE /_sandbox/custom_views/<id>
GET  /_sandbox/requests       a list of the API calls since the reset; DELETE forgets them
GET  /_sandbox/notifications  a list of the notifications that went out
GET  /_sandbox/state          counts of records, users, the service key
"""

import json
from dataclasses import asdict
from typing import Any

from flask import Blueprint, Response, abort, request

from zbweb.sandbox import criteria, oauth, queries, search, seed
from zbweb.sandbox import views as view_store
from zbweb.sandbox.api.answers import answer
from zbweb.sandbox.catalog import FIRST_RECORD_ID, UnknownModule
from zbweb.sandbox.criteria import BadCriterion, Scope
from zbweb.sandbox.faults import KNOWN
from zbweb.sandbox.members import MemberStatus, member_by_email, set_status
from zbweb.sandbox.organisation import change_organisation
from zbweb.sandbox.panel import set_panel
from zbweb.sandbox.state import Sandbox, current_sandbox
from zbweb.sandbox.store import take_ids

blueprint = Blueprint("control", __name__, url_prefix="/_sandbox")
LOOPBACK = ("127.0.0.1", "::1", "::ffff:127.0.0.1")


@blueprint.before_request
def only_from_this_machine() -> None:
    if request.remote_addr not in LOOPBACK:
        abort(403)


@blueprint.errorhandler(ValueError)
def refuse(error: ValueError) -> Response:
    return answer({"error": str(error)}, 400)


@blueprint.post("/reset")
def reset() -> Response:
    sandbox = current_sandbox()
    sandbox.faults.clear()
    sandbox.clock.skew_seconds = 0
    sandbox.traffic.forget()  # first: a CRM that nobody has read has an old past
    seed.start_over(sandbox, wish=None if _body().get("empty") else seed.DEMO)
    sandbox.notifier.forget()
    return answer(_state(sandbox))


@blueprint.post("/seed")
def fill() -> Response:
    body, sandbox = _body(), current_sandbox()
    wish = seed.Wish(
        accounts=_number(body, "accounts", 0),
        contacts_per_account=_number(body, "contacts_per_account", 1),
        loose_contacts=_number(body, "loose_contacts", 0),
        deals=_number(body, "deals", 0),
        duplicates=_number(body, "duplicates", 0),
    )
    if wish.duplicates and wish.duplicates >= wish.accounts:
        raise ValueError("duplicates must be fewer than the accounts, whose names they carry")
    made = seed.fill(sandbox, wish, keep=bool(body.get("append")))
    return answer({**made, "state": _state(sandbox)})


@blueprint.get("/faults")
def faults() -> Response:
    sandbox = current_sandbox()
    return answer({**sandbox.faults.as_json(), "clock_skew_seconds": sandbox.clock.skew_seconds})


@blueprint.post("/faults")
def set_faults() -> Response:
    wishes, sandbox = _body(), current_sandbox()
    if unknown := sorted(set(wishes) - KNOWN):
        raise ValueError(f"unknown faults: {', '.join(unknown)}; known are {', '.join(sorted(KNOWN))}")
    sandbox.faults.set(wishes)
    if "clock_skew_seconds" in wishes:
        sandbox.clock.skew_seconds = int(wishes["clock_skew_seconds"] or 0)
    with sandbox.store.write() as connection:
        if wishes.get("expire_tokens"):
            oauth.expire_access_tokens(connection, now=sandbox.clock.now())
        if wishes.get("revoke_zsc_key"):
            oauth.regenerate_zsc_key(connection)
        if "revoke_user" in wishes:
            _revoke_user(sandbox, connection, str(wishes["revoke_user"] or ""))
    sandbox.refresh()
    return faults()


@blueprint.get("/org")
def org() -> Response:
    return answer(asdict(current_sandbox().organisation))


@blueprint.post("/org")
def change_org() -> Response:
    sandbox = current_sandbox()
    with sandbox.store.write() as connection:
        change_organisation(connection, _body())
    sandbox.refresh()
    return org()


@blueprint.post("/custom_views")
def create_view() -> Response:
    body, sandbox = _body(), current_sandbox()
    try:
        module = sandbox.catalog.module(str(body.get("module")))
    except UnknownModule:
        raise ValueError(f"there is no module {body.get('module')!r}") from None
    now = sandbox.clock.now()
    scope = Scope(sandbox.catalog, module, sandbox.admin.id, now)
    given = body.get("criteria")
    with sandbox.store.write() as connection:
        number = take_ids(connection, "record", first=FIRST_RECORD_ID)
        chosen = criteria.to_json(_criterion(given, scope)) if given else None
        name = str(body.get("name") or f"View {number}")
        view = view_store.View(number, module.api_name, name, chosen, None, sandbox.admin.id, now)
        view_store.add_view(connection, view, scope)
    return answer({"id": str(view.id), "name": view.name, "module": view.module, "criteria": view.criteria}, 201)


@blueprint.post("/panel")
def change_panel() -> Response:
    address = str(_body().get("url") or "")
    with current_sandbox().store.write() as connection:
        set_panel(connection, address)
    return answer({"url": address.strip()})


@blueprint.delete("/custom_views/<int:view_id>")
def delete_view(view_id: int) -> Response:
    with current_sandbox().store.write() as connection:
        return answer({"deleted": view_store.remove_view(connection, view_id)})


@blueprint.get("/requests")
def requests() -> Response:
    return answer([asdict(call) for call in current_sandbox().traffic.calls()])


@blueprint.delete("/requests")
def forget_requests() -> Response:
    current_sandbox().traffic.forget()
    return answer([])


@blueprint.get("/notifications")
def notifications() -> Response:
    return answer([asdict(delivery) for delivery in current_sandbox().notifier.deliveries()])


@blueprint.get("/state")
def state() -> Response:
    return answer(_state(current_sandbox()))


def _body() -> dict[str, Any]:
    try:
        body = json.loads(request.get_data() or b"{}")
    except ValueError as error:
        raise ValueError(f"the body is not JSON: {error}") from error
    is_object = isinstance(body, dict)
    if not is_object:
        raise ValueError("the body must be a JSON object")
    return dict(body)


def _number(body: dict[str, Any], key: str, default: int) -> int:
    value: Any = body.get(key, default)
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    if not is_whole or value < 0:
        raise ValueError(f"{key} must be a whole number, zero or more")
    return int(value)


def _criterion(given: Any, scope: Scope) -> criteria.Criterion:
    try:
        return search.parse(given, scope) if isinstance(given, str) else criteria.from_json(given)
    except BadCriterion as error:
        raise ValueError(f"{error}: {error.details}") from error


def _revoke_user(sandbox: Sandbox, connection: Any, email: str) -> None:
    if not email:
        for member in seed.MEMBERS:
            set_status(connection, sandbox.members[member.id], member.status)
        return
    found = member_by_email(connection, email)
    if found is None:
        raise ValueError(f"there is no user {email}")
    set_status(connection, found, MemberStatus.DISABLED)


def _state(sandbox: Sandbox) -> dict[str, Any]:
    with sandbox.reading() as connection:
        return {
            "records": {
                module.api_name: queries.count(connection, module.api_name) for module in sandbox.catalog.listed()
            },
            "users": [{"email": item.email, "status": item.status.value} for item in sandbox.members.values()],
            "zsc_key": oauth.zsc_key(connection),
        }
