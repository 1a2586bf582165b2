"""Who the CRM's imaginary customers are. The same numbers always make the same people; only times follow the clock.

Times spread over the past two years and end a day ago, so that a freshly seeded CRM has no recent changes. Customers
that come once somebody has read the CRM are made at that moment, as they are in a real one: whoever asks for what
changed since finds them.
"""

import random
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from zbweb.sandbox import oauth, records
from zbweb.sandbox import views as view_store
from zbweb.sandbox.catalog import FIRST_RECORD_ID, ID_BASE
from zbweb.sandbox.criteria import Scope
from zbweb.sandbox.members import Member, MemberStatus, save_member
from zbweb.sandbox.oauth import Client, Token, TokenKind
from zbweb.sandbox.organisation import write_setting
from zbweb.sandbox.pipeline import STAGES
from zbweb.sandbox.queries import Row
from zbweb.sandbox.seed_views import DEMO_VIEWS
from zbweb.sandbox.seed_words import (
    DEPARTMENTS,
    DISTRICTS,
    FIRST_NAMES,
    FOUNDERS,
    LAST_NAMES,
    NEXT_STEPS,
    PLACES,
    PRODUCTS,
    THEMES,
    TITLES,
    TRADES,
)
from zbweb.sandbox.state import Sandbox
from zbweb.sandbox.store import take_ids
from zbweb.sandbox.tables import ACCOUNT_TYPES, INDUSTRIES, LEAD_SOURCES, OWNERSHIPS, RATINGS
from zbweb.sandbox.values import utc_text
from zbweb.sandbox.work import Work

DAY = 24 * 3600
TWO_YEARS = 730 * DAY
SEED = 20261123
BATCH = 5_000
ADMIN = Member(ID_BASE + 411_001, "Patricia", "Boyle", "admin@crm.example", is_admin=True)
MEMBERS = (
    ADMIN,
    Member(ID_BASE + 411_002, "Rohan", "Mehta", "rohan@crm.example", is_admin=False),
    Member(ID_BASE + 411_003, "Zoë", "O'Hara", "zoe@crm.example", is_admin=False),
    Member(ID_BASE + 411_004, "Tomás", "Núñez", "tomas@crm.example", is_admin=False, status=MemberStatus.DISABLED),
)
DEMO_CLIENT = Client("demo-client", "demo-secret", "Zoho Billing (demo)")
DEMO_REFRESH = "demo-refresh"
DEMO_KEY = "ZSC-DEMO-KEY"
_OWNERS = (MEMBERS[0].id, MEMBERS[1].id, MEMBERS[0].id, MEMBERS[2].id)
_LISTS = frozenset({"/crm/v8/Accounts", "/crm/v8/Contacts", "/crm/v8/Deals"})
_SEEDED_MODULES = ("Accounts", "Contacts", "Deals", "Quotes", "Sales_Orders", "Invoices")


@dataclass(frozen=True, slots=True)
class Wish:
    """How much to seed. `varied` gives accounts one to three contacts instead of the same number each."""

    accounts: int = 40
    contacts_per_account: int = 2
    loose_contacts: int = 6
    deals: int = 25
    duplicates: int = 0
    varied: bool = False


DEMO = Wish(varied=True)


