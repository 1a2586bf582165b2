"""Quick search, from any page (Ctrl+K): customers, items, documents and payments by name or number."""

from flask import Blueprint, request
from flask.typing import ResponseReturnValue

from zbweb.billing import books
from zbweb.billing.queries import search
from zbweb.db import db
from zbweb.web import access, htmx
from zbweb.web.kinds import PAGES

bp = Blueprint("search", __name__)


@bp.get("/search")
@access.allow()
def index() -> ResponseReturnValue:
    """What the words may mean, by kind."""
    words = request.args.get("q", "")[:100].strip()
    found = search.find(db.session(), words, today=books.today(db.session()))
    return htmx.page_or_block("search/index.html", "results", words=words, found=found, pages=PAGES, limit=search.HITS)
