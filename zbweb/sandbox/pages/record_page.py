"""Everything the page of one record shows, read at once."""

import sqlite3
from dataclasses import dataclass

from zbweb.sandbox.pages import display, lists
from zbweb.sandbox.pages.collections import BY_SLUG, record_url
from zbweb.sandbox.pages.display import Section, Shown
from zbweb.sandbox.pages.naming import name_for_form
from zbweb.sandbox.panel import panel_url
from zbweb.sandbox.pipeline import Stage, stage_of
from zbweb.sandbox.queries import Row
from zbweb.sandbox.rendering import Renderer
from zbweb.sandbox.schema import Module
from zbweb.sandbox.state import Sandbox

_COLUMNS = {collection.module: collection.columns for collection in BY_SLUG.values()}


@dataclass(frozen=True, slots=True)
class RecordPage:
    """One record; `form_name` names it in the forms of records that point at it, `panel` is the web tab's address."""

    row: Row
    sections: list[Section]
    history: list[Shown]
    item_labels: list[Shown]
    items: list[list[Shown]]
    totals: list[Shown]
    related: list[lists.Related]
    form_name: str
    stage: Stage | None
    panel: str | None


def read(sandbox: Sandbox, connection: sqlite3.Connection, module: Module, *, row: Row) -> RecordPage:
    org = sandbox.organisation
    record = Renderer(sandbox, connection, module).full([row])[0]
    rows = sandbox.catalog.module(module.items_field.target or "") if module.items_field else None
    columns = [rows.by_name[name] for name in display.ITEM_COLUMNS] if rows else []
    return RecordPage(
        row=row,
        sections=display.sections(module, record, org),
        history=display.history(module, record, org),
        item_labels=[display.shown(field, None, org.money) for field in columns],
        items=display.lines(module, rows, record, org),
        totals=display.totals(module, record, org),
        related=[
            lists.read_related(sandbox, connection, row.id, related=related, columns=_COLUMNS[related.module])
            for related in module.related
            if record_url(related.module, row.id)
        ],
        form_name=name_for_form(connection, module, row.id),
        stage=stage_of(row.body.get("Stage", "")) if module.api_name == "Deals" else None,
        panel=panel_url(connection, module.api_name, row.id),
    )
