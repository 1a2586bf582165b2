"""Settings > Number Series."""

from flask import Blueprint, flash, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from zbweb.billing import number_series
from zbweb.billing.models import NumberSeries
from zbweb.billing.words import Role
from zbweb.db import db
from zbweb.errors import NotFound
from zbweb.web import access, htmx
from zbweb.web.forms.attempt import attempt
from zbweb.web.forms.settings import SeriesForm

bp = Blueprint("number_series", __name__)


@bp.get("/settings/number-series")
@access.allow(Role.ADMIN)
def index() -> ResponseReturnValue:
    """Every series with the number that comes next."""
    every = number_series.all_series(db.session())
    return render_template(
        "number_series/index.html", every=every, labels=number_series.LABELS, example=number_series.example,
        nav_active="settings",
    )  # fmt: skip


@bp.route("/settings/number-series/<kind>", methods=["GET", "POST"])
@access.allow(Role.ADMIN)
def edit(kind: str) -> ResponseReturnValue:
    """Change a series."""
    series, status = _shown(kind), 200
    form = SeriesForm(obj=series)
    if request.method == "POST":
        saved = attempt(form, lambda session: _save(session, kind, form))
        if not saved.refused:
            flash("The number series is saved.", "success")
            return htmx.redirect(url_for("number_series.index"))
        status = saved.status
    return htmx.page(
        "number_series/form.html", status=status, form=form, label=number_series.LABELS[kind], nav_active="settings"
    )


def _shown(kind: str) -> NumberSeries:
    for series in number_series.all_series(db.session()):
        if series.kind == kind:
            return series
    raise NotFound("There is no such number series.")


def _save(session: Session, kind: str, form: SeriesForm) -> None:
    series = number_series.locked(session, kind)
    number_series.edit(session, series, form.draft(), actor=access.person().actor)
