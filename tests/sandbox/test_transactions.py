"""Quotes, sales orders and invoices: their rows, and the totals that the CRM computes itself."""

import pytest

KINDS = [
    ("Quotes", "Quoted_Items", "Quote_Number"),
    ("Sales_Orders", "Ordered_Items", "SO_Number"),
    ("Invoices", "Invoiced_Items", "Invoice_Number"),
]


@pytest.fixture
def parts(caller):
    account = caller.insert("Accounts", Account_Name="Buyer")
    one = caller.insert("Products", Product_Name="Widget", Product_Code="W-1", Unit_Price=12.5)
    two = caller.insert("Products", Product_Name="Gadget", Unit_Price=0.1)
    return {"account": {"id": account}, "widget": {"id": one}, "gadget": {"id": two}}


def make(caller, module, items_field, parts, items, **values):
    record_id = caller.insert(module, Subject="S", Account_Name=parts["account"], **{items_field: items}, **values)
    return caller.record(module, record_id)


@pytest.mark.parametrize(("module", "items_field", "number_field"), KINDS)
def test_each_kind_counts_up_and_computes_its_totals(caller, parts, module, items_field, number_field):
    items = [
        {"Product_Name": parts["widget"], "Quantity": 2, "List_Price": 50, "Discount": 10,
         "Line_Tax": [{"name": "VAT", "percentage": 20}], "Description": "blue"},
        {"Product_Name": parts["gadget"], "Quantity": 3},
    ]  # fmt: skip
    record = make(caller, module, items_field, parts, items, Discount=8.3, Adjustment=-1, Grand_Total=999999)
    first, second = record[items_field]
    assert (first["Total"], first["Total_After_Discount"], first["Tax"], first["Net_Total"]) == (100, 90, 18, 108)
    assert first["Product_Name"]["name"] == "Widget"
    assert first["Product_Name"]["Product_Code"] == "W-1"
    assert (second["List_Price"], second["Net_Total"], second["Sequence_Number"]) == (0.1, 0.3, 2)
    assert (record["Sub_Total"], record["Grand_Total"]) == (108.3, 99.0)
    again = make(caller, module, items_field, parts, items)
    assert int(again[number_field]) == int(record[number_field]) + 1


def test_percentages_are_discounts_too(caller, parts):
    items = [{"Product_Name": parts["widget"], "Quantity": 4, "Discount": "10%"}]
    record = make(caller, "Invoices", "Invoiced_Items", parts, items, Discount="50%")
    assert record["Invoiced_Items"][0]["Total_After_Discount"] == 45
    assert (record["Discount"], record["Grand_Total"]) == (22.5, 22.5)


def test_a_tax_on_the_whole_document_is_computed_after_the_discount(caller, parts):
    items = [{"Product_Name": parts["widget"], "Quantity": 8}]
    taxes = [{"name": "VAT", "percentage": 20}]
    record = make(caller, "Invoices", "Invoiced_Items", parts, items, Discount=50, **{"$line_tax": taxes})
    assert (record["Tax"], record["Grand_Total"]) == (10, 60)
    assert record["$line_tax"] == [{"name": "VAT", "percentage": 20, "value": 10}]


def test_rows_are_changed_added_removed_and_left_alone(caller, parts):
    items = [{"Product_Name": parts["widget"], "Quantity": n} for n in (1, 2, 3)]
    record = make(caller, "Quotes", "Quoted_Items", parts, items)
    one, two, three = (row["id"] for row in record["Quoted_Items"])
    rows = [{"id": one, "Quantity": 10}, {"id": two, "_delete": None}, {"Product_Name": parts["gadget"], "Quantity": 5}]
    answer = caller.call("PUT", f"/crm/v8/Quotes/{record['id']}", {"data": [{"Quoted_Items": rows}]})
    assert answer.status == 200
    after = caller.record("Quotes", record["id"])
    assert [(row["id"], row["Quantity"]) for row in after["Quoted_Items"]][:2] == [(one, 10), (three, 3)]
    assert after["Quoted_Items"][2]["Product_Name"]["id"] == parts["gadget"]["id"]
    assert after["Grand_Total"] == 13 * 12.5 + 0.5


