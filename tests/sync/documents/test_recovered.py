"""Documents that were deleted in the CRM and came back, and copies that outlive their originals."""

import pytest
from sqlalchemy import select

from tests.factories.documents import (
    add_customer,
    configure,
    deliver,
    documents_in,
    invoice_for,
    link_of,
    the_document,
    waiting,
)
from tests.factories.recycle_bin import recover
from zbweb.billing import transactions
from zbweb.billing.journal import SYSTEM
from zbweb.billing.models import Transaction
from zbweb.db import db, unit_of_work
from zbweb.sync.core.words import Extent
from zbweb.sync.documents import state
from zbweb.sync.models import SyncEntry


@pytest.fixture(params=[Extent.BOTH, Extent.PUSH])
def gone(request, both_ways):
    """Partners, an invoice that was deleted in the CRM, as both know, and what its CRM id was."""
    customer_id = add_customer(display_name="Acme Ltd")
    both_ways.sync()
    configure(both_ways, extent=request.param)
    invoice_id = invoice_for(customer_id)
    deliver(both_ways)
    crm_id = the_document(both_ways)["id"]
    both_ways.drop("Invoices", crm_id)
    reference(invoice_id, "noticed")
    both_ways.sync()
    deliver(both_ways)
    assert link_of(invoice_id) is None
    return both_ways, invoice_id, crm_id


def reference(invoice_id, text):
    with unit_of_work() as session:
        held = session.get_one(Transaction, invoice_id)
        draft = transactions.replace(transactions.from_transaction(held), reference=text)
        transactions.edit(session, held, draft, version=None, actor=SYSTEM)


def send_again(invoice_id):
    with unit_of_work() as session:
        state.send_again(session, session.get_one(Transaction, invoice_id))


def test_a_document_that_is_back_in_the_crm_is_not_made_there_twice_when_it_is_sent_again(gone):
    partners, invoice_id, crm_id = gone
    recover(partners, crm_id)
    send_again(invoice_id)
    deliver(partners)
    there = the_document(partners)
    assert (there["id"], there["Purchase_Order"]) == (crm_id, "noticed")
    assert link_of(invoice_id).crm_id == crm_id
    assert waiting() == []


def test_one_that_stays_deleted_is_made_anew_when_it_is_sent_again(gone):
    partners, invoice_id, crm_id = gone
    send_again(invoice_id)
    deliver(partners)
    assert the_document(partners)["id"] != crm_id
    assert link_of(invoice_id).crm_id == the_document(partners)["id"]


@pytest.mark.parametrize("gone", [Extent.BOTH], indirect=True)
def test_where_both_are_read_it_is_linked_again_by_itself(gone):
    partners, invoice_id, crm_id = gone
    recover(partners, crm_id)
    partners.sync()
    deliver(partners)
    assert link_of(invoice_id).crm_id == crm_id
    assert the_document(partners)["Purchase_Order"] == "noticed"
    db.session.rollback()
    reasons = list(db.session.scalars(select(SyncEntry.reason).where(SyncEntry.crm_id == crm_id)))
    assert reasons[-2:] == ["paired", "changed_here"]


def test_a_copy_whose_original_is_gone_is_no_push_of_ours(both_ways):
    customer_id = add_customer(display_name="Acme Ltd")
    both_ways.sync()
    configure(both_ways, extent=Extent.BOTH)
    invoice_id = invoice_for(customer_id)
    deliver(both_ways)
    there = the_document(both_ways)
    same = {key: there[key] for key in ("Subject", "Account_Name", "Billing_Document_Id")}
    row = {key: there["Invoiced_Items"][0][key] for key in ("Product_Name", "Quantity", "List_Price")}
    both_ways.drop("Invoices", there["id"])
    both_ways.sync()
    both_ways.add("Invoices", **same, Invoiced_Items=[row])
    both_ways.sync()
    deliver(both_ways)
    db.session.rollback()
    ids = list(
        db.session.scalars(select(Transaction.id).where(Transaction.kind == "invoices").order_by(Transaction.id))
    )
    assert len(ids) == 2
    assert ids[0] == invoice_id
    assert [each["Billing_Document_Id"] for each in documents_in(both_ways)] == [str(ids[1])]
