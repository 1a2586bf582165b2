"""The bar below the lists of documents: one action on many, with the reasons of those left out."""

import io
import zipfile
from collections.abc import Sequence

from flask import Blueprint, Response, flash, request, url_for
from flask.typing import ResponseReturnValue

from zbweb.billing import documents
from zbweb.billing import transaction_bulk as bulk
from zbweb.billing.models import Transaction
from zbweb.billing.transaction_bulk import Done
from zbweb.billing.words import Kind
from zbweb.db import db, unit_of_work
from zbweb.web import access, htmx
from zbweb.web.kinds import PATH, speak_kinds

bp = Blueprint("transaction_bulk", __name__)
speak_kinds(bp)

_TOLD = 5


@bp.post(f"{PATH}/bulk")
@access.allow()
def act(kind: Kind) -> ResponseReturnValue:
    """Do one thing with every document that was ticked."""
    wanted, ids = request.form.get("action", ""), request.form.getlist("ids", type=int)
    if wanted == "pdf":
        return _pdfs(bulk.chosen(db.session(), kind, ids), kind)
    with unit_of_work() as session:
        done = bulk.act(session, wanted, kind, ids, actor=access.person().actor)
    _tell(done)
    return htmx.redirect(request.referrer or url_for("transactions.index", kind=kind))


def _tell(done: Done) -> None:
    left, count = len(done.skipped), done.asked - len(done.skipped)
    if not left:
        flash(f"{count} of {done.asked} done.", "success")
        return
    reasons = " ".join(done.skipped[:_TOLD]) + (f" And {left - _TOLD} more." if left > _TOLD else "")
    flash(f"{count} of {done.asked} done, {left} skipped because: {reasons}", "warning")


def _pdfs(chosen: Sequence[Transaction], kind: Kind) -> Response:
    """All of them in one archive."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for document in chosen:
            archive.writestr(documents.filename(document), documents.pdf(db.session(), document))
    response = Response(buffer.getvalue(), mimetype="application/zip")
    response.headers["Content-Disposition"] = f'attachment; filename="{kind}.zip"'
    return response
