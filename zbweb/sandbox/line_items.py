"""The rows of a quote, order or invoice: which are kept, which are new, which go."""

from typing import Any

from zbweb.sandbox import queries
from zbweb.sandbox.schema import Field
from zbweb.sandbox.totals import is_number, is_percentage, priced_row
from zbweb.sandbox.values import Invalid, clean, reference_id
from zbweb.sandbox.work import Refused, Work

_PLAIN = ("Quantity", "List_Price", "Description")


def merged_rows(
    work: Work, field: Field, given: Any, *, stored: list[dict[str, Any]], path: str
) -> list[dict[str, Any]]:
    """The stored rows after the given ones: with id = change, without = add, `_delete` = remove, [] = none.

    Rows that are not mentioned stay. Raises Refused with the row's json_path.
    """
    if not isinstance(given, list):
        raise _refused(Invalid({"expected_data_type": "jsonarray"}), field.api_name, path)
    if not given:
        return []
    rows = {row["id"]: row for row in stored}
    for index, item in enumerate(given):
        at = f"{path}[{index}]"
        if not isinstance(item, dict):
            raise _refused(Invalid({"expected_data_type": "jsonobject"}), field.api_name, at)
        row_id = str(item.get("id") or work.take_id())
        if item.get("id") and row_id not in rows:
            details = {"api_name": "id", "json_path": f"{at}.id", "parent_api_name": field.api_name}
            raise Refused("INVALID_DATA", "the id given seems to be invalid", details)
        if "_delete" in item and row_id not in rows:
            details = {"api_name": "id", "json_path": f"{at}.id", "parent_api_name": field.api_name}
            raise Refused("MANDATORY_NOT_FOUND", "required field not found", details)
        if "_delete" in item:
            del rows[row_id]
        else:
            rows[row_id] = _row(work, field, item, before=rows.get(row_id), at=at) | {"id": row_id}
    return [row | {"Sequence_Number": number} for number, row in enumerate(rows.values(), start=1)]


def _row(work: Work, field: Field, item: dict[str, Any], *, before: dict[str, Any] | None, at: str) -> dict[str, Any]:
    fields = work.catalog.module(field.target or "").by_name
    row = dict(before or {"created": work.now})
    if "Product_Name" in item or before is None:
        row |= _product(work, item.get("Product_Name"), at)
    for name in _PLAIN:
        if name in item:
            try:
                row[name] = clean(fields[name], item[name])
            except Invalid as error:
                raise _refused(error, name, f"{at}.{name}") from error
    if before is None and row.get("Quantity") is None:
        details = {"api_name": "Quantity", "json_path": f"{at}.Quantity"}
        raise Refused("MANDATORY_NOT_FOUND", "required field not found", details)
    _read_discount(row, fields["Discount"], item, at)
    if "Line_Tax" in item:
        row["Line_Tax"] = read_taxes(item["Line_Tax"], "Line_Tax", f"{at}.Line_Tax")
    return priced_row(row | {"modified": work.now})


def _product(work: Work, value: Any, at: str) -> dict[str, Any]:
    path = f"{at}.Product_Name"
    try:
        product_id = reference_id(value)
    except Invalid as error:
        raise _refused(error, "Product_Name", path) from error
    if product_id is None:
        details = {"api_name": "Product_Name", "json_path": path}
        raise Refused("MANDATORY_NOT_FOUND", "required field not found", details)
    product = queries.get(work.connection, "Products", product_id)
    if product is None:
        details = {"api_name": "Product_Name", "json_path": f"{path}.id"}
        raise Refused("INVALID_DATA", "the id given seems to be invalid", details)
    return {"Product_Name": str(product_id), "List_Price": product.body.get("Unit_Price", 0)}


def _read_discount(row: dict[str, Any], field: Field, item: dict[str, Any], at: str) -> None:
    if "Discount" not in item:
        return
    row.pop("_discount", None)
    if is_percentage(item["Discount"]):
        row["_discount"] = item["Discount"]
        return
    try:
        row["Discount"] = clean(field, item["Discount"])
    except Invalid as error:
        raise _refused(error, "Discount", f"{at}.Discount") from error


def read_taxes(given: Any, api_name: str, path: str) -> list[dict[str, Any]]:
    """The stored form of a list of taxes, of a row or of a whole document. Raises Refused."""
    if not isinstance(given, list) or not all(isinstance(tax, dict) for tax in given):
        raise _refused(Invalid({"expected_data_type": "jsonarray"}), api_name, path)
    if not all(is_number(tax.get("percentage", 0)) for tax in given):
        raise _refused(Invalid({"expected_data_type": "double"}), "percentage", path)
    return [{key: tax[key] for key in ("name", "percentage", "id") if key in tax} for tax in given]


def _refused(error: Invalid, api_name: str, path: str) -> Refused:
    return Refused("INVALID_DATA", error.message, {**error.details, "api_name": api_name, "json_path": path})
