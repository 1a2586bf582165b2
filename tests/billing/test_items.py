"""Items: what may be saved, and who may be deleted."""

from datetime import date
from decimal import Decimal

import pytest

from tests.factories.customers import make_customer
from zbweb.billing import items, journal, taxes
from zbweb.billing.items import ItemDraft
from zbweb.billing.journal import SYSTEM
from zbweb.billing.models import Line, Transaction
from zbweb.billing.queries import items as list_of
from zbweb.billing.queries.items import View, Wanted
from zbweb.billing.queries.paging import Window
from zbweb.db import unit_of_work
from zbweb.errors import Conflict, Invalid, Stale


@pytest.fixture
def work(asha):
    """An open unit of work for Asha's organisation."""
    with unit_of_work() as session:
        yield session


def make_item(session, **values):
    return items.create(session, ItemDraft(**({"name": "Chair", "rate": Decimal("10.5")} | values)), actor=SYSTEM)


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"name": "  "}, "name"),
        ({"sku": "TAKEN"}, "sku"),
        ({"rate": Decimal("-0.01")}, "rate"),
        ({"rate": Decimal(10) ** 12}, "rate"),
        ({"tax_id": 4711}, "tax_id"),
        ({"unit": "x" * 65}, "unit"),
    ],
)
def test_a_value_that_cannot_be_kept_is_refused_at_its_field(work, values, field):
    make_item(work, sku="TAKEN")
    with pytest.raises(Invalid) as refusal:
        make_item(work, **values)
    assert list(refusal.value.fields) == [field]


def test_items_without_a_sku_do_not_collide(work):
    assert make_item(work).id != make_item(work).id


def test_an_edit_is_journalled_in_words(work, asha):
    tax = taxes.create(work, name="VAT", rate=Decimal(19), actor=SYSTEM)
    item = make_item(work)
    assert items.edit(work, item, ItemDraft("Chair", rate=Decimal("12.50"), tax_id=tax.id), actor=asha.actor, version=1)
    work.flush()
    assert journal.history(work, "item", item.id)[0].changes == {"rate": ["10.5", "12.5"], "tax": [None, "VAT"]}
    with pytest.raises(Stale):
        items.edit(work, item, ItemDraft("Stool"), actor=asha.actor, version=1)


def test_the_same_rate_written_otherwise_is_no_change(work, asha):
    item = make_item(work)
    assert not items.edit(work, item, ItemDraft(" Chair ", rate=Decimal("10.500")), actor=asha.actor)
    assert item.version == 1


def test_an_item_that_stands_in_a_document_cannot_be_deleted(work, asha):
    used, free = make_item(work), make_item(work)
    customer = make_customer(work)
    document = Transaction(
        organisation_id=asha.organisation_id, kind="quotes", customer_id=customer.id, currency="USD",
        date=date(2026, 1, 1),
    )  # fmt: skip
    document.lines.append(Line(organisation_id=asha.organisation_id, position=1, item_id=used.id, name="Chair"))
    work.add(document)
    work.flush()
    with pytest.raises(Conflict, match="inactive"):
        items.delete(work, used, actor=asha.actor)
    items.delete(work, free, actor=asha.actor)
    items.set_active(work, used, active=False, actor=asha.actor)
    assert [row.id for row in list_of.page(work, Wanted(view=View.INACTIVE), Window()).rows] == [used.id]
    assert list_of.page(work, Wanted(view=View.ACTIVE), Window()).rows == ()


def test_items_are_found_by_name_sku_and_description_and_sorted_by_rate(work):
    cheap = make_item(work, name="Lamp", sku="L-1", rate=Decimal(9))
    dear = make_item(work, name="Desk", description="with a LAMP", rate=Decimal(100))
    make_item(work, name="Sofa")
    found = list_of.page(work, Wanted(search="lamp", sort="-rate"), Window())
    assert found.rows == (dear, cheap)
    assert list_of.page(work, Wanted(search="l-1"), Window()).rows == (cheap,)
