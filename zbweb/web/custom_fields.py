"""Settings > Custom Fields."""

from flask import Blueprint, flash, render_template, request, url_for
from flask.typing import ResponseReturnValue

from zbweb.billing import custom_fields
from zbweb.billing.custom_fields import ENTITIES, TYPE_LABELS
from zbweb.billing.words import Role
from zbweb.db import db, unit_of_work
from zbweb.web import access, htmx
from zbweb.web.forms.attempt import attempt
from zbweb.web.forms.settings import CustomFieldForm

bp = Blueprint("custom_fields", __name__)


@bp.get("/settings/custom-fields")
@access.allow(Role.ADMIN)
def index() -> ResponseReturnValue:
    """Every custom field, by the records it belongs to."""
    return render_template(
        "custom_fields/index.html", fields=custom_fields.every(db.session()), entities=ENTITIES, types=TYPE_LABELS,
        nav_active="settings",
    )  # fmt: skip


@bp.route("/settings/custom-fields/new", methods=["GET", "POST"])
@access.allow(Role.ADMIN)
def new() -> ResponseReturnValue:
    """A new custom field."""
    form, status = CustomFieldForm(), 200
    if request.method == "POST":
        saved = attempt(form, lambda session: custom_fields.create(session, form.draft(), actor=access.person().actor))
        if saved.value is not None:
            flash(f"The field {saved.value.label} is saved. It can be mapped to a field of Zoho CRM now.", "success")
            return htmx.redirect(url_for("custom_fields.index"))
        status = saved.status
    return htmx.page("custom_fields/form.html", status=status, form=form, field=None, nav_active="settings")


@bp.route("/settings/custom-fields/<int:field_id>/edit", methods=["GET", "POST"])
@access.allow(Role.ADMIN)
def edit(field_id: int) -> ResponseReturnValue:
    """Rename a field, or change the choices of a drop-down."""
    field, status = custom_fields.find(db.session(), field_id), 200
    form = CustomFieldForm(data={"label": field.label, "choices": "\n".join(field.choices)})
    form.entity.data, form.type.data = field.entity, field.type
    if request.method == "POST":
        saved = attempt(form, lambda session: custom_fields.edit(
            session, custom_fields.find(session, field_id), form.draft(), actor=access.person().actor
        ))  # fmt: skip
        if not saved.refused:
            flash(f"The field {form.label.data} is saved.", "success")
            return htmx.redirect(url_for("custom_fields.index"))
        status = saved.status
    return htmx.page("custom_fields/form.html", status=status, form=form, field=field, nav_active="settings")


@bp.post("/settings/custom-fields/<int:field_id>/active")
@access.allow(Role.ADMIN)
def set_active(field_id: int) -> ResponseReturnValue:
    """Offer a field, or stop offering it; its values stay."""
    active = request.form.get("active") == "1"
    with unit_of_work() as session:
        field = custom_fields.find(session, field_id)
        custom_fields.set_active(session, field, active=active, actor=access.person().actor)
    flash(f"{field.label} is {'active' if active else 'inactive'} now; its values are kept.", "success")
    return htmx.redirect(url_for("custom_fields.index"))
