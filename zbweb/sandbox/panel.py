"""The web tab: a page of another program that the CRM shows inside an account, contact or deal.

Its address is a template. `{account_id}` puts it on accounts; `{record_id}` (and `{module}`) on every record.
"""

import sqlite3
from urllib.parse import urlsplit

from zbweb.sandbox.organisation import read_setting, write_setting

PLACES = ("{account_id}", "{record_id}")
LONGEST_ADDRESS = 2_000
_SETTING = "panel_url"


def panel_template(connection: sqlite3.Connection) -> str:
    """The address as it was set, or an empty text."""
    return str(read_setting(connection, _SETTING) or "")


def set_panel(connection: sqlite3.Connection, address: str) -> None:
    """Keep the address; an empty one takes the tab away. Raises ValueError with a sentence."""
    address = address.strip()
    if address and _origin(address) is None:
        raise ValueError("The address must start with http:// or https:// and name a host.")
    if address and not any(place in address for place in PLACES):
        raise ValueError("The address must contain {account_id} or {record_id} where the record's id goes.")
    if len(address) > LONGEST_ADDRESS:
        raise ValueError(f"The address can have at most {LONGEST_ADDRESS} characters.")
    write_setting(connection, _SETTING, address)


def panel_url(connection: sqlite3.Connection, module: str, record_id: int) -> str | None:
    """The address for one record, or None when no tab is to be shown there."""
    template = panel_template(connection)
    if not template or ("{account_id}" in template and module != "Accounts"):
        return None
    values = {"{account_id}": str(record_id), "{record_id}": str(record_id), "{module}": module}
    for place, value in values.items():
        template = template.replace(place, value)
    return template


def panel_origin(url: str) -> str:
    """`http://host:port`: what a browser must be allowed to frame."""
    return _origin(url) or "'none'"


def _origin(address: str) -> str | None:
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        return None
    is_plain = all(letter.isalnum() or letter in ".-:[]" for letter in parts.hostname or "")
    if parts.scheme not in ("http", "https") or not parts.hostname or not is_plain or parts.username is not None:
        return None
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}" + (f":{port}" if port else "")
