"""Changing the organisation one works for."""

from flask import Blueprint, redirect, request, url_for
from flask.typing import ResponseReturnValue

from zbweb.db import unit_of_work
from zbweb.web import access

bp = Blueprint("organisations", __name__)


@bp.post("/organisations/switch")
@access.allow()
def switch() -> ResponseReturnValue:
    """Work for the organisation chosen in the top bar."""
    with unit_of_work() as session:
        access.switch_organisation(session, request.form.get("organisation_id", 0, type=int))
    return redirect(url_for("home.index"))
