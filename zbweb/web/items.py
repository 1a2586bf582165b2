"""Items: the list, one item, and its form. Sales sees them; finance and admins change them."""

from flask import Blueprint, Response, flash, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from zbweb.billing import items, taxes
from zbweb.billing.books import own
from zbweb.billing.models import Item
from zbweb.billing.queries import activity
from zbweb.billing.queries import items as list_of
from zbweb.billing.queries.items import VIEW_LABELS, View, Wanted
from zbweb.billing.words import Role
from zbweb.db import db, unit_of_work
from zbweb.sync import connection
from zbweb.sync.core.words import Entity
from zbweb.sync.repair import links
from zbweb.web import access, htmx, spreadsheet
from zbweb.web.forms.attempt import attempt
from zbweb.web.forms.items import ItemForm, item_form
from zbweb.web.listing import window

bp = Blueprint("items", __name__)


@bp.get("/items")
@access.allow()
def index() -> ResponseReturnValue:
    """The list, by view, search and order."""
    session, wanted = db.session(), _wanted()
    return htmx.page_or_block(
        "items/index.html", "rows", page=list_of.page(session, wanted, window()), wanted=wanted, views=VIEW_LABELS,
        base_currency=own(session).base_currency, nav_active="items",
    )  # fmt: skip


@bp.get("/items/export.csv")
@access.allow()
def export() -> Response:
    """The whole list as view, search and order have it, for a spreadsheet."""
    session = db.session()
    rows = list_of.csv_rows(session, _wanted(), base_currency=own(session).base_currency)
    return spreadsheet.attachment("items", rows)


def _wanted() -> Wanted:
    """What the list's URL asks for; nonsense is ignored."""
    asked = request.args
    view = asked.get("view", "")
    return Wanted(View(view) if view in set(View) else View.ALL, asked.get("q", ""), asked.get("sort", "name"))


@bp.route("/items/new", methods=["GET", "POST"])
@access.allow(Role.ADMIN, Role.FINANCE)
def new() -> ResponseReturnValue:
    """A new item."""
    form = item_form(None, taxes.active(db.session()))
    if request.method == "GET":
        return _show_form(form, None)
    saved = attempt(form, lambda session: items.create(session, form.draft(), actor=access.person().actor))
    if saved.value is None:
        return _show_form(form, None, saved.status)
    flash(f"{saved.value.name} is saved.", "success")
    return htmx.redirect(url_for("items.show", item_id=saved.value.id))


@bp.get("/items/<int:item_id>")
@access.allow()
def show(item_id: int) -> ResponseReturnValue:
    """One item, and the CRM product it is linked with."""
    session = db.session()
    link = links.inspect(session, Entity.ITEM, item_id)
    return render_template(
        "items/show.html", item=items.find(session, item_id), link=link,
        connection=link.connection if link else connection.active(session),
        activities=activity.of_item(session, item_id), base_currency=own(session).base_currency, nav_active="items",
    )  # fmt: skip


@bp.route("/items/<int:item_id>/edit", methods=["GET", "POST"])
@access.allow(Role.ADMIN, Role.FINANCE)
def edit(item_id: int) -> ResponseReturnValue:
    """Edit an item."""
    item = items.find(db.session(), item_id)
    form = item_form(item, taxes.active(db.session()))
    if request.method == "GET":
        return _show_form(form, item)
    saved = attempt(form, lambda session: _save(session, item_id, form))
    if saved.refused:
        return _show_form(form, item, saved.status)
    flash("The changes are saved." if saved.value else "Nothing was changed.", "success")
    return htmx.redirect(url_for("items.show", item_id=item_id))


@bp.post("/items/<int:item_id>/active")
@access.allow(Role.ADMIN, Role.FINANCE)
def set_active(item_id: int) -> ResponseReturnValue:
    """Offer the item in new documents, or stop offering it."""
    active = request.form.get("active") == "1"
    with unit_of_work() as session:
        item = items.locked(session, item_id)
        items.set_active(session, item, active=active, actor=access.person().actor)
    flash(f"{item.name} is {'active' if active else 'inactive'} now.", "success")
    return htmx.redirect(url_for("items.show", item_id=item_id))


@bp.post("/items/<int:item_id>/delete")
@access.allow(Role.ADMIN, Role.FINANCE)
def delete(item_id: int) -> ResponseReturnValue:
    """Delete an item that no document has used."""
    with unit_of_work() as session:
        item = items.locked(session, item_id)
        items.delete(session, item, actor=access.person().actor)
    flash(f"{item.name} is deleted.", "success")
    return htmx.redirect(url_for("items.index"))


@bp.post("/items/<int:item_id>/unlink")
@access.allow(Role.ADMIN, Role.FINANCE)
def unlink(item_id: int) -> ResponseReturnValue:
    """Part the item and its CRM product; the next document that is pushed finds or makes one anew."""
    with unit_of_work() as session:
        links.unlink(session, links.active_link(session, Entity.ITEM, item_id), actor=access.person().actor)
    flash("Unlinked. Neither record was changed.", "success")
    return htmx.redirect(url_for("items.show", item_id=item_id))


def _save(session: Session, item_id: int, form: ItemForm) -> bool:
    item = items.locked(session, item_id)
    return items.edit(session, item, form.draft(), actor=access.person().actor, version=form.version.data)


def _show_form(form: ItemForm, item: Item | None, status: int = 200) -> ResponseReturnValue:
    currency = own(db.session()).base_currency
    return htmx.page("items/form.html", status=status, form=form, item=item, base_currency=currency, nav_active="items")
