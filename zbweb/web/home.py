"""The dashboard."""

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from zbweb.web import access

bp = Blueprint("home", __name__)


@bp.get("/")
@access.allow()
def index() -> ResponseReturnValue:
    """What one sees first."""
    return render_template("home/index.html")
