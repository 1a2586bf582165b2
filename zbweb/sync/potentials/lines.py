"""What a potential is about, as the lines of a document: its products, or one line with its amount."""

from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from sqlalchemy.orm import Session

from zbweb.billing.drafts import LineDraft
from zbweb.billing.models import Item
from zbweb.billing.words import DiscountKind
from zbweb.crm.errors import ModuleUnavailable, PermissionDenied, Refused, ScopeMissing
from zbweb.crm.port import CrmClient, Record
from zbweb.sync.core.goods import Good
from zbweb.sync.documents import goods

_LIST = "Products"
_FIELDS = (
    "Product_Name", "Product_Code", "Unit_Price", "List_Price", "Quantity", "Discount", "Usage_Unit", "Description",
)  # fmt: skip


def products_of(client: CrmClient, potential_id: str) -> list[Record]:
    """The potential's products; none where the CRM keeps no such list, or does not show it to us."""
    try:
        return client.related("Deals", potential_id, _LIST, _FIELDS)
    except (Refused, ModuleUnavailable, PermissionDenied, ScopeMissing):
        return []


def lines_for(
    session: Session, connection_id: int, name: str, amount: Decimal | None, products: Sequence[Record]
) -> tuple[LineDraft, ...]:
    """The lines of a potential's document. Products without any price say less than the potential's amount does."""
    items = goods.of_products(session, connection_id, [_good(product) for product in products])
    lines = tuple(_line(product, items.get(str(product["id"]))) for product in products)
    if any(line.rate for line in lines) or (lines and not amount):
        return lines
    return (LineDraft(name=f"As per potential {name}", rate=amount or Decimal(0)),)


def _line(product: Record, item: Item | None) -> LineDraft:
    """A product at its price for this potential; one that is an item here too brings unit and tax along."""
    price = _number(product.get("List_Price"))
    return LineDraft(
        name=_good(product).name[:255],
        quantity=_number(product.get("Quantity")) or Decimal(1),
        rate=_number(product.get("Unit_Price")) or Decimal(0) if price is None else price,
        description=str(product.get("Description") or ""),
        unit=item.unit if item else str(product.get("Usage_Unit") or "")[:64],
        item_id=item.id if item else None,
        discount_kind=DiscountKind.AMOUNT,
        discount_value=_number(product.get("Discount")) or Decimal(0),
        tax_id=item.tax_id if item else None,
    )


def _good(product: Record) -> Good[str]:
    return goods.good_of(str(product["id"]), product.get("Product_Name"), product.get("Product_Code"))


def _number(value: Any) -> Decimal | None:
    """A number of the CRM; None for nothing, and for what is no amount ("5%")."""
    try:
        number = None if value is None else Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number is not None and number.is_finite() else None
