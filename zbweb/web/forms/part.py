"""Invoicing a part of an order: how much of each of its lines was typed."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from zbweb.errors import Invalid
from zbweb.web.forms.amounts import parse


def quantities_typed(form: Mapping[str, str], line_ids: Sequence[int]) -> dict[int, Decimal]:
    """Quantity by line, none for an empty field; Invalid at the first field that holds no number."""
    return {line_id: _quantity(form.get(f"quantity-{line_id}", ""), index) for index, line_id in enumerate(line_ids)}


def _quantity(typed: str, index: int) -> Decimal:
    try:
        return parse(typed or "0")
    except ValueError as error:
        raise Invalid(str(error), {f"lines-{index}-quantity": str(error)}) from error
