"""An organisation that has one of everything that a URL can name, so that every route leads somewhere."""

from decimal import Decimal

from tests.factories.customers import make_customer
from tests.factories.links import make_connection, make_link
from tests.factories.runs import make_entry, make_run, make_setup
from tests.factories.transactions import make_invoice, make_order, make_quote, make_transaction, pay
from zbweb.billing import custom_fields, items, taxes
from zbweb.billing.books import own
from zbweb.billing.custom_fields import FieldDraft
from zbweb.billing.items import ItemDraft
from zbweb.billing.journal import SYSTEM
from zbweb.billing.models import EmailMessage
from zbweb.billing.settings import prepare_organisation
from zbweb.billing.words import Kind
from zbweb.db import organisation_of
from zbweb.sync.core.words import RunStatus
from zbweb.sync.models import ReviewPair

MARK = "Quokka"
"""A word in the name of each record: where it shows, the record does."""


def furnish(session, *, connection=None) -> None:
    """Fill the session's organisation; without a connection it gets one that asks no CRM."""
    prepare_organisation(session, own(session))
    item = items.create(session, ItemDraft(f"{MARK} item", sku=f"{MARK}-1", rate=Decimal(5)), actor=SYSTEM)
    taxes.create(session, name=f"{MARK} tax", rate=Decimal(7), actor=SYSTEM)
    custom_fields.create(session, FieldDraft(f"{MARK} field"), actor=SYSTEM)
    customer = make_customer(session, display_name=f"{MARK} Ltd", email="one@quokka.example")
    invoice = _fill_books(session, customer)
    _fill_integration(session, connection or make_connection(session), customer, item)
    session.add(
        EmailMessage(organisation_id=organisation_of(session), transaction_id=invoice.id, status="failed",
                     recipients="one@quokka.example", subject=f"{MARK} invoice", body="Hello")
    )  # fmt: skip


def _fill_books(session, customer):
    for make in (make_quote, make_order, make_invoice):
        make(session, customer, reference=MARK)
    for kind in Kind:
        make_transaction(session, customer, kind=kind, is_draft=True, reference=MARK)
    invoice = make_invoice(session, customer, reference=MARK)
    pay(session, customer, 130, invoices={invoice: 60})
    return invoice


def _fill_integration(session, connection, customer, item):
    make_link(session, connection, customer, crm_name=MARK, snapshot={"phone": "old"})
    make_link(session, connection, item, entity="item", crm_module="Products")
    make_setup(session, connection)
    run = make_run(session, connection, status=RunStatus.SUCCEEDED)
    told = {"name": MARK, "entity_id": customer.id, "diff": {"phone": ["ours", "theirs"]}}
    make_entry(session, run, outcome="conflict", reason="both_changed", **told)
    make_entry(session, run, outcome="failed", reason="crm_refused", **told)
    other = make_customer(session, display_name=f"{MARK} Limited")
    session.add(
        ReviewPair(organisation_id=organisation_of(session), connection_id=connection.id, customer_id=customer.id,
                   other_id=other.id, why="name")
    )  # fmt: skip
