"""A setup's mapping made ready for a run. What the CRM's fields are is asked once and kept with the mapping."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from zbweb.billing.models import CustomField
from zbweb.crm.port import CrmClient, FieldMeta
from zbweb.sync.core.choices import Choices
from zbweb.sync.core.fields import CUSTOM_PREFIX, DEFAULTS, BillingField, FieldType, Table, fields_for
from zbweb.sync.core.mapping import CrmField, Row, compile_rows


def custom_fields(session: Session) -> tuple[BillingField, ...]:
    """The organisation's own customer fields, as the mapping sees them."""
    statement = (
        select(CustomField).where(CustomField.entity == "customer").order_by(CustomField.position, CustomField.id)
    )
    return tuple(
        BillingField(CUSTOM_PREFIX + field.key, field.label, FieldType(field.type), custom=True)
        for field in session.scalars(statement)
    )


def field_labels(session: Session) -> dict[str, str]:
    """Every field that can be mapped, by its key, as people call it."""
    own = custom_fields(session)
    return {field.key: field.label for table in Table for field in fields_for(table, own)}


def compiled(session: Session, choices: Choices) -> dict[Table, list[Row]]:
    """The rows of each mapping table that is read; rows whose CRM field does not fit (any more) are left out."""
    own = custom_fields(session)
    return {
        table: compile_rows(choices.mappings.get(table, []), fields_for(table, own), _kept(choices.mappings, table))
        for table in choices.tables_read
    }


def for_push(session: Session, choices: Choices, client: CrmClient) -> dict[Table, list[Row]]:
    """The rows of every table: what is pushed does not depend on what the setup fetches."""
    return for_tables(session, choices, client, tuple(Table))


def for_tables(
    session: Session, choices: Choices, client: CrmClient, tables: Collection[Table]
) -> dict[Table, list[Row]]:
    """The rows of these tables, chosen in the setup or not: one that it never needed starts with the defaults."""
    chosen: dict[str, Sequence[Mapping[str, Any]]] = {
        table.value: choices.mappings.get(table) or _defaults(table) for table in tables
    }
    unknown = {table: rows for table, rows in chosen.items() if any("type" not in row for row in rows)}
    chosen |= described(unknown, client)
    own = custom_fields(session)
    return {table: compile_rows(chosen[table], fields_for(table, own), _kept(chosen, table)) for table in tables}


def _defaults(table: Table) -> list[dict[str, str]]:
    return [{"field": key, "crm": crm} for key, crm in DEFAULTS[table].items()]


def _kept(mappings: Mapping[str, Sequence[Mapping[str, Any]]], table: Table) -> dict[str, CrmField]:
    return {
        row["crm"]: CrmField(row["crm"], row["type"], row.get("length"), writable=row.get("writable", True))
        for row in mappings.get(table, [])
        if "type" in row
    }


def is_described(choices: Choices) -> bool:
    """Whether the mapping knows its tables, and the types of their CRM fields, already."""
    return all(
        table in choices.mappings and all("type" in row for row in choices.mappings[table])
        for table in choices.tables_read
    )


def complete(choices: Choices, client: CrmClient) -> dict[str, list[dict[str, Any]]]:
    """The mapping of every table that is read, described; one that the setup never needed starts with the defaults."""
    missing = {table.value: _defaults(table) for table in choices.tables_read if table not in choices.mappings}
    return described({**choices.mappings, **missing}, client)


def described(
    mappings: Mapping[str, Sequence[Mapping[str, Any]]], client: CrmClient
) -> dict[str, list[dict[str, Any]]]:
    """The same mapping with each CRM field's type, length and whether it can be written, asked of the CRM."""
    metas = {table: {meta.api_name: meta for meta in client.fields(Table(table).crm_module)} for table in mappings}
    return {
        table: [{**row, **_description(metas[table].get(row["crm"]))} for row in rows]
        for table, rows in mappings.items()
    }


def _description(meta: FieldMeta | None) -> dict[str, Any]:
    if meta is None:
        return {"type": "gone"}
    return {"type": meta.data_type, "length": meta.length, "writable": meta.updatable and not meta.read_only}
