"""Setup: the service key, the users, the organisation and the web tab."""

from collections.abc import Container, Mapping
from dataclasses import asdict

from flask import Blueprint, abort, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from zbweb.sandbox import oauth
from zbweb.sandbox.members import Member, MemberStatus, set_status
from zbweb.sandbox.organisation import CURRENCIES, Plan, change_organisation
from zbweb.sandbox.pages.acting import COOKIE
from zbweb.sandbox.pages.outcome import Outcome
from zbweb.sandbox.panel import panel_template, set_panel
from zbweb.sandbox.state import current_sandbox

blueprint = Blueprint("setup", __name__, url_prefix="/setup")
Page = str | Response | tuple[str, int]
LONGEST_NAME = 100
ZONES = (
    "America/Los_Angeles", "America/New_York", "Europe/London", "Europe/Berlin", "Asia/Kolkata", "Asia/Tokyo",
    "Australia/Sydney", "Etc/UTC",
)  # fmt: skip


@blueprint.get("")
def index() -> Page:
    return render_template("pages/setup/index.html")


@blueprint.get("/zsc-key")
def zsc_key() -> Page:
    sandbox = current_sandbox()
    with sandbox.reading() as connection:
        key = oauth.zsc_key(connection)
        clients = [(one, oauth.first_refresh_token(connection, one.client_id)) for one in oauth.clients(connection)]
    return render_template("pages/setup/zsc_key.html", key=key, clients=clients, admin=sandbox.admin)


@blueprint.post("/zsc-key")
def new_key() -> Page:
    with current_sandbox().store.write() as connection:
        oauth.regenerate_zsc_key(connection)
    return redirect(url_for(".zsc_key", done=Outcome.NEW_KEY), 303)


@blueprint.get("/users")
def users() -> Page:
    members = list(current_sandbox().members.values())
    return render_template("pages/setup/users.html", members=members)


@blueprint.post("/users/<int:member_id>/status")
def change_status(member_id: int) -> Page:
    """Activate or deactivate: whoever is inactive can neither call nor own anything new."""
    sandbox = current_sandbox()
    status = MemberStatus.DISABLED if _member(member_id).is_active else MemberStatus.ACTIVE
    with sandbox.store.write() as connection:
        set_status(connection, _member(member_id), status)
    sandbox.refresh()
    done = Outcome.ACTIVATED if status is MemberStatus.ACTIVE else Outcome.DEACTIVATED
    return redirect(url_for(".users", done=done), 303)


@blueprint.post("/users/<int:member_id>/work-as")
def work_as(member_id: int) -> Page:
    response = redirect(url_for(".users", done=Outcome.WORKING_AS), 303)
    response.set_cookie(COOKIE, str(_member(member_id).id), httponly=True, samesite="Strict")
    return response


@blueprint.get("/organisation")
def organisation() -> Page:
    return _organisation_page(asdict(current_sandbox().organisation))


@blueprint.post("/organisation")
def change() -> Page:
    sandbox, form = current_sandbox(), request.form
    values = {
        "company_name": form.get("company_name", "").strip(),
        "paid_type": form.get("paid_type", ""),
        "iso_code": form.get("iso_code", ""),
        "time_zone": form.get("time_zone", ""),
        "mc_status": form.get("mc_status") == "on",
    }
    if not 0 < len(str(values["company_name"])) <= LONGEST_NAME:
        return _organisation_page(values, error=f"Enter a name of at most {LONGEST_NAME} characters."), 422
    choices: dict[str, Container[object]] = {"paid_type": set(Plan), "iso_code": CURRENCIES, "time_zone": _zones()}
    if not all(values[name] in known for name, known in choices.items()):
        abort(400, "Choose from the lists.")
    with sandbox.store.write() as connection:
        change_organisation(connection, values)
    sandbox.refresh()
    return redirect(url_for(".organisation", done=Outcome.SAVED), 303)


@blueprint.get("/panel")
def panel() -> Page:
    with current_sandbox().reading() as connection:
        address = panel_template(connection)
    return render_template("pages/setup/panel.html", address=address, error="")


@blueprint.post("/panel")
def change_panel() -> Page:
    address = request.form.get("url", "")
    try:
        with current_sandbox().store.write() as connection:
            set_panel(connection, address)
    except ValueError as error:
        return render_template("pages/setup/panel.html", address=address, error=str(error)), 422
    return redirect(url_for(".panel", done=Outcome.SAVED), 303)


def _member(member_id: int) -> Member:
    return current_sandbox().members.get(member_id) or abort(404)


def _zones() -> tuple[str, ...]:
    return tuple(dict.fromkeys((current_sandbox().organisation.time_zone, *ZONES)))


def _organisation_page(values: Mapping[str, object], *, error: str = "") -> str:
    return render_template(
        "pages/setup/organisation.html", values=values, plans=list(Plan), currencies=CURRENCIES, zones=_zones(),
        error=error,
    )  # fmt: skip
