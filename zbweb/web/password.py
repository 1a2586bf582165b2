"""Changing one's own password; every other browser is signed out by it."""

from flask import Blueprint, flash, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from zbweb.billing import members
from zbweb.web import access, htmx
from zbweb.web.forms.attempt import attempt
from zbweb.web.forms.auth import PasswordForm
from zbweb.web.limits import limiter

bp = Blueprint("password", __name__)


@bp.route("/password", methods=["GET", "POST"])
@access.allow()
@limiter.limit("20 per 15 minutes", methods=["POST"])
def edit() -> ResponseReturnValue:
    """The password one has, and the one that is wanted."""
    form, status = PasswordForm(), 200
    if request.method == "POST":
        saved = attempt(form, lambda session: _change(session, form))
        if not saved.refused:
            flash("The password is changed. Other browsers were signed out.", "success")
            return htmx.redirect(url_for("home.index"))
        status = saved.status
    return htmx.page("password/edit.html", status=status, form=form, min_password=members.MIN_PASSWORD)


def _change(session: Session, form: PasswordForm) -> None:
    present, wanted = form.present.data or "", form.wanted.data or ""
    members.change_password(session, access.person().user_id, present=present, wanted=wanted)
    access.sign_out_elsewhere(session)
