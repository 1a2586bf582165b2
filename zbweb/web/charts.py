"""Bar charts as plain figures, which a template draws as SVG: no script, no style, and a table says the same."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from babel.numbers import format_compact_decimal

from zbweb.billing.words import LOCALE

WIDTH, HEIGHT = 720, 220
_LEFT, _BOTTOM, _TOP = 64, 26, 12
_STEPS = (1, 2, 5, 10)


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: where it stands, what stands below it, what it says when asked."""

    x: float
    y: float
    width: float
    height: float
    label: str
    told: str

    @property
    def middle(self) -> float:
        """Where its label is centred."""
        return round(self.x + self.width / 2, 1)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the grid, with its amount at the left."""

    y: float
    label: str


@dataclass(frozen=True, slots=True)
class Chart:
    """Bars over a grid, in units of the SVG's view box."""

    bars: tuple[Bar, ...]
    lines: tuple[Line, ...]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = _LEFT
    base: int = HEIGHT - _BOTTOM


def bars(values: Sequence[tuple[str, Decimal, str]]) -> Chart:
    """A chart of (label, amount, the same in words); amounts below zero are drawn as nothing."""
    top = _ceiling(max((amount for _, amount, _ in values), default=Decimal(0)))
    room, slot = HEIGHT - _BOTTOM - _TOP, (WIDTH - _LEFT) / max(len(values), 1)

    def bar(index: int, label: str, amount: Decimal, told: str) -> Bar:
        height = round(room * int(max(amount, Decimal(0)) / top * 1000) / 1000, 1)
        width = round(min(slot * 0.62, 64), 1)
        x = round(_LEFT + slot * index + (slot - width) / 2, 1)
        return Bar(x, round(HEIGHT - _BOTTOM - height, 1), width, height, label, told)

    drawn = tuple(bar(index, *value) for index, value in enumerate(values))
    grid = tuple(
        Line(round(HEIGHT - _BOTTOM - room * part / 4, 1), format_compact_decimal(top * part / 4, locale=LOCALE))
        for part in range(5)
    )
    return Chart(drawn, grid)


def shares(amounts: Sequence[Decimal]) -> list[int]:
    """Each amount as a percentage of the largest, for bars within a table."""
    most = max(amounts, default=Decimal(0))
    return [int(amount * 100 / most) if most > 0 else 0 for amount in amounts]


def _ceiling(amount: Decimal) -> Decimal:
    """The next round number: 1, 2, 5 or 10 times a power of ten, times four so that the grid's lines are round."""
    unit = Decimal(1).scaleb(max((amount / 4).adjusted(), 0)) if amount > 0 else Decimal(1)
    return next(unit * step * 4 for step in _STEPS if unit * step * 4 >= amount)
