"""Every page there is, as addresses that lead somewhere: the URL map filled with ids of what a database holds."""

import re
from pathlib import Path

from flask import Flask
from sqlalchemy import create_engine, text
from werkzeug.routing import Rule

KINDS = ("quotes", "sales-orders", "invoices")
IDS = {
    "customer_id": "SELECT min(id) FROM customers WHERE organisation_id = 1",
    "kept_id": "SELECT max(id) FROM customers WHERE organisation_id = 1",
    "item_id": "SELECT min(id) FROM items WHERE organisation_id = 1",
    "payment_id": "SELECT min(id) FROM payments WHERE organisation_id = 1",
    "email_id": "SELECT min(id) FROM email_messages WHERE organisation_id = 1",
    "field_id": "SELECT min(id) FROM custom_fields WHERE organisation_id = 1",
    "term_id": "SELECT min(id) FROM payment_terms WHERE organisation_id = 1",
    "tax_id": "SELECT min(id) FROM taxes WHERE organisation_id = 1",
    "member_id": "SELECT min(id) FROM memberships WHERE organisation_id = 1",
    "run_id": "SELECT min(id) FROM sync_runs WHERE organisation_id = 1",
    "entry_id": "SELECT min(id) FROM sync_entries WHERE organisation_id = 1",
    "pair_id": "SELECT min(id) FROM review_pairs WHERE organisation_id = 1",
    "transaction_id": "SELECT min(id) FROM transactions WHERE organisation_id = 1 AND kind = :kind AND number IS NULL",
}
"""How a record of the first organisation is found, by the name that URLs give its id."""
ELSEWHERE = {"static", "auth.login", "hooks.receive", "panel.show", "crm_connect.callback", "crm_records.show"}
"""What is no page of ours for a signed-in person."""


def pages(app: Flask, database: Path) -> list[str]:
    """Each GET route with a record that exists, for each kind of document; what has no record yet is left out."""
    engine = create_engine(f"sqlite:///{database}")
    rules = [rule for rule in app.url_map.iter_rules() if "GET" in rule.methods and rule.endpoint not in ELSEWHERE]
    with engine.connect() as connection:
        found = {filled(rule, kind, connection) for rule in rules for kind in kinds_of(rule)}
    engine.dispose()
    return sorted(found - {""})


def kinds_of(rule: Rule) -> tuple[str, ...]:
    """The kinds of documents a rule is for; invoices stand for a rule that names none."""
    return KINDS if "kind" in rule.arguments else ("invoices",)


def filled(rule: Rule, kind: str, connection) -> str:
    """A rule's address with ids of rows that exist; empty if there is no such row yet."""
    path = rule.rule
    for name in rule.arguments - {"kind"}:
        statement = text(IDS[name])
        row_id = connection.scalar(statement, {"kind": kind} if ":kind" in IDS[name] else {})
        if row_id is None:
            return ""
        path = re.sub(rf"<[^<>]*\b{name}>", str(row_id), path)
    return re.sub(r"<[^<>]*\bkind>", kind, path)
