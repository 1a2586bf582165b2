"""Whom the demo organisations sell to. None of them is in the sandbox CRM, so that a first sync only adds."""

from collections.abc import Mapping, Sequence

from sqlalchemy.orm import Session

from zbweb.billing import customers
from zbweb.billing.contact_persons import PersonDraft
from zbweb.billing.customers import CustomerDraft
from zbweb.billing.journal import SYSTEM
from zbweb.billing.models import Organisation
from zbweb.billing.payment_terms import all_terms
from zbweb.billing.words import CustomerType
from zbweb.demo.organisations import TRADING

# company, city, state, country, currency, payment terms, people and what they do
_COMPANIES = (
    ("Redwood Coffee Collective", "Oakland", "CA", "United States", "USD", "Net 30",
     "Maya Ellsworth, Owner; Jonah Pruitt, Bookkeeper"),
    ("Harbor Lights Hotel Group", "San Diego", "CA", "United States", "USD", "Net 45",
     "Rebecca Stanhope, Procurement; Luis Cárdenas, Accounts Payable"),
    ("Bright Path Learning", "Sacramento", "CA", "United States", "USD", "Net 30", "Denise Calloway, Director"),
    ("Cinder & Oak Restaurants", "Portland", "OR", "United States", "USD", "Net 15", "Theo Marchand, Operations"),
    ("Pine Street Dental", "Seattle", "WA", "United States", "USD", "Due on Receipt", "Hannah Iversen, Office"),
    ("Lumen Legal LLP", "San Francisco", "CA", "United States", "USD", "Net 30",
     "Arjun Desai, Office Manager; Claire Whitfield, Partner"),
    ("Golden Gate Cyclery", "San Francisco", "CA", "United States", "USD", "Net 15", "Pete Novak, Owner"),
    ("Mesa Verde Clinics", "Phoenix", "AZ", "United States", "USD", "Net 60", "Alicia Montoya, Facilities"),
    ("Silverline Credit Union", "Reno", "NV", "United States", "USD", "Net 30", "Grant Hollister, Facilities"),
    ("Juniper Yoga Studios", "Boulder", "CO", "United States", "USD", "Due on Receipt", "Skye Larsen, Founder"),
    ("Northwind Museum of Art", "Tacoma", "WA", "United States", "USD", "Net 30", "Eleanor Voss, Registrar"),
    ("Cobalt Games", "Austin", "TX", "United States", "USD", "Net 30", "Ravi Krishnan, Producer"),
    ("Tidewater Rowing Club", "Long Beach", "CA", "United States", "USD", "Net 15", "Sam Okada, Treasurer"),
    ("Sunset Veterinary Partners", "Los Angeles", "CA", "United States", "USD", "Net 30", "Nina Castellano"),
    ("Mosaic Coworking", "Denver", "CO", "United States", "USD", "Due end of the month",
     "Jesse Albright, Community; Tara Nwosu, Finance"),
    ("Evergreen Public Library", "Olympia", "WA", "United States", "USD", "Net 60", "Ruth Sandoval, Director"),
    ("Paper Lantern Press", "Berkeley", "CA", "United States", "USD", "Net 30", "Vivian Chu, Editor"),
    ("Keystone Pediatrics", "Salt Lake City", "UT", "United States", "USD", "Net 30", "Mark Delaney, Office"),
    ("Maple & Main Real Estate", "Vancouver", "BC", "Canada", "CAD", "Net 30", "Heather Boudreau, Broker"),
    ("Thistle Down Textil GmbH", "Hamburg", "", "Germany", "EUR", "Net 30", "Jonas Petersen, Einkauf"),
    ("Kawaguchi Interiors", "Yokohama", "", "Japan", "JPY", "Due end of next month", "Aiko Kawaguchi, CEO"),
    ("Fernhill Primary School", "Bristol", "", "United Kingdom", "GBP", "Net 30", "Gareth Pugh, Bursar"),
)  # fmt: skip

# first name, last name, city, state
_PEOPLE = (
    ("Olivia", "Marsh", "Pasadena", "CA"),
    ("Desmond", "Achebe", "Long Beach", "CA"),
    ("Tessa", "Romano", "Glendale", "CA"),
    ("Walter", "Finch", "Santa Monica", "CA"),
    ("Imani", "Brooks", "Torrance", "CA"),
    ("Callum", "Reid", "Irvine", "CA"),
    ("Mei", "Tsang", "Pomona", "CA"),
    ("Noah", "Fairweather", "Burbank", "CA"),
)

_STUDIO_COMPANIES = (
    ("Buchhandlung am Kanal", "Berlin", "", "Germany", "EUR", "Net 15", "Frieda Lohmann, Inhaberin"),
    ("Spreefeld Theater", "Berlin", "", "Germany", "EUR", "Net 30", "Matthias Kühn, Verwaltung"),
)


def load(session: Session, organisation: Organisation) -> None:
    """Customers of one organisation."""
    is_trading = organisation.name == TRADING
    terms = {term.name: term.id for term in all_terms(session)}
    for row in _COMPANIES if is_trading else _STUDIO_COMPANIES:
        customers.create(session, _company(row, terms), actor=SYSTEM)
    for person in _PEOPLE if is_trading else ():
        customers.create(session, _person(*person), actor=SYSTEM)


def _company(row: Sequence[str], terms: Mapping[str, int]) -> CustomerDraft:
    company, city, state, country, currency, term, people = row
    domain = "".join(letter for letter in company.lower() if letter.isascii() and letter.isalnum()) + ".example"
    return CustomerDraft(
        display_name=company, company_name=company, email=f"accounts@{domain}", phone=f"+1 555 01{len(company):02}",
        website=f"https://www.{domain}", currency=currency, payment_term_id=terms[term], billing_city=city,
        billing_state=state, billing_country=country, shipping_city=city, shipping_state=state,
        shipping_country=country, persons=tuple(_contact(person, domain) for person in people.split("; ")),
    )  # fmt: skip


def _contact(person: str, domain: str) -> PersonDraft:
    name, _, work = person.partition(", ")
    first, last = name.split(" ", 1)
    return PersonDraft(first_name=first, last_name=last, email=f"{first.lower()}@{domain}", designation=work)


def _person(first: str, last: str, city: str, state: str) -> CustomerDraft:
    return CustomerDraft(
        type=CustomerType.INDIVIDUAL, first_name=first, last_name=last, email=f"{first}.{last}@mail.example".lower(),
        billing_city=city, billing_state=state, billing_country="United States",
    )  # fmt: skip
