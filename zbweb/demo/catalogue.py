"""What the demo organisations sell, and the taxes on it."""

from decimal import Decimal

from sqlalchemy.orm import Session

from zbweb.billing import items, taxes
from zbweb.billing.items import ItemDraft
from zbweb.billing.journal import SYSTEM
from zbweb.billing.models import Organisation, Tax
from zbweb.demo.organisations import TRADING

_TAXES = {
    TRADING: (("CA Sales Tax", "7.25"), ("Los Angeles County", "9.5"), ("Exempt", "0")),
    None: (("MwSt. 19%", "19"), ("MwSt. 7%", "7")),
}

# name, SKU, rate, unit, place of its tax in the list above
_TRADING_ITEMS = (
    ("Standing Desk, Oak 160 cm", "DSK-160-OAK", "649.00", "pcs", 0),
    ("Standing Desk, White 140 cm", "DSK-140-WHT", "549.00", "pcs", 0),
    ("Ergonomic Chair, Mesh", "CHR-MESH", "389.00", "pcs", 0),
    ("Ergonomic Chair, Leather", "CHR-LTHR", "529.00", "pcs", 0),
    ("Monitor Arm, Single", "ARM-1", "119.00", "pcs", 0),
    ("Monitor Arm, Dual", "ARM-2", "189.00", "pcs", 0),
    ("27-inch Monitor, 4K", "MON-27-4K", "429.00", "pcs", 0),
    ("Docking Station, USB-C", "DOC-USBC", "179.00", "pcs", 0),
    ("Acoustic Panel, 60 × 120 cm", "ACP-60120", "84.50", "pcs", 0),
    ("Phone Booth, Single", "BTH-1", "4250.00", "pcs", 0),
    ("Meeting Pod, 4 Seats", "POD-4", "11800.00", "pcs", 0),
    ("Whiteboard, 180 × 120 cm", "WHB-180", "265.00", "pcs", 0),
    ("Cable Tray", "CBL-TRAY", "24.90", "pcs", 0),
    ("Power Strip, 8 Outlets", "PWR-8", "39.90", "pcs", 0),
    ("LED Desk Lamp", "LMP-LED", "59.00", "pcs", 0),
    ("Locker, 4 Doors", "LCK-4", "745.00", "pcs", 0),
    ("Planter, Large", "PLN-L", "138.00", "pcs", 0),
    ("Copy Paper, A4, Box of 5", "PPR-A4-5", "27.75", "box", 0),
    ("Coffee Beans, House Blend", "COF-HB", "18.40", "kg", 2),
    ("Space Planning", "SVC-PLAN", "140.00", "hour", 2),
    ("Assembly on Site", "SVC-ASM", "85.00", "hour", 2),
    ("Delivery within the City", "SVC-DLV", "95.00", "trip", 2),
    ("Recycling of Old Furniture", "SVC-RCY", "45.00", "pcs", 2),
    ("Care Plan, Yearly", "SVC-CARE", "480.00", "year", 2),
    ("Fabric Sample Set", "SMP-FAB", "0.00", "set", None),
)
_STUDIO_ITEMS = (
    ("Workshop Day", "WS-DAY", "1600.00", "day", 0),
    ("Interface Design", "DES-HOUR", "115.00", "hour", 0),
    ("Illustration", "ILL", "240.00", "pcs", 0),
    ("Printed Style Guide", "PRT-SG", "38.50", "pcs", 1),
)


def load(session: Session, organisation: Organisation) -> None:
    """Taxes and items of one organisation."""
    is_trading = organisation.name == TRADING
    rows = _TAXES[TRADING if is_trading else None]
    made = [taxes.create(session, name=name, rate=Decimal(rate), actor=SYSTEM) for name, rate in rows]
    for name, sku, rate, unit, place in _TRADING_ITEMS if is_trading else _STUDIO_ITEMS:
        items.create(session, ItemDraft(name, sku, "", Decimal(rate), unit, _id(made, place)), actor=SYSTEM)


def _id(made: list[Tax], place: int | None) -> int | None:
    return None if place is None else made[place].id
