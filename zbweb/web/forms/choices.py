"""What drop-downs offer, and the form that the form library wants it in."""

from collections.abc import Iterable
from functools import cache
from typing import Any
from zoneinfo import available_timezones

from babel.numbers import get_currency_name, get_territory_currencies
from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]  # newer than its stubs

from zbweb.billing.words import LOCALE


def options(pairs: Iterable[tuple[Any, str]]) -> list[Any]:
    """(value, label) pairs as the choices of a drop-down or of radio buttons."""
    return [SelectChoice(str(value), label) for value, label in pairs]


def salutations() -> list[Any]:
    """How to address a person; nothing is a choice, too."""
    return options((each, each) for each in ("", "Mr.", "Mrs.", "Ms.", "Miss", "Dr.", "Prof."))


@cache
def currencies() -> list[Any]:
    """Code and "USD – US Dollar" of every currency in use somewhere, by code; those of the past are left out."""
    codes = {code for land in _lands() for code in get_territory_currencies(land)}
    return options((code, f"{code} – {get_currency_name(code, locale=LOCALE)}") for code in sorted(codes))


@cache
def countries() -> list[Any]:
    """ISO code and English name, by name, with a blank first."""
    return options([("", ""), *sorted(_lands().items(), key=lambda pair: pair[1])])


@cache
def time_zones() -> list[Any]:
    """IANA name and the same with spaces, by name; the database's aliases of other kinds left out."""
    names = sorted(name for name in available_timezones() if "/" in name and not name.startswith(("Etc/", "SystemV/")))
    return options((name, name.replace("_", " ")) for name in ("UTC", *names))


def _lands() -> dict[str, str]:
    territories = LOCALE.territories.items()
    return {code: name for code, name in territories if len(code) == 2 and code.isalpha() and code not in _NOT_LANDS}


_NOT_LANDS = frozenset({"EU", "EZ", "UN", "QO", "XA", "XB", "ZZ"})
