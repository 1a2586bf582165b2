"""What a transaction comes to. Computed by the CRM from its rows, never taken from the caller."""

from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

_CENT = Decimal("0.01")
_HUNDRED = Decimal(100)


def priced_row(row: dict[str, Any]) -> dict[str, Any]:
    """The row with Total, Discount, Total_After_Discount, Tax and Net_Total filled in."""
    total = _money(_number(row.get("Quantity")) * _number(row.get("List_Price")))
    discount = amount_of(row.get("_discount", row.get("Discount")), total)
    after = total - discount
    taxes = [_valued(tax, after) for tax in row.get("Line_Tax", [])]
    tax = sum((_number(item["value"]) for item in taxes), Decimal(0))
    return {
        **row,
        "Total": float(total),
        "Discount": float(discount),
        "Total_After_Discount": float(after),
        "Line_Tax": taxes,
        "Tax": float(tax),
        "Net_Total": float(after + tax),
    }


def document_totals(body: dict[str, Any], rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Sub_Total, Discount, Tax, Adjustment and Grand_Total of a document with these priced rows."""
    sub_total = sum((_number(row["Net_Total"]) for row in rows), Decimal(0))
    discount = amount_of(body.get("_discount", body.get("Discount")), sub_total)
    taxes = [_valued(tax, sub_total - discount) for tax in body.get("$line_tax", [])]
    tax = sum((_number(item["value"]) for item in taxes), Decimal(0)) if taxes else _number(body.get("Tax"))
    adjustment = _number(body.get("Adjustment"))
    return {
        "Sub_Total": float(sub_total),
        "Discount": float(discount),
        "Tax": float(_money(tax)),
        "Adjustment": float(adjustment),
        "Grand_Total": float(_money(sub_total - discount + tax + adjustment)),
        "$line_tax": taxes,
    }


def amount_of(discount: Any, base: Decimal) -> Decimal:
    """A discount as money: `98` is an amount, `"5%"` a part of the base."""
    if isinstance(discount, str) and discount.strip().endswith("%"):
        return _money(base * _number(discount.strip()[:-1]) / _HUNDRED)
    return _money(_number(discount))


def is_percentage(value: Any) -> bool:
    if not (isinstance(value, str) and value.strip().endswith("%")):
        return False
    number = value.strip()[:-1]
    return is_number(number) and 0 <= _number(number) <= _HUNDRED


def is_number(value: Any) -> bool:
    """Whether `_number` can read it."""
    try:
        return _number(value).is_finite()
    except InvalidOperation:
        return False


def _valued(tax: dict[str, Any], base: Decimal) -> dict[str, Any]:
    return {**tax, "value": float(_money(base * _number(tax.get("percentage")) / _HUNDRED))}


def _number(value: Any) -> Decimal:
    return Decimal(str(value)) if value not in (None, "") else Decimal(0)


def _money(value: Decimal) -> Decimal:
    return value.quantize(_CENT, ROUND_HALF_UP)
