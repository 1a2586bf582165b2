"""The words that imaginary companies, people and places are made of.

Founders and trades are unlike each other after folding case, accents and legal forms, so that no two seeded
names look like near matches by accident.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Place:
    """Where a company sits; `form` is how companies are called there."""

    country: str
    state: str
    city: str
    code: str
    phone: str
    form: str
    streets: tuple[str, ...]


PLACES = (
    Place(
        "United States",
        "California",
        "Sacramento",
        "958{:02d}",
        "+1 916 555 {:04d}",
        "Inc.",
        ("Market Street", "Oak Avenue", "El Camino Real"),
    ),
    Place(
        "Germany",
        "Bayern",
        "München",
        "803{:02d}",
        "+49 89 5550 {:04d}",
        "GmbH",
        ("Lindenstraße", "Königsallee", "Mühlweg"),
    ),
    Place(
        "United Kingdom",
        "Greater Manchester",
        "Manchester",
        "M{:d} 4AB",
        "+44 161 496 {:04d}",
        "Ltd",
        ("King's Road", "Mill Lane", "St Ann's Square"),
    ),
    Place(
        "France",
        "Île-de-France",
        "Paris",
        "750{:02d}",
        "+33 1 99 00 {:04d}",
        "SARL",
        ("rue de l'Église", "avenue des Ternes", "quai d'Orsay"),
    ),
    Place(
        "Poland",
        "Łódzkie",
        "Łódź",
        "90-0{:02d}",
        "+48 42 555 {:04d}",
        "Sp. z o.o.",
        ("ulica Piotrkowska", "aleja Kościuszki"),
    ),
    Place(
        "India",
        "Tamil Nadu",
        "Chennai",
        "6000{:02d}",
        "+91 44 5550 {:04d}",
        "Pvt. Ltd.",
        ("Anna Salai", "Mount Road"),
    ),
    Place(
        "Spain",
        "Cataluña",
        "Barcelona",
        "080{:02d}",
        "+34 93 555 {:04d}",
        "S.L.",
        ("Carrer d'Aragó", "Passeig de Gràcia"),
    ),
    Place(
        "Japan",
        "Tōkyō",
        "Minato",
        "105-00{:02d}",
        "+81 3 5550 {:04d}",
        "K.K.",
        ("Shiba", "Akasaka"),
    ),
    Place(
        "Brazil",
        "São Paulo",
        "São Paulo",
        "013{:02d}-000",
        "+55 11 5550 {:04d}",
        "Ltda.",
        ("Rua Augusta", "Avenida Paulista"),
    ),
    Place(
        "Ireland",
        "Leinster",
        "Dublin",
        "D{:02d} X285",
        "+353 1 555 {:04d}",
        "DAC",
        ("O'Connell Street", "St Stephen's Green"),
    ),
    Place(
        "Denmark",
        "Hovedstaden",
        "København",
        "21{:02d}",
        "+45 55 50 {:04d}",
        "A/S",
        ("Nørregade", "Østerbrogade"),
    ),
)
FOUNDERS = (
    "O'Connor & Sons", "Müller", "Łukasiewicz", "D'Angelo", "Nakamura", "Al-Farsi", "Bergström", "Castañeda",
    "Dvořák", "Eriksen", "Fitzgerald", "Grünewald", "Hawthorne & Pike", "Iyer", "Jørgensen", "Kowalczyk",
    "Lefèvre", "McAllister", "Ngũgĩ", "Østergaard", "Papadopoulos", "Quiñones", "Rasmussen", "Şahin",
    "Thornbury", "Ueda", "Villanueva", "Whitcombe & Daughters", "Xanthos", "Yıldız", "Zimmermann", "Abernathy",
    "Beaumont", "Chaudhary", "Delacroix", "Evangelista", "Fjeldstad", "Guðmundsson", "Halloran", "Ingersoll",
    "Jankowski", "Kingsley", "Lindqvist", "Marchetti", "Nightingale", "Oyelaran", "Pemberton", "Quigley",
    "Rothschildt", "Szabó", "Tanaka", "Underhill", "Vasquez", "Wojciechowski", "Yamamoto", "Zoltán",
    "Ashworth & Vale", "Brânză", "Crawford", "Domínguez", "Ellison", "Ferreira", "Gallagher", "Hofstätter",
    "Ismailov", "Juárez", "Kessler", "Langford", "Montague", "Norrington", "Ortega", "Prescott",
    "Ramanathan", "Sinclair", "Treviño", "Urquhart", "Varga", "Weatherby", "Yeoman", "山田",
    "Blackwood", "Cavendish", "Drummond", "Everhart", "Fairbanks", "Goldschmidt", "Harrowgate", "Isherwood",
    "Kirkpatrick", "Lockhart", "Merriweather", "Oakenfield", "Radcliffe", "Stavros", "Tremblay", "Wentworth",
    "Van der Berg", "St. Clair", "Bücher", "Ó Briain",
)  # fmt: skip
TRADES = (
    "Optics", "Instruments", "Logistics", "Ceramics", "Robotics", "Textiles", "Brewing", "Analytics", "Timber",
    "Foods", "Shipyards", "Pharma", "Printing", "Steelworks", "Gardens", "Software", "Turbines", "Furniture",
    "Acoustics", "Glassworks", "Bicycles", "Chemicals", "Aviation", "Publishing", "Roasters", "Plastics",
    "Energy", "Clockworks", "Ventures", "Farms", "Tooling", "Bearings", "Paints", "Fisheries", "Electronics",
    "Insurance", "Architects", "Catering", "Packaging", "Diagnostics", "Seeds", "Motors", "Films", "Leather",
    "Batteries", "Hydraulics", "Travel", "Surveying", "Quarries",
)  # fmt: skip
DISTRICTS = (
    "North", "South", "East", "West", "Harbour", "Valley", "Highland", "Coastal", "Central", "Riverside", "Lakeside",
    "Prairie", "Alpine", "Baltic", "Adriatic", "Atlantic", "Pacific", "Nordic", "Iberian", "Celtic", "Danube",
    "Rhine", "Thames", "Sierra",
)  # fmt: skip
FIRST_NAMES = (
    "Anna", "Björn", "Chloé", "Dmitri", "Élodie", "Farida", "Giulia", "Håkon", "Ines", "João", "Keiko", "Liam",
    "Małgorzata", "Nikhil", "Olu", "Priya", "Quentin", "Rosa", "Søren", "Tomás", "Ursula", "Vikram", "Wanda",
    "Xiomara", "Yusuf", "Zoë", "Aisha", "Bruno", "Carmen", "Declan", "Emma", "Felix", "Greta", "Hugo", "Isla",
    "Jakub", "Kirsten", "Lucía", "Marek", "Noor", "Oscar", "Petra", "Rafael", "Sanne", "Thandi", "Uma", "Viktor",
    "Wei", "Yara", "Zsófia", "Amélie", "Carlos", "Diego",
)  # fmt: skip
LAST_NAMES = (
    "Kingsley", "O'Brien", "García", "Nowak", "Sørensen", "Patel", "Rossi", "Dubois", "Schäfer", "Haddad", "Kimura",
    "Lindgren", "Marković", "N'Diaye", "Okafor", "Pereira", "Quirke", "Romero", "Størmer", "Takahashi", "Ulrich",
    "Vogel", "Winters", "Xu", "Yilmaz", "Zając", "Achterberg", "Boyle", "Chandra", "D'Souza", "Eriksson", "Fontaine",
    "Grigorescu", "Holloway", "Ivanova", "Jensen", "Kaur", "Leblanc", "Mendes", "Nguyen", "Ortiz", "Popescu",
    "Ramírez", "Sato", "Thompson", "Usman", "Vidal", "Weiß", "Young", "Zhang", "Abbott", "Brennan",
)  # fmt: skip
TITLES = (
    "VP of Sales", "Head of Procurement", "Chief Financial Officer", "Office Manager", "Accounts Payable Clerk",
    "Managing Director", "Plant Manager", "Buyer", "Operations Lead", "Founder",
)  # fmt: skip
DEPARTMENTS = ("Sales", "Procurement", "Finance", "Operations", "R&D", "Management")
THEMES = (
    "Annual licence renewal", "Line expansion", "Service contract", "Pilot & rollout", "Spare parts framework",
    "Training package", "Second site", "Replacement of old stock", "Rush order", "Three-year support",
)  # fmt: skip
NEXT_STEPS = ("Send revised offer", "Call back on Monday", "Arrange site visit", "Wait for board's decision")
PRODUCTS = (
    ("CRM Suite, annual seat", "PRD-2001", 999.0, "Software", "Each"),
    ("Calibration kit", "KIT-0104", 249.5, "Hardware", "Box"),
    ("On-site installation", "SRV-0001", 120.0, "Services", "Hours"),
    ("Precision sensor “Argus”", "SEN-4410", 1875.0, "Hardware", "Each"),
    ("Sensor cable, 5 m", "CAB-0005", 18.9, "Hardware", "Each"),
    ("Premium support, yearly", "SUP-0365", 2400.0, "Services", "Each"),
    ("Training day", "TRN-0008", 850.0, "Services", "Each"),
    ("Replacement filter", "FLT-0070", 7.35, "Hardware", "Dozen"),
    ("Mounting bracket", "BRK-0012", 42.0, "Hardware", "Each"),
    ("Analytics add-on", "PRD-2044", 349.0, "Software", "Each"),
    ("Field tablet", "TAB-1100", 619.0, "Hardware", "Each"),
    ("Data migration & clean-up", "SRV-0020", 95.0, "Services", "Hours"),
)  # fmt: skip
