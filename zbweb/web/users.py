"""Settings > Users: who may sign in, and as what."""

from flask import Blueprint, flash, render_template, request, url_for
from flask.typing import ResponseReturnValue

from zbweb.billing import members
from zbweb.billing.members import MIN_PASSWORD, ROLE_LABELS
from zbweb.billing.words import Role
from zbweb.db import db, unit_of_work
from zbweb.web import access, htmx
from zbweb.web.forms.attempt import attempt
from zbweb.web.forms.settings import MemberForm, RoleForm

bp = Blueprint("users", __name__)


@bp.get("/settings/users")
@access.allow(Role.ADMIN)
def index() -> ResponseReturnValue:
    """Everybody who works or worked here."""
    return render_template(
        "users/index.html", members=members.all_members(db.session()), roles=ROLE_LABELS,
        me=access.person().user_id, nav_active="settings",
    )  # fmt: skip


@bp.route("/settings/users/new", methods=["GET", "POST"])
@access.allow(Role.ADMIN)
def new() -> ResponseReturnValue:
    """Add a user."""
    form, status = MemberForm(), 200
    if request.method == "POST":
        saved = attempt(form, lambda session: members.add(session, form.draft(), actor=access.person().actor))
        if saved.value is not None:
            flash(f"{form.draft().shown_name} can sign in now.", "success")
            return htmx.redirect(url_for("users.index"))
        status = saved.status
    return htmx.page("users/new.html", status=status, form=form, min_password=MIN_PASSWORD, nav_active="settings")


@bp.route("/settings/users/<int:member_id>", methods=["GET", "POST"])
@access.allow(Role.ADMIN)
def edit(member_id: int) -> ResponseReturnValue:
    """Change a user's role."""
    member, status = members.find(db.session(), member_id), 200
    form = RoleForm(obj=member)
    if request.method == "POST":
        saved = attempt(form, lambda session: members.change_role(
            session, members.find(session, member_id), form.role.data, actor=access.person().actor
        ))  # fmt: skip
        if not saved.refused:
            flash(f"The role of {member.shown_name} is saved.", "success")
            return htmx.redirect(url_for("users.index"))
        status = saved.status
    return htmx.page("users/edit.html", status=status, form=form, member=member, nav_active="settings")


@bp.post("/settings/users/<int:member_id>/active")
@access.allow(Role.ADMIN)
def set_active(member_id: int) -> ResponseReturnValue:
    """Shut a user out at once, or let them back in."""
    active = request.form.get("active") == "1"
    with unit_of_work() as session:
        member = members.find(session, member_id)
        members.set_active(session, member, active=active, actor=access.person().actor)
    flash(
        f"{member.shown_name} {'can sign in again' if active else 'is signed out and cannot sign in any more'}.",
        "success",
    )
    return htmx.redirect(url_for("users.index"))
