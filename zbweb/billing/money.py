"""The arithmetic of a document: pure, exact, and rounded in one function.

The order of things, fixed so that screen, PDF and CRM cannot disagree:

1. quantity x rate is rounded to the currency, then the line's discount of that rounded amount;
2. the document's discount is spread over the lines by largest remainder, so the shares sum to it;
3. tax falls on what is left. LINE rounds it at each line; DOCUMENT keeps the unrounded amounts of a
   tax together, rounds once, and spreads the result over its lines;
4. shipping and adjustment are added at the end and carry no tax.

Inclusive rates: the amounts typed stay as they are and the tax is taken out of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal, localcontext

from zbweb.billing.words import DiscountKind, TaxMode, TaxRounding
from zbweb.errors import Invalid

ZERO = Decimal(0)
PLACES = Decimal("0.000001")
"""How exactly quantities, rates and percentages are kept."""
LIMIT = Decimal(10) ** 12
"""What every amount and quantity stays below: the database keeps no more digits."""
_HUNDRED = Decimal(100)
_RATE, _LARGEST_RATE = Decimal(1).scaleb(-10), Decimal(10) ** 8
_DIGITS = 60  # a product of two 20-digit numbers, with room for a division

_EXPONENTS = {
    **dict.fromkeys(["BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF"], 0),
    **dict.fromkeys(["UGX", "UYI", "VND", "VUV", "XAF", "XOF", "XPF"], 0),
    **dict.fromkeys(["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"], 3),
}


@dataclass(frozen=True, slots=True)
class Discount:
    """A percentage (10 means 10 %) or an amount in the document's currency."""

    kind: DiscountKind = DiscountKind.PERCENT
    value: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class LineInput:
    """What a line says; `tax_rate` in percent."""

    quantity: Decimal
    rate: Decimal
    discount: Discount = field(default_factory=Discount)
    tax_name: str = ""
    tax_rate: Decimal = ZERO

    @property
    def is_taxed(self) -> bool:
        """Whether the line belongs in the tax table; a named tax of 0 % does."""
        return bool(self.tax_name) or self.tax_rate != 0


@dataclass(frozen=True, slots=True)
class DocumentInput:
    """Everything a total depends on."""

    currency: str
    lines: tuple[LineInput, ...]
    tax_mode: TaxMode = TaxMode.EXCLUSIVE
    tax_rounding: TaxRounding = TaxRounding.LINE
    discount: Discount = field(default_factory=Discount)
    shipping: Decimal = ZERO
    adjustment: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class LineTotals:
    """A line's amounts: `amount` after its own discount; `taxable` after its share of the document's, without tax."""

    amount: Decimal
    discount_share: Decimal
    taxable: Decimal
    tax: Decimal


@dataclass(frozen=True, slots=True)
class TaxRow:
    """One row of the tax table."""

    name: str
    rate: Decimal
    taxable: Decimal
    tax: Decimal


@dataclass(frozen=True, slots=True)
class Totals:
    """subtotal - discount + (tax, when exclusive) + shipping + adjustment = total."""

    lines: tuple[LineTotals, ...]
    subtotal: Decimal
    discount: Decimal
    tax: Decimal
    tax_table: tuple[TaxRow, ...]
    shipping: Decimal
    adjustment: Decimal
    total: Decimal


@dataclass(frozen=True, slots=True)
class _Worked:
    """A line on its way: `exact` is its amount before any rounding, which DOCUMENT tax is taken from."""

    line: LineInput
    exact: Decimal
    amount: Decimal
    share: Decimal = ZERO

    @property
    def net(self) -> Decimal:
        return self.amount - self.share

    @property
    def exact_net(self) -> Decimal:
        """The unrounded amount, lessened in the proportion that the document's discount lessens the rounded one."""
        return self.exact * self.net / self.amount if self.amount else ZERO


def exponent(currency: str) -> int:
    """How many decimal places a currency has (ISO 4217)."""
    return _EXPONENTS.get(currency, 2)


