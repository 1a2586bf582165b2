"""One page of a list: which view, which search, which order, and what each row shows."""

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass

from zbweb.sandbox import queries, search
from zbweb.sandbox import views as view_store
from zbweb.sandbox.criteria import Scope
from zbweb.sandbox.pages.collections import Collection
from zbweb.sandbox.pages.display import Shown, money_of, shown
from zbweb.sandbox.queries import Clause, Order
from zbweb.sandbox.rendering import Renderer
from zbweb.sandbox.schema import Module, RelatedList
from zbweb.sandbox.state import Sandbox
from zbweb.sandbox.views import View

ROWS = 50
MOST_RELATED = 20
SORTS: Mapping[str, tuple[str, Order]] = {
    "name": ("Name", Order("name_key", descending=False)),
    "modified": ("Last modified", Order("modified")),
    "created": ("Newest first", Order("created")),
}


@dataclass(frozen=True, slots=True)
class Wish:
    """What the address asks for; `related` is a record that all rows must point at."""

    search: str = ""
    view: str = ""
    sort: str = "name"
    page: int = 1
    related: int | None = None

    @classmethod
    def read(cls, args: Mapping[str, str]) -> "Wish":
        """Nonsense becomes the default: an address is no form to complain about."""
        page, related = args.get("page", ""), args.get("related", "")
        return cls(
            search=args.get("q", "").strip(),
            view=args.get("view", ""),
            sort=args["sort"] if args.get("sort") in SORTS else "name",
            page=max(1, int(page)) if page.isdecimal() and len(page) < 9 else 1,
            related=int(related) if related.isdecimal() and len(related) < 20 else None,
        )

    def query(self, page: int) -> dict[str, str | int]:
        """The address of another page of the same list, without what is default."""
        items = {"q": self.search, "view": self.view, "related": self.related or "", "page": page if page > 1 else ""}
        if self.sort != "name":
            items["sort"] = self.sort
        return {key: value for key, value in items.items() if value}


@dataclass(frozen=True, slots=True)
class ListRow:
    """One record in a list; the first value is its name."""

    id: int
    module: str
    name: str
    values: list[Shown]


@dataclass(frozen=True, slots=True)
class ListPage:
    """A page of rows out of `total`."""

    labels: list[Shown]
    rows: list[ListRow]
    total: int
    wish: Wish
    views: list[View]
    related_name: str = ""

    @property
    def first(self) -> int:
        return (self.wish.page - 1) * ROWS + 1

    @property
    def last(self) -> int:
        return self.first + len(self.rows) - 1


def read_list(
    sandbox: Sandbox, connection: sqlite3.Connection, collection: Collection, *, wish: Wish, member_id: int
) -> ListPage:
    module = sandbox.catalog.module(collection.module)
    views = view_store.views_of(connection, module)
    scope = Scope(sandbox.catalog, module, member_id, sandbox.clock.now())
    where = _chosen(next((view for view in views if str(view.id) == wish.view), None), wish, scope)
    skipped = (wish.page - 1) * ROWS
    found = queries.find(
        connection, module.api_name, where=where, order=SORTS[wish.sort][1], after=skipped, limit=ROWS
    )  # fmt: skip
    related = queries.names(connection, [wish.related]) if wish.related else {}
    rows = rows_of(sandbox, connection, module, found=found, columns=collection.columns)
    return ListPage(
        labels=[shown(module.by_name[name], None, sandbox.organisation.money) for name in collection.columns],
        rows=rows,
        total=queries.count(connection, module.api_name, where),
        wish=wish,
        views=views,
        related_name=related.get(wish.related or 0, ""),
    )


def _chosen(view: View | None, wish: Wish, scope: Scope) -> Clause:
    where = view_store.clause(view, scope)
    if wish.search:
        where = where & search.word_clause(wish.search)
    if wish.related:
        where = where & Clause("id IN (SELECT record_id FROM lookup WHERE target_id = ?)", (wish.related,))
    return where


def rows_of(
    sandbox: Sandbox, connection: sqlite3.Connection, module: Module, *, found: list[queries.Row],
    columns: tuple[str, ...],
) -> list[ListRow]:  # fmt: skip
    """The rows of a list with their values as text."""
    asked = (*columns, "Currency")
    rendered = Renderer(sandbox, connection, module).listed(found, asked)
    fields = [module.by_name[name] for name in columns]
    org = sandbox.organisation
    return [
        ListRow(
            row.id,
            module.api_name,
            row.name,
            [shown(field, record[field.api_name], money_of(record, org)) for field in fields],
        )
        for row, record in zip(found, rendered, strict=True)
    ]


@dataclass(frozen=True, slots=True)
class Related:
    """The records of one kind that point at a record."""

    label: str
    module: str
    labels: list[Shown]
    rows: list[ListRow]
    total: int
    field: str


def read_related(
    sandbox: Sandbox, connection: sqlite3.Connection, parent_id: int, *, related: RelatedList, columns: tuple[str, ...]
) -> Related:
    """The first few, newest change first, and how many there are."""
    module = sandbox.catalog.module(related.module)
    where = queries.related(parent_id, related.field)
    found = queries.find(connection, module.api_name, where=where, order=Order("modified"), limit=MOST_RELATED)
    shown_columns = tuple(name for name in columns if name != related.field)
    return Related(
        label=related.label or module.plural,
        module=module.api_name,
        labels=[shown(module.by_name[name], None, sandbox.organisation.money) for name in shown_columns],
        rows=rows_of(sandbox, connection, module, found=found, columns=shown_columns),
        total=queries.count(connection, module.api_name, where) if len(found) == MOST_RELATED else len(found),
        field=related.field,
    )
