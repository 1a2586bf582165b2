"""The items' pages: sales looks, finance and admins change."""

import re

from tests.factories.links import make_connection, make_link
from zbweb.billing import items, taxes
from zbweb.billing.journal import SYSTEM
from zbweb.db import db, unit_of_work

CHAIR = {"name": "Chair", "sku": "CHR-1", "rate": "1,389.50", "unit": "pcs"}


def made_by(person):
    answer = person.post("/items/new", CHAIR)
    return int(re.fullmatch(r"/items/(\d+)", answer.location)[1])


def test_a_new_item_lands_on_its_page_and_in_the_list(chen):
    with unit_of_work() as session:
        from decimal import Decimal

        tax = taxes.create(session, name="VAT", rate=Decimal("7.25"), actor=SYSTEM)
    answer = chen.post("/items/new", CHAIR | {"tax_id": tax.id, "description": "Soft"})
    page = chen.get(answer.location).text
    for words in ("Chair", "CHR-1", "$1,389.50", "VAT (7.25%)", "Soft", "created the item"):
        assert words in page
    assert f'href="{answer.location}"' in chen.get("/items?q=chr").text


def test_what_is_typed_wrong_is_said_at_the_field_and_kept(chen):
    made_by(chen)
    answer = chen.post("/items/new", CHAIR | {"rate": "much"})
    assert answer.status_code == 422
    assert "Write a number" in answer.text
    assert 'value="much"' in answer.text
    assert "Another item has the SKU CHR-1" in chen.post("/items/new", CHAIR).text


def test_an_item_is_edited_and_its_history_tells(chen):
    item_id = made_by(chen)
    assert 'value="1389.5"' in chen.get(f"/items/{item_id}/edit").text
    assert chen.post(f"/items/{item_id}/edit", CHAIR | {"rate": "1400", "version": "1"}).location == f"/items/{item_id}"
    assert "changed Rate" in chen.get(f"/items/{item_id}").text
    assert chen.post(f"/items/{item_id}/edit", CHAIR | {"version": "1"}).status_code == 409


def test_an_inactive_tax_stays_on_the_item_that_has_it(chen):
    with unit_of_work() as session:
        from decimal import Decimal

        tax = taxes.create(session, name="Old VAT", rate=Decimal(5), actor=SYSTEM)
    chen.post("/items/new", CHAIR | {"tax_id": tax.id})
    with unit_of_work() as session:
        taxes.set_active(session, taxes.find(session, tax.id), active=False, actor=SYSTEM)
    item_id = items.find(db.session(), 1).id
    assert "Old VAT" in chen.get(f"/items/{item_id}/edit").text
    assert "Old VAT" not in chen.get("/items/new").text


def test_an_item_is_marked_inactive_and_deleted(chen):
    item_id = made_by(chen)
    chen.post(f"/items/{item_id}/active", {"active": "0"})
    assert "Chair" in chen.get("/items?view=inactive").text
    assert "Nothing here" in chen.get("/items?view=active").text
    assert chen.post(f"/items/{item_id}/delete").location == "/items"
    assert chen.get(f"/items/{item_id}").status_code == 404


def test_the_linked_product_is_named_and_can_be_unlinked(chen):
    item_id = made_by(chen)
    with unit_of_work() as session:
        item = items.find(session, item_id)
        make_link(session, make_connection(session), item, entity="item", crm_module="Products", crm_name="Chair (CRM)")
    assert "Chair (CRM)" in chen.get(f"/items/{item_id}").text
    chen.post(f"/items/{item_id}/unlink")
    page = chen.get(f"/items/{item_id}").text
    assert "unlinked the item from Chair (CRM)" in page
    assert "Linked product" not in page


def test_sales_may_look_but_not_touch(chen, ben):
    item_id = made_by(chen)
    assert ben.get("/items").status_code == 200
    assert "New Item" not in ben.get("/items").text
    assert "Edit" not in re.sub(r"<title>.*?</title>", "", ben.get(f"/items/{item_id}").text).split("<main")[1]
    for path in ("/items/new", f"/items/{item_id}/edit", f"/items/{item_id}/delete", f"/items/{item_id}/active"):
        assert ben.post(path, CHAIR).status_code == 403


def test_a_strangers_items_are_not_ours(chen, dora):
    item_id = made_by(chen)
    assert "Chair" not in dora.get("/items").text
    for path in ("", "/edit"):
        assert dora.get(f"/items/{item_id}{path}").status_code == 404
