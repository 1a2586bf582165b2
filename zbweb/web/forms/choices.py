"""What drop-downs offer that is the same in many forms: currencies, countries, time zones."""

from functools import cache
from zoneinfo import available_timezones

from babel import Locale
from babel.numbers import get_currency_name, get_territory_currencies

_LOCALE = "en"
SALUTATIONS = ("", "Mr.", "Mrs.", "Ms.", "Miss", "Dr.", "Prof.")


@cache
def currencies() -> tuple[tuple[str, str], ...]:
    """(code, "USD – US Dollar") of every currency in use somewhere, by code; those of the past are left out."""
    codes = {code for land, _ in countries() if land for code in get_territory_currencies(land)}
    return tuple((code, f"{code} – {get_currency_name(code, locale=_LOCALE)}") for code in sorted(codes))


@cache
def countries() -> tuple[tuple[str, str], ...]:
    """(ISO code, English name), by name, with a blank first."""
    territories = Locale(_LOCALE).territories.items()
    named = [(code, name) for code, name in territories if len(code) == 2 and code.isalpha() and code not in _NOT_LANDS]
    return (("", ""), *sorted(named, key=lambda pair: pair[1]))


@cache
def time_zones() -> tuple[tuple[str, str], ...]:
    """(IANA name, the same with spaces), by name; the database's aliases of other kinds left out."""
    names = sorted(name for name in available_timezones() if "/" in name and not name.startswith(("Etc/", "SystemV/")))
    return tuple((name, name.replace("_", " ")) for name in ("UTC", *names))


_NOT_LANDS = frozenset({"EU", "EZ", "UN", "QO", "XA", "XB", "ZZ"})
