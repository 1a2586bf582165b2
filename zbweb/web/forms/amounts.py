"""A number as people type it: "1,204.50", "12.5 ", never a float, and not "1e9"."""

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from wtforms import Field
from wtforms.widgets import TextInput

from zbweb.billing import money

_PLAIN = re.compile(r"-?(\d+(\.\d*)?|\.\d+)")
_GROUPED = re.compile(r"-?\d{1,3}(,\d{3})+(\.\d*)?")


def plain(value: Decimal) -> str:
    """A decimal without idle zeros: 12.5, 1000, 0."""
    return f"{value.normalize():f}" if value else "0"


def parse(typed: str) -> Decimal:
    """What was typed as a Decimal; raises ValueError with the sentence for people."""
    text = re.sub(r"\s", "", typed)
    if _GROUPED.fullmatch(text):
        text = text.replace(",", "")
    if not _PLAIN.fullmatch(text):
        raise ValueError("Write a number with a point, such as 12.50.")
    value = Decimal(text)
    if abs(value) >= money.LIMIT:
        raise ValueError("Write a smaller number: a million millions is too much.")
    return value


class AmountField(Field):
    """A Decimal, or None where nothing was typed; thousands may be grouped with commas."""

    widget = TextInput()

    def __init__(self, label: str, validators: list[Any] | None = None, **kwargs: Any) -> None:
        render = {"inputmode": "decimal", "autocomplete": "off"} | kwargs.pop("render_kw", {})
        super().__init__(label, validators, render_kw=render, **kwargs)

    def _value(self) -> str:
        if self.raw_data:
            return str(self.raw_data[0])
        return plain(self.data) if isinstance(self.data, Decimal) else ""

    def process_formdata(self, valuelist: Sequence[str]) -> None:
        """Read what was typed; raises ValueError with the sentence for people."""
        typed = valuelist[0].strip() if valuelist else ""
        self.data = None
        if typed:
            self.data = parse(typed)
