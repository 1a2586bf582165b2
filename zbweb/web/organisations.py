"""Changing the organisation one works for."""

from flask import Blueprint, redirect, request, url_for
from flask.typing import ResponseReturnValue

from zbweb.db import unit_of_work
from zbweb.web import access, stale_forms

bp = Blueprint("organisations", __name__)


@bp.post("/organisations/switch")
@access.allow()
def switch() -> ResponseReturnValue:
    """Work for the organisation chosen in the top bar."""
    before, wanted = access.person().organisation_id, request.form.get("organisation_id", 0, type=int)
    with unit_of_work() as session:
        access.switch_organisation(session, wanted)
    stale_forms.change_organisation(before, wanted)
    return redirect(url_for("home.index"))