def test_a_document_cannot_lose_all_its_rows(caller, parts):
    record = make(caller, "Quotes", "Quoted_Items", parts, [{"Product_Name": parts["widget"], "Quantity": 1}])
    answer = caller.call("PUT", f"/crm/v8/Quotes/{record['id']}", {"data": [{"Quoted_Items": []}]})
    assert answer.json()["data"][0]["code"] == "MANDATORY_NOT_FOUND"


@pytest.mark.parametrize(
    ("items", "expected", "place"),
    [
        ([], "MANDATORY_NOT_FOUND", "$.data[0].Quoted_Items"),
        ([{"Quantity": 1}], "MANDATORY_NOT_FOUND", "$.data[0].Quoted_Items[0].Product_Name"),
        ([{"Product_Name": {"id": "1"}, "Quantity": 1}], "INVALID_DATA", "$.data[0].Quoted_Items[0].Product_Name.id"),
        ([{"Product_Name": "widget"}], "MANDATORY_NOT_FOUND", "$.data[0].Quoted_Items[0].Quantity"),
        ([{"Product_Name": "widget", "Quantity": "two"}], "INVALID_DATA", "$.data[0].Quoted_Items[0].Quantity"),
        ([{"_delete": None}], "MANDATORY_NOT_FOUND", "$.data[0].Quoted_Items[0].id"),
        ([{"id": "5", "Quantity": 1}], "INVALID_DATA", "$.data[0].Quoted_Items[0].id"),
        ("nonsense", "INVALID_DATA", "$.data[0].Quoted_Items"),
    ],
)
def test_a_bad_row_is_named_with_its_path(caller, parts, items, expected, place):
    if isinstance(items, list):
        ware = parts["widget"]
        items = [item | {"Product_Name": ware} if item.get("Product_Name") == "widget" else item for item in items]
    record = {"Subject": "S", "Account_Name": parts["account"], "Quoted_Items": items}
    item = caller.post("/crm/v8/Quotes", {"data": [record]}).json()["data"][0]
    assert (item["code"], item["details"]["json_path"]) == (expected, place)


@pytest.mark.parametrize("taxes", [[{"name": "VAT", "percentage": "much"}], ["VAT"], "VAT"])
@pytest.mark.parametrize("is_of_row", [True, False])
def test_a_tax_that_is_none_is_refused(caller, parts, taxes, is_of_row):
    row = {"Product_Name": parts["widget"], "Quantity": 1} | ({"Line_Tax": taxes} if is_of_row else {})
    record = {"Subject": "S", "Account_Name": parts["account"], "Invoiced_Items": [row]}
    answer = caller.post("/crm/v8/Invoices", {"data": [record | ({} if is_of_row else {"$line_tax": taxes})]})
    assert (answer.status, answer.json()["data"][0]["code"]) == (400, "INVALID_DATA")


def test_an_invoice_wants_an_account(caller, parts):
    items = [{"Product_Name": parts["widget"], "Quantity": 1}]
    item = caller.post("/crm/v8/Invoices", {"data": [{"Subject": "S", "Invoiced_Items": items}]}).json()["data"][0]
    assert (item["code"], item["details"]["api_name"]) == ("MANDATORY_NOT_FOUND", "Account_Name")


def test_an_accounts_invoices_are_a_related_list(caller, parts):
    items = [{"Product_Name": parts["widget"], "Quantity": 1}]
    record = make(caller, "Invoices", "Invoiced_Items", parts, items)
    path = f"/crm/v8/Accounts/{parts['account']['id']}/Invoices"
    assert caller.records(path, fields="Subject,Grand_Total") == [
        {"Subject": "S", "Grand_Total": 12.5, "id": record["id"]}
    ]
