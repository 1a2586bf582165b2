"""How values look on a page: money, numbers, moments, statuses; and the few globals that templates need.

Times are shown in the zone of `flask.g.organisation` (its `time_zone`), UTC without one. Nothing shows as a dash.
"""

import hashlib
from collections.abc import Iterable
from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal
from functools import cache
from pathlib import Path
from urllib.parse import quote, urlencode
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_datetime
from babel.numbers import format_currency, format_decimal, get_currency_symbol
from flask import Flask, g, request, url_for

from zbweb import clock
from zbweb.billing.custom_values import is_web_address
from zbweb.billing.words import LOCALE

NOTHING = "—"

TONES = {
    "neutral": "draft queued void cancelled inactive disabled deleted skipped excluded archived nothing",
    "info": "sent open confirmed partially_invoiced running updated",
    "success": "accepted invoiced closed paid succeeded added active connected won linked",
    "warning": "unpaid partially_paid expired partly_failed conflict paused held",
    "danger": "overdue declined failed lost",
}
_TONE_OF = {status: tone for tone, statuses in TONES.items() for status in statuses.split()}

_AGO_STEPS = ((60, 1, "second"), (3600, 60, "minute"), (86_400, 3600, "hour"), (30 * 86_400, 86_400, "day"))


def money(amount: Decimal | None, currency: str) -> str:
    """An amount in `currency` with its sign and digits: $1,204.50, ¥300, -€5.00, KWD 1.250."""
    if amount is None:
        return NOTHING
    text = format_currency(amount, currency, locale=LOCALE)
    symbol = get_currency_symbol(currency, locale=LOCALE)
    return text.replace(symbol, symbol + "\xa0", 1) if symbol.isalpha() else text


def number(value: Decimal | int | None) -> str:
    """Grouped thousands, no zeros that say nothing: 1,204.5."""
    return NOTHING if value is None else format_decimal(value, format="#,##0.######", locale=LOCALE)


def day(value: date | datetime | None) -> str:
    """A calendar day; a moment is first taken to the organisation's zone: 3 Nov 2026."""
    if value is None:
        return NOTHING
    local = value.astimezone(_zone()) if isinstance(value, datetime) else value
    return format_date(local, "d MMM y", locale=LOCALE)


def moment(value: datetime | None) -> str:
    """A moment on the organisation's clock: 3 Nov 2026, 14:05."""
    return NOTHING if value is None else format_datetime(value, "d MMM y, HH:mm", tzinfo=_zone(), locale=LOCALE)


def zone_name() -> str:
    """The zone that moments are shown in, as the organisation's settings name it."""
    organisation = g.get("organisation") if g else None
    name: str = organisation.time_zone if organisation else "UTC"
    return name


def ago(value: datetime | None) -> str:
    """How long since, or until: "just now", "3 minutes ago", "in a moment"; the day itself after a month."""
    if value is None:
        return NOTHING
    seconds = (clock.now() - value).total_seconds()
    distance = abs(seconds)
    if distance < 10:
        return "in a moment" if seconds <= -1 else "just now"
    for limit, unit_seconds, unit in _AGO_STEPS:
        if distance < limit:
            count = int(distance // unit_seconds)
            words = f"{count} {unit}" if count == 1 else f"{count} {unit}s"
            return f"{words} ago" if seconds > 0 else f"in {words}"
    return day(value)


def iso(value: datetime | date) -> str:
    """For <time datetime> and <input type=date>: the machine's form, moments in UTC."""
    return value.astimezone(UTC).isoformat(timespec="seconds") if isinstance(value, datetime) else value.isoformat()


def status_label(status: str) -> str:
    """A stored status in words: partly_failed -> Partly failed."""
    return str(status).replace("_", " ").replace("-", " ").capitalize()


def status_tone(status: str) -> str:
    """The chip's tone of a stored status; neutral if the table does not know it."""
    return _TONE_OF.get(str(status).lower().replace(" ", "_").replace("-", "_"), "neutral")


def error_sentence(errors: Iterable[object]) -> str:
    """A field's errors as one text; those of nested fields have places of their own."""
    return " ".join(error for error in errors if isinstance(error, str))


def query_url(**changes: str | int | None) -> str:
    """This page's URL with some query arguments changed (None removes one); paging starts anew."""
    kept = {key: values for key, values in request.args.lists() if key not in {"page", "after", "before"}}
    kept.update({key: [str(value)] for key, value in changes.items() if value is not None})
    gone = {key for key, value in changes.items() if value is None}
    arguments = {key: values for key, values in kept.items() if key not in gone}
    return quote(request.script_root + request.path) + ("?" + urlencode(arguments, doseq=True) if arguments else "")


def nav_key() -> str:
    """Which entry of the navigation this page belongs to: the first part of its path, "home" for the dashboard."""
    if request.path.startswith("/settings/integrations"):
        return "zoho-apps"
    return request.path.split("/")[1] or "home"


def register(app: Flask) -> None:
    """Give an application's templates the filters, the globals and the macros as `ui`."""
    environment = app.jinja_env
    environment.filters.update(
        money=money, number=number, date=day, datetime=moment, ago=ago, iso=iso,
        status_label=status_label, status_tone=status_tone, error_sentence=error_sentence,
    )  # fmt: skip
    environment.tests["web_address"] = is_web_address
    static = Path(app.static_folder or "static")

    def asset(name: str) -> str:
        """A static file's URL, which changes with its content so that browsers may keep it for ever."""
        return url_for("static", filename=name, v=_fingerprint(static / name))

    def has_endpoint(name: str) -> bool:
        return name in app.view_functions

    def design() -> dict[str, object]:
        # At the first page rather than now: a template's module sees only the globals that exist when it is made.
        return {"ui": environment.get_template("_macros.html").module, "nav_active": nav_key()}

    environment.globals.update(asset=asset, has_endpoint=has_endpoint, query_url=query_url, zone_name=zone_name)
    app.context_processor(design)


@cache
def _fingerprint(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:10]


def _zone() -> tzinfo:
    return ZoneInfo(zone_name())