def start_over(sandbox: Sandbox, *, wish: Wish | None = DEMO) -> None:
    """Make the organisation anew: users, credentials, products and views; with `wish` also customers."""
    sandbox.store.clear()
    now = sandbox.clock.now()
    with sandbox.store.write() as connection:
        for member in MEMBERS:
            save_member(connection, replace(member, created=now - 3 * TWO_YEARS // 2))
        oauth.save_client(connection, DEMO_CLIENT)
        oauth.regenerate_zsc_key(connection, DEMO_KEY)
        oauth.issue(connection, Token(DEMO_REFRESH, TokenKind.REFRESH, DEMO_CLIENT.client_id, ADMIN.id,
                                      oauth.FULL_SCOPE, now))  # fmt: skip
        write_setting(connection, "page_secret", oauth.new_text())
    sandbox.refresh()
    _add_products(sandbox)
    _add_views(sandbox)
    if wish is not None:
        fill(sandbox, wish)


def fill(sandbox: Sandbox, wish: Wish, *, keep: bool = False) -> dict[str, int]:
    """Replace (or, with `keep`, add to) the customers by what is wished for; how many of each were made."""
    with sandbox.changing(sandbox.admin) as work:
        if not keep:
            _forget_customers(work)
        first = take_ids(work.connection, "seed", count=wish.accounts, first=0)
        people = take_ids(work.connection, "seed people", first=0)
        grower = _Grower(work, wish, first_account=first, first_person=people, is_read=_is_read(sandbox))
        made = grower.grow()
        take_ids(work.connection, "seed people", count=grower.people_made)
    return made


def _is_read(sandbox: Sandbox) -> bool:
    calls = sandbox.traffic.calls()
    return any(call.path in _LISTS or call.path.startswith("/crm/bulk/") for call in calls)


def _forget_customers(work: Work) -> None:
    marks = ", ".join("?" * len(_SEEDED_MODULES))
    work.connection.execute(f"DELETE FROM record WHERE module IN ({marks})", _SEEDED_MODULES)
    work.connection.execute("DELETE FROM lookup WHERE record_id NOT IN (SELECT id FROM record)")
    work.connection.execute("DELETE FROM deleted")
    work.connection.execute("DELETE FROM sequence WHERE name LIKE 'seed%'")


class _Grower:
    """Makes accounts with their contacts, then loose contacts, then deals, in batches."""

    def __init__(self, work: Work, wish: Wish, *, first_account: int, first_person: int, is_read: bool) -> None:
        self._work = work
        self._wish = wish
        self._is_read = is_read
        self._first = first_account
        self._person = first_person
        self._random = random.Random(SEED + first_account)  # noqa: S311 - imaginary people, no secrets
        self._customers: list[tuple[int, str, int | None]] = []
        self._ids = _ids(work)
        self.people_made = 0

    def grow(self) -> dict[str, int]:
        for start in range(0, self._wish.accounts, BATCH):
            self._add_accounts(range(start, min(start + BATCH, self._wish.accounts)))
        self._add("Contacts", [self._contact(None) for _ in range(self._wish.loose_contacts)])
        deals = self._wish.deals if self._customers else 0
        self._add("Deals", [self._deal(number) for number in range(deals)])
        return {"accounts": self._wish.accounts, "contacts": self.people_made, "deals": deals}

    def _add(self, module: str, rows: list[Row]) -> None:
        records.add_rows(self._work, self._work.catalog.module(module), rows)

    def _add_accounts(self, numbers: range) -> None:
        accounts, contacts = [], []
        for number in numbers:
            account = self._account(number)
            staff = [self._contact(account) for _ in range(self._staff(number))]
            accounts.append(account)
            contacts.extend(staff)
            lead = staff[0].id if staff else None
            self._customers.append((account.id, account.body["Account_Name"], lead))
        self._add("Accounts", accounts)
        self._add("Contacts", contacts)

    def _staff(self, number: int) -> int:
        return (1, 2, 1, 3, 1, 2)[number % 6] if self._wish.varied else self._wish.contacts_per_account

    def _row(self, module: str, body: dict[str, Any], *, owner_id: int) -> Row:
        created = self._work.now - DAY - self._random.randrange(TWO_YEARS)
        modified = created + self._random.randrange(self._work.now - DAY - created + 1)
        if self._is_read:
            created = modified = self._work.now
        return Row(
            id=next(self._ids), module=module, name="", owner_id=owner_id, created_by=owner_id,
            modified_by=owner_id, created=created, modified=modified, body=body,
        )  # fmt: skip

    def _account(self, number: int) -> Row:
        seat = self._first + number
        name = company_name(self._first + number % (self._wish.accounts - self._wish.duplicates))
        pick, place = self._random, PLACES[(self._first + number) % len(PLACES)]
        site = web_name(name) or f"company{seat}"
        body = {
            "Account_Name": name,
            "Account_Number": f"AC-{seat + 1:06d}",
            "Account_Site": "Headquarters" if seat % 3 else f"{place.city} plant",
            "Account_Type": pick.choice(ACCOUNT_TYPES),
            "Industry": pick.choice(INDUSTRIES),
            "Annual_Revenue": pick.randrange(20, 4000) * 10_000,
            "Employees": pick.randrange(3, 2500),
            "Ownership": pick.choice(OWNERSHIPS),
            "Phone": place.phone.format(pick.randrange(10_000)),
            "Website": f"https://{site}.example",
            "SIC_Code": 1000 + seat % 8999,
            **_address("Billing", "Code", place, pick),
        }
        if seat % 2:
            body |= _address("Shipping", "Code", place, pick)
        if seat % 4 == 0:
            body |= {"Rating": pick.choice(RATINGS), "Ticker_Symbol": (site[:4] or "CO").upper()}
        if seat % 5 == 0:
            body["Description"] = f"Met at the {place.city} fair; asks for net 30 & delivery “to the back door”."
        return self._row("Accounts", body, owner_id=_OWNERS[seat % len(_OWNERS)])

    def _contact(self, account: Row | None) -> Row:
        number = self._person + self.people_made
        self.people_made += 1
        first, last = person_name(number)
        pick, place = self._random, PLACES[number % len(PLACES)]
        domain = account.body["Website"].removeprefix("https://") if account else "mail.example"
        body: dict[str, Any] = {
            "First_Name": first,
            "Last_Name": last,
            "Phone": place.phone.format(pick.randrange(10_000)),
            "Title": pick.choice(TITLES),
            "Department": pick.choice(DEPARTMENTS),
            "Lead_Source": pick.choice(LEAD_SOURCES),
            "Email_Opt_Out": number % 17 == 0,
            **_address("Mailing", "Zip", place, pick),
        }
        if number % 12 != 5:
            body["Email"] = f"{web_name(f'{first} {last}', dot='.') or f'person{number}'}@{domain}"
        if number % 3 == 0:
            body["Mobile"] = place.phone.format(pick.randrange(10_000))
        if account:
            body["Account_Name"] = str(account.id)
        return self._row("Contacts", body, owner_id=account.owner_id if account else _OWNERS[number % 4])

    def _deal(self, number: int) -> Row:
        account_id, name, contact_id = self._customers[number * 7 % len(self._customers)]
        pick, stage = self._random, STAGES[number % len(STAGES)]
        days = pick.randrange(5, 120)
        theme = THEMES[number % len(THEMES)] + (f" {number // len(THEMES) + 1}" if number >= len(THEMES) else "")
        body = {
            "Deal_Name": f"{theme} – {name}"[:120],
            "Account_Name": str(account_id),
            "Amount": pick.randrange(5, 900) * 100,
            "Closing_Date": utc_text(self._work.now + (days if stage.is_open else -days) * DAY)[:10],
            "Stage": stage.actual,
            "Type": pick.choice(("Existing Business", "New Business")),
            "Lead_Source": pick.choice(LEAD_SOURCES),
        }
        if contact_id:
            body["Contact_Name"] = str(contact_id)
        if stage.is_open:
            body["Next_Step"] = pick.choice(NEXT_STEPS)
        return self._row("Deals", body, owner_id=_OWNERS[number % len(_OWNERS)])


def _ids(work: Work) -> Iterator[int]:
    """Fresh record ids, taken a thousand at a time."""
    while True:
        first = work.take_id(1000)
        yield from range(first, first + 1000)


def company_name(number: int) -> str:
    """A different name for every number; the first 4,900 are plain, later ones carry a district."""
    lap, seat = divmod(number, len(FOUNDERS) * len(TRADES))
    turn, who = divmod(seat, len(FOUNDERS))
    trade = TRADES[(turn + who) % len(TRADES)]
    district, rest = lap % (len(DISTRICTS) + 1), lap // (len(DISTRICTS) + 1)
    words = [FOUNDERS[who], *([DISTRICTS[district - 1]] if district else []), trade, PLACES[who % len(PLACES)].form]
    return " ".join(words) + (f" {rest + 1}" if rest else "")


def person_name(number: int) -> tuple[str, str]:
    """A different first and last name for every number; later ones carry initials."""
    lap, seat = divmod(number, len(FIRST_NAMES) * len(LAST_NAMES))
    turn, who = divmod(seat, len(FIRST_NAMES))
    initials = "".join(_initials(lap))
    return f"{FIRST_NAMES[who]} {initials}".strip(), LAST_NAMES[(turn + who) % len(LAST_NAMES)]


def _initials(lap: int) -> Iterator[str]:
    while lap:
        lap, letter = divmod(lap - 1, 26)
        yield f"{chr(65 + letter)}."


def web_name(text: str, *, dot: str = "") -> str:
    """Letters a host name or mailbox may have: `Łódź & Co` becomes `lodzco`."""
    spelled = text.replace("ł", "l").replace("Ł", "L").replace("ø", "o").replace("Ø", "O").replace("ß", "ss")
    plain = unicodedata.normalize("NFKD", spelled).encode("ascii", "ignore").decode().lower()
    return dot.join(re.findall(r"[a-z0-9]+", plain.replace("'", "")))


def _address(prefix: str, zip_name: str, place: Any, pick: random.Random) -> dict[str, str]:
    return {
        f"{prefix}_Street": f"{pick.choice(place.streets)} {pick.randrange(1, 200)}",
        f"{prefix}_City": place.city,
        f"{prefix}_State": place.state,
        f"{prefix}_{zip_name}": place.code.format(pick.randrange(10, 99)),
        f"{prefix}_Country": place.country,
    }


def _add_products(sandbox: Sandbox) -> None:
    with sandbox.changing(sandbox.admin) as work:
        for place, (name, code, price, category, unit) in enumerate(PRODUCTS):
            body = {
                "Product_Name": name, "Product_Code": code, "Unit_Price": price, "Product_Category": category,
                "Usage_Unit": unit, "Product_Active": True, "Taxable": True, "Qty_in_Stock": 10 + place * 7,
            }  # fmt: skip
            moment = work.now - TWO_YEARS + place * DAY
            row = Row(work.take_id(), "Products", "", ADMIN.id, ADMIN.id, ADMIN.id, moment, moment, body)
            records.add_rows(work, work.catalog.module("Products"), [row])


def _add_views(sandbox: Sandbox) -> None:
    now = sandbox.clock.now()
    with sandbox.store.write() as connection:
        for module_name, name, criteria in DEMO_VIEWS:
            module = sandbox.catalog.module(module_name)
            scope = Scope(sandbox.catalog, module, ADMIN.id, now)
            number = take_ids(connection, "record", first=FIRST_RECORD_ID)
            view = view_store.View(number, module_name, name, criteria, None, ADMIN.id, now - TWO_YEARS // 2)
            view_store.add_view(connection, view, scope)
