"""Quotes, sales orders and invoices: lists, documents and their editor. One blueprint; kinds.py says how they differ.

What the buttons of these pages do is in transaction_actions.py, what the editor asks while one types in editor.py.
"""

import datetime
from decimal import Decimal

from flask import Blueprint, Response, flash, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from zbweb.billing import books, transactions
from zbweb.billing import documents as paper
from zbweb.billing.models import Customer, Transaction
from zbweb.billing.queries import documents
from zbweb.billing.queries import transactions as list_of
from zbweb.billing.queries.transactions import Filter
from zbweb.billing.status import Status
from zbweb.billing.words import Kind
from zbweb.db import db
from zbweb.web import access, editing, htmx, lookup, spreadsheet, story
from zbweb.web.editing import Editor
from zbweb.web.forms.attempt import attempt, version_in
from zbweb.web.kinds import PAGES, PATH, move_button, speak_kinds
from zbweb.web.listing import window
from zbweb.web.lookup import Answer

bp = Blueprint("transactions", __name__)
speak_kinds(bp)

_SAVING = frozenset({"", "save", "send", "overwrite"})
"""Buttons that save; every other one changes the form and shows it again."""


@bp.get(PATH)
@access.allow()
def index(kind: Kind) -> ResponseReturnValue:
    """The list, by chip, search, customer, dates and order, all of them in the URL."""
    session, wanted = db.session(), _wanted(kind)
    today = books.today(session)
    return htmx.page_or_block(
        "transactions/index.html", "rows", page=PAGES[kind], wanted=wanted,
        found=list_of.page(session, wanted, window(), today=today),
        chips=list_of.chips(session, kind, today=today),
        customer=session.get(Customer, wanted.customer_id) if wanted.customer_id else None,
    )  # fmt: skip


@bp.get(f"{PATH}/export.csv")
@access.allow()
def export(kind: Kind) -> Response:
    """The whole list as the filters have it, for a spreadsheet."""
    session = db.session()
    rows = list_of.csv_rows(session, _wanted(kind), today=books.today(session))
    return spreadsheet.attachment(str(kind), rows)


@bp.get(f"{PATH}/<int:transaction_id>")
@access.allow()
def show(kind: Kind, transaction_id: int) -> ResponseReturnValue:
    """One document: what it says, where it stands, and what can be done next."""
    session = db.session()
    own = books.own(session)
    detail = documents.detail(session, kind, transaction_id, today=books.today(session))
    status = Status(detail.transaction.status)
    return render_template(
        "transactions/show.html", page=PAGES[kind], pages=PAGES, detail=detail, document=detail.transaction,
        moves=[(to, move_button(kind, status, to)) for to in detail.moves], story=story.told(detail.history),
        base_currency=own.base_currency, seller=own,
        taxes=[(row["name"], Decimal(row["rate"]), Decimal(row["tax"])) for row in detail.transaction.tax_table],
    )  # fmt: skip


@bp.get(f"{PATH}/<int:transaction_id>/pdf")
@access.allow()
def pdf(kind: Kind, transaction_id: int) -> Response:
    """The document as its customer gets it; `download` in the URL keeps it as a file."""
    session = db.session()
    document = transactions.get(session, kind, transaction_id)
    response = Response(paper.pdf(session, document), mimetype="application/pdf")
    how = "attachment" if "download" in request.args else "inline"
    response.headers.set("Content-Disposition", how, filename=paper.filename(document))
    return response


@bp.route(f"{PATH}/new", methods=["GET", "POST"])
@access.allow()
def new(kind: Kind) -> ResponseReturnValue:
    """A new document; `customer_id` in the URL chooses whom it is for."""
    return _edit(_opened(kind, None))


@bp.route(f"{PATH}/<int:transaction_id>/edit", methods=["GET", "POST"])
@access.allow()
def edit(kind: Kind, transaction_id: int) -> ResponseReturnValue:
    """A document changed; refused with a sentence where its status forbids it."""
    session = db.session()
    held = transactions.get(session, kind, transaction_id)
    if request.method == "GET" and (sentence := transactions.why_not_editable(session, held)):
        flash(sentence, "warning")
        return htmx.redirect(url_for("transactions.show", kind=kind, transaction_id=transaction_id))
    return _edit(_opened(kind, held))


def _wanted(kind: Kind) -> Filter:
    """What the list's URL asks for; nonsense is ignored."""
    asked, day = request.args, datetime.date.fromisoformat
    return Filter(
        kind,
        chip=asked.get("status", "all"),
        search=asked.get("q", ""),
        customer_id=asked.get("customer_id", type=int),
        potential_id=asked.get("potential_id"),
        date_from=asked.get("from", type=day),
        date_to=asked.get("to", type=day),
        sort=asked.get("sort", "-date"),
    )


def _opened(kind: Kind, held: Transaction | None) -> Editor:
    """The editor; without JavaScript its own buttons look a customer up and pick one, so that nothing typed is lost."""
    pressed = request.form.get("op", "")
    picked, refusal = lookup.picked(pressed)
    customer_id = request.args.get("customer_id", type=int)
    editor = editing.opened(db.session(), kind, held, customer_id=customer_id, picked=picked)
    if pressed == "lookup":
        editor.there = lookup.in_crm((editor.form.customer_name.data or "").strip())
    elif refusal:
        editor.there = Answer(problem=refusal)
    return editor


def _edit(editor: Editor) -> ResponseReturnValue:
    pressed = request.form.get("op", "")
    if request.method == "GET" or pressed not in _SAVING:
        editor.form.change_lines(pressed)
        return _show(editor)
    saved = attempt(editor.form, lambda session: _save(session, editor, overwrites=pressed == "overwrite"))
    if saved.value is None:
        return _show(editor, saved.status)
    page = PAGES[editor.kind]
    flash(f"{page.name} {saved.value.number or 'draft'} is saved.", "success")
    endpoint = "outbox.send" if pressed == "send" else "transactions.show"
    return htmx.redirect(url_for(endpoint, kind=page.kind, transaction_id=saved.value.id))


def _save(session: Session, editor: Editor, *, overwrites: bool) -> Transaction:
    actor, draft = access.person().actor, editor.draft()
    if editor.held is None:
        return transactions.create(session, draft, actor=actor)
    version = None if overwrites else version_in(editor.form.version)
    return transactions.edit(session, editor.held, draft, version=version, actor=actor)


def _show(editor: Editor, status: int = 200) -> ResponseReturnValue:
    if not editor.form.lines.entries:
        editor.form.add_line()
    editor.form.renumber()
    preview = editing.preview(db.session(), editor)
    editor.form.show_due_date(preview.due_date)
    return htmx.page(
        "transactions/edit.html", status=status, editor=editor, form=editor.form, page=PAGES[editor.kind],
        preview=preview, is_stale=status == 409 and editor.held is not None,
    )  # fmt: skip