def round_money(amount: Decimal, currency: str) -> Decimal:
    """`amount` rounded half-up (away from zero) to the currency's places. The only rounding of money there is."""
    with localcontext(prec=_DIGITS):
        rounded = amount.quantize(Decimal(1).scaleb(-exponent(currency)), rounding=ROUND_HALF_UP)
    return rounded or abs(rounded)  # never "-0.00" on a document


def in_words(amount: Decimal, currency: str) -> str:
    """An amount in a sentence: "60.00 USD"."""
    return f"{round_money(amount, currency)} {currency}"


def why_not_counted(amount: Decimal, currency: str) -> str:
    """Why an amount cannot be one of this currency, as a sentence; empty when it is a whole number of its coins."""
    if round_money(amount, currency) == amount:
        return ""
    step = Decimal(1).scaleb(-exponent(currency))
    return f"{amount.normalize():f} is no amount of {currency}, which is counted in steps of {step}."


def why_worth_nothing(amount: Decimal, currency: str, rate: Decimal, base_currency: str) -> str:
    """Why an amount cannot be converted at this rate, as a sentence: it would vanish. Empty when it can."""
    if amount <= 0 or to_base(amount, rate, base_currency):
        return ""
    nothing = in_words(ZERO, base_currency)
    return (
        f"At this rate {in_words(amount, currency)} would be {nothing}. Give more {base_currency} for one {currency}."
    )


def to_base(amount: Decimal, rate: Decimal, base_currency: str) -> Decimal:
    """An amount in the base currency, at `rate` base units for one of its own; rounded once."""
    with localcontext(prec=_DIGITS):
        return round_money(amount * rate, base_currency)


def as_rate(rate: Decimal) -> Decimal:
    """An exchange rate as the database keeps it; one that `is_rate` refuses stays one."""
    if not rate.is_finite() or abs(rate) >= _LARGEST_RATE:
        return _LARGEST_RATE
    return rate.quantize(_RATE, rounding=ROUND_HALF_UP)


def is_rate(rate: Decimal) -> bool:
    """Whether amounts can be converted at this rate."""
    return 0 < rate < _LARGEST_RATE


def spread(amount: Decimal, weights: Sequence[Decimal], currency: str) -> tuple[Decimal, ...]:
    """Divide a rounded amount in proportion to `weights`; the parts are rounded and sum to it exactly."""
    whole = sum(weights, ZERO)
    if not whole:
        return tuple(round_money(ZERO, currency) for _ in weights)
    unit = Decimal(1).scaleb(-exponent(currency))
    with localcontext(prec=_DIGITS):
        wanted = [amount * weight / whole for weight in weights]
        parts = [each.quantize(unit, rounding=ROUND_DOWN) for each in wanted]
        left = amount - sum(parts, ZERO)
        step = unit.copy_sign(left)
        by_remainder = sorted(range(len(parts)), key=lambda i: (wanted[i] - parts[i]) * step, reverse=True)
        for index in by_remainder[: int(abs(left) / unit)]:
            parts[index] += step
    return tuple(parts)


def compute(document: DocumentInput) -> Totals:
    """The totals of a document; raises Invalid when a discount is more than what it is taken from."""
    with localcontext(prec=_DIGITS):
        worked = [_work_line(index, line, document.currency) for index, line in enumerate(document.lines)]
        subtotal = sum((each.amount for each in worked), round_money(ZERO, document.currency))
        discount = _discount(document.discount, subtotal, document.currency, "discount_value")
        shares = spread(discount, [each.amount for each in worked], document.currency)
        worked = [
            _Worked(each.line, each.exact, each.amount, share) for each, share in zip(worked, shares, strict=True)
        ]
        taxes = _taxes(document, worked)
        lines = tuple(_line_totals(each, tax, document.tax_mode) for each, tax in zip(worked, taxes, strict=True))
        tax = sum(taxes, round_money(ZERO, document.currency))
        shipping = round_money(document.shipping, document.currency)
        adjustment = round_money(document.adjustment, document.currency)
        added = tax if document.tax_mode is TaxMode.EXCLUSIVE else ZERO
        return Totals(
            lines=lines,
            subtotal=subtotal,
            discount=discount,
            tax=tax,
            tax_table=_tax_table(document.lines, lines),
            shipping=shipping,
            adjustment=adjustment,
            total=subtotal - discount + added + shipping + adjustment,
        )


