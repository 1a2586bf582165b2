"""The CRM's users: who may sign in, who owns records, and what they look like on the wire."""

import json
import sqlite3
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any

from zbweb.sandbox.clock import iso

PROFILES = {"Administrator": 5725767000000026011, "Standard": 5725767000000026014}
ROLES = {"CEO": 5725767000000026005, "Manager": 5725767000000026008}


class MemberStatus(StrEnum):
    """`status` on the wire."""

    ACTIVE = "active"
    DISABLED = "disabled"


@dataclass(frozen=True, slots=True)
class Member:
    """One user of the CRM organisation."""

    id: int
    first_name: str
    last_name: str
    email: str
    is_admin: bool
    status: MemberStatus = MemberStatus.ACTIVE
    confirmed: bool = True
    created: int = 0

    @property
    def full_name(self) -> str:
        return f"{self.first_name} {self.last_name}"

    @property
    def is_active(self) -> bool:
        return self.status is MemberStatus.ACTIVE

    @property
    def profile(self) -> str:
        return "Administrator" if self.is_admin else "Standard"

    @property
    def role(self) -> str:
        return "CEO" if self.is_admin else "Manager"

    def reference(self) -> dict[str, str]:
        """As Owner, Created_By and Modified_By show a user."""
        return {"name": self.full_name, "id": str(self.id), "email": self.email}


def all_members(connection: sqlite3.Connection) -> dict[int, Member]:
    rows = connection.execute("SELECT body FROM member ORDER BY id")
    members = (_member(json.loads(row["body"])) for row in rows)
    return {member.id: member for member in members}


def member_by_email(connection: sqlite3.Connection, email: str) -> Member | None:
    wanted = email.strip().casefold()
    return next((m for m in all_members(connection).values() if m.email.casefold() == wanted), None)


def save_member(connection: sqlite3.Connection, member: Member) -> None:
    connection.execute(
        "INSERT INTO member (id, body) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET body = excluded.body",
        (member.id, json.dumps(asdict(member))),
    )


def set_status(connection: sqlite3.Connection, member: Member, status: MemberStatus) -> Member:
    changed = replace(member, status=status)
    save_member(connection, changed)
    return changed


def _member(values: dict[str, Any]) -> Member:
    return Member(**{**values, "status": MemberStatus(values["status"])})


_UNKNOWN = (
    "state", "fax", "zip", "phone", "dob", "city", "signature", "mobile", "website", "street",
    "$shift_effective_from", "Currency", "number_separator", "status_reason__s",
)  # fmt: skip
_LOCALE = {
    "country": "US",
    "country_locale": "us",
    "language": "en_US",
    "locale": "en_US",
    "time_format": "hh:mm a",
    "date_format": "MMM d, yyyy",
    "decimal_separator": "Period",
    "name_format__s": "Salutation,First Name,Last Name",
    "sort_order_preference__s": "First Name,Last Name",
    "offset": -28_800_000,
}


def as_json(member: Member, *, zone: str, created_by: Member) -> dict[str, Any]:
    """A user object of GET /users: mind the CRM's own mix of cases in its keys."""
    created = iso(member.created, zone)
    author = created_by.reference()
    author.pop("email")
    return {
        **_LOCALE,
        **dict.fromkeys(_UNKNOWN),
        "id": str(member.id),
        "zuid": str(member.id % 1_000_000_000),
        "first_name": member.first_name,
        "last_name": member.last_name,
        "full_name": member.full_name,
        "email": member.email,
        "alias": None,
        "status": member.status.value,
        "confirm": member.confirmed,
        "role": {"name": member.role, "id": str(ROLES[member.role])},
        "profile": {"name": member.profile, "id": str(PROFILES[member.profile])},
        "time_zone": zone,
        "category": "regular_user",
        "type__s": "Regular User",
        "microsoft": False,
        "personal_account": False,
        "sandboxDeveloper": False,
        "Isonline": False,
        "created_time": created,
        "created_by": author,
        "Modified_Time": created,
        "Modified_By": {**author, "first_name": created_by.first_name, "last_name": created_by.last_name},
        "Reporting_To": None,
    }
