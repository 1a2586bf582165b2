"""The bar below the lists of documents: one action on many, each on its own, with the reasons of those left out."""

import io
import zipfile
from collections.abc import Callable, Sequence

from flask import Blueprint, Response, flash, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import Session

from zbweb.billing import documents, moves, transactions
from zbweb.billing.journal import Actor
from zbweb.billing.models import Transaction
from zbweb.billing.status import Status
from zbweb.billing.words import Kind
from zbweb.db import db, unit_of_work
from zbweb.errors import AppError, Invalid
from zbweb.web import access, htmx
from zbweb.web.kinds import PAGES, PATH, speak_kinds

bp = Blueprint("transaction_bulk", __name__)
speak_kinds(bp)

LIMIT = 200
"""How many documents one bulk action may touch: it is done while the person waits."""
_TOLD = 5


def _first_step(session: Session, document: Transaction, actor: Actor) -> None:
    moves.move(session, document, PAGES[Kind(document.kind)].first_step, actor)


def _void(session: Session, document: Transaction, actor: Actor) -> None:
    moves.move(session, document, Status.VOID, actor)


def _delete(session: Session, document: Transaction, actor: Actor) -> None:
    transactions.delete(session, document, actor=actor)


_ACTS: dict[str, Callable[[Session, Transaction, Actor], None]] = {
    "first_step": _first_step,
    "void": _void,
    "delete": _delete,
}


@bp.post(f"{PATH}/bulk")
@access.allow()
def act(kind: Kind) -> ResponseReturnValue:
    """Do one thing with every document that was ticked."""
    wanted, ids = request.form.get("action", ""), request.form.getlist("ids", type=int)
    if not ids or len(ids) > LIMIT:
        raise Invalid(f"Choose from 1 to {LIMIT} documents first.")
    if wanted == "pdf":
        return _pdfs(_chosen(db.session(), kind, ids), kind)
    if wanted not in _ACTS:
        raise Invalid("There is no such action. Reload the page and try again.")
    skipped = []
    with unit_of_work() as session:
        chosen = _chosen(session, kind, ids)
        for document in chosen:
            name = document.number or "A draft"
            if reason := _try(session, document, _ACTS[wanted]):
                skipped.append(f"{name}: {reason}")
    _tell(len(chosen), skipped)
    return htmx.redirect(request.referrer or url_for("transactions.index", kind=kind))


def _try(session: Session, document: Transaction, do: Callable[[Session, Transaction, Actor], None]) -> str:
    """Do it in a savepoint of its own; the sentence why not, or nothing."""
    try:
        with session.begin_nested():
            do(session, document, access.person().actor)
    except AppError as refusal:
        return refusal.message
    return ""


def _tell(asked: int, skipped: Sequence[str]) -> None:
    done = asked - len(skipped)
    if not skipped:
        flash(f"{done} of {asked} done.", "success")
        return
    reasons = " ".join(skipped[:_TOLD]) + (f" And {len(skipped) - _TOLD} more." if len(skipped) > _TOLD else "")
    flash(f"{done} of {asked} done, {len(skipped)} skipped because: {reasons}", "warning")


def _chosen(session: Session, kind: Kind, ids: Sequence[int]) -> list[Transaction]:
    statement = select(Transaction).where(Transaction.kind == kind, Transaction.id.in_(ids))
    return list(session.scalars(statement.order_by(Transaction.date, Transaction.id)))


def _pdfs(chosen: Sequence[Transaction], kind: Kind) -> Response:
    """All of them in one archive."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for document in chosen:
            archive.writestr(documents.filename(document), documents.pdf(db.session(), document))
    response = Response(buffer.getvalue(), mimetype="application/zip")
    response.headers["Content-Disposition"] = f'attachment; filename="{kind}.zip"'
    return response
