"""Background work for admins: what waits, who works, what failed and can be tried again."""

from flask import Blueprint, flash, render_template, url_for
from flask.typing import ResponseReturnValue

from zbweb.billing.words import Role
from zbweb.db import db
from zbweb.jobs import board
from zbweb.web import access, htmx

bp = Blueprint("jobs", __name__)


@bp.get("/settings/jobs")
@access.allow(Role.ADMIN)
def index() -> ResponseReturnValue:
    """How background work stands at this moment."""
    found = board.look(db.session())
    return render_template("jobs/index.html", board=found, task_names=board.TASK_NAMES)


@bp.post("/settings/jobs/<job_id>/retry")
@access.allow(Role.ADMIN)
def retry(job_id: str) -> ResponseReturnValue:
    """Try a failed job again."""
    board.retry(db.session(), job_id)
    flash("The job is queued again.", "success")
    return htmx.redirect(url_for("jobs.index"))


@bp.post("/settings/jobs/<job_id>/delete")
@access.allow(Role.ADMIN)
def delete(job_id: str) -> ResponseReturnValue:
    """Forget a failed job."""
    board.delete(db.session(), job_id)
    flash("The job is forgotten.", "success")
    return htmx.redirect(url_for("jobs.index"))