def _work_line(index: int, line: LineInput, currency: str) -> _Worked:
    exact = line.quantity * line.rate
    gross = round_money(exact, currency)
    discount = _discount(line.discount, gross, currency, f"lines-{index}-discount_value")
    if line.discount.kind is DiscountKind.PERCENT:
        exact -= exact * line.discount.value / _HUNDRED
    else:
        exact -= discount
    return _Worked(line, exact, gross - discount)


def _discount(discount: Discount, amount: Decimal, currency: str, name: str) -> Decimal:
    percent = discount.kind is DiscountKind.PERCENT
    if discount.value < 0 or (percent and discount.value > _HUNDRED):
        sentence = "A discount is from 0 to 100 %." if percent else "A discount cannot be less than zero."
        raise Invalid(sentence, {name: sentence})
    found = round_money(amount * discount.value / _HUNDRED if percent else discount.value, currency)
    if not percent and found > max(amount, ZERO):
        sentence = f"The discount of {found} is more than the {amount} it is taken from. Lower it."
        raise Invalid(sentence, {name: sentence})
    return found


def _taxes(document: DocumentInput, worked: Sequence[_Worked]) -> list[Decimal]:
    """Each line's tax, rounded; under DOCUMENT the taxes of one rate sum to that rate's tax on the whole."""
    currency, mode = document.currency, document.tax_mode
    if document.tax_rounding is TaxRounding.LINE:
        return [_tax(each.net, each.line.tax_rate, mode, currency) for each in worked]
    taxes = [round_money(ZERO, currency)] * len(worked)
    for key in dict.fromkeys(_tax_key(each.line) for each in worked):
        members = [index for index, each in enumerate(worked) if _tax_key(each.line) == key]
        exact = mode is TaxMode.EXCLUSIVE  # inclusive amounts stay what was typed
        base = sum((worked[i].exact_net if exact else worked[i].net for i in members), ZERO)
        parts = spread(_tax(base, key[1], mode, currency), [worked[i].net for i in members], currency)
        for index, part in zip(members, parts, strict=True):
            taxes[index] = part
    return taxes


def _tax(base: Decimal, rate: Decimal, mode: TaxMode, currency: str) -> Decimal:
    if mode is TaxMode.EXCLUSIVE:
        return round_money(base * rate / _HUNDRED, currency)
    return base - round_money(base / (1 + rate / _HUNDRED), currency)


def _tax_key(line: LineInput) -> tuple[str, Decimal]:
    return line.tax_name, line.tax_rate


def _line_totals(worked: _Worked, tax: Decimal, mode: TaxMode) -> LineTotals:
    taxable = worked.net - tax if mode is TaxMode.INCLUSIVE else worked.net
    return LineTotals(amount=worked.amount, discount_share=worked.share, taxable=taxable, tax=tax)


def _tax_table(lines: Sequence[LineInput], totals: Sequence[LineTotals]) -> tuple[TaxRow, ...]:
    rows: dict[tuple[str, Decimal], TaxRow] = {}
    for line, amounts in zip(lines, totals, strict=True):
        if not line.is_taxed:
            continue
        key = _tax_key(line)
        before = rows.get(key, TaxRow(line.tax_name, line.tax_rate, ZERO, ZERO))
        rows[key] = TaxRow(line.tax_name, line.tax_rate, before.taxable + amounts.taxable, before.tax + amounts.tax)
    return tuple(rows.values())
