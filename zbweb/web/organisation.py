"""Settings > Organisation: the profile."""

from flask import Blueprint, flash, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from zbweb.billing import settings
from zbweb.billing.books import own
from zbweb.billing.words import Role
from zbweb.db import db
from zbweb.web import access, htmx
from zbweb.web.forms.attempt import attempt
from zbweb.web.forms.settings import ProfileForm

bp = Blueprint("organisation", __name__)


@bp.route("/settings/organisation", methods=["GET", "POST"])
@access.allow(Role.ADMIN)
def edit() -> ResponseReturnValue:
    """Show and change the organisation's profile."""
    session = db.session()
    form, fixed = ProfileForm(obj=own(session)), settings.has_books(session)
    if request.method == "POST":
        saved = attempt(form, lambda session: _save(session, form))
        if not saved.refused:
            flash("The organisation's profile is saved.", "success")
            return htmx.redirect(url_for("organisation.edit"))
        return htmx.page("organisation/edit.html", status=saved.status, form=form, fixed=fixed, nav_active="settings")
    return htmx.page("organisation/edit.html", form=form, fixed=fixed, nav_active="settings")


def _save(session: Session, form: ProfileForm) -> None:
    settings.edit_profile(session, own(session), form.draft(), actor=access.person().actor)
