"""The customers' figures in Zoho CRM: switched on and off, and sent anew."""

from flask import Blueprint, flash, request, url_for
from flask.typing import ResponseReturnValue

from zbweb.billing.words import Role
from zbweb.db import unit_of_work
from zbweb.sync import connection as connections
from zbweb.sync.figures import metrics
from zbweb.web import access, htmx

bp = Blueprint("crm_figures", __name__, url_prefix="/settings/integrations/zoho-crm/figures")


@bp.post("")
@access.allow(Role.ADMIN)
def switch() -> ResponseReturnValue:
    """Begin or stop telling the CRM; what stands there stays."""
    is_on = bool(request.form.get("enabled"))
    with unit_of_work() as session:
        metrics.switch(session, connections.active_or_refuse(session), enabled=is_on, actor=access.person().actor)
    flash("Figures are sent to Zoho CRM again." if is_on else "Figures are not sent to Zoho CRM any more.", "success")
    return _back()


@bp.post("/send-all")
@access.allow(Role.ADMIN)
def send_all() -> ResponseReturnValue:
    """Tell the figures of every linked customer, looking for the fields anew."""
    with unit_of_work() as session:
        connection = connections.active_or_refuse(session)
        connections.ensure_live(connection)
        metrics.begin_anew(session, connection)
    when = "wait for Resume Sync" if connection.is_paused else "are on their way to Zoho CRM"
    flash(f"The figures of all linked customers {when}.", "success")
    return _back()


def _back() -> ResponseReturnValue:
    return htmx.redirect(url_for("integrations.zoho_crm"))
