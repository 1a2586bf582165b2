"""How names are compared: one folding for duplicates, search and near matches."""

import re
import unicodedata

_SPACES = re.compile(r"\s+")
_PUNCTUATION = re.compile(r"[^\w\s]")
_LEGAL_FORMS = frozenset(
    [
        "ag",
        "bv",
        "co",
        "company",
        "corp",
        "corporation",
        "gmbh",
        "inc",
        "incorporated",
        "kg",
        "limited",
        "llc",
        "llp",
        "ltd",
        "nv",
        "oy",
        "plc",
        "pte",
        "pty",
        "pvt",
        "private",
        "sa",
        "sarl",
        "sas",
        "spa",
        "srl",
    ]
)


def name_key(name: str) -> str:
    """A display name with case, accents and spaces folded: equal keys are the same name."""
    plain = name.casefold()
    if not plain.isascii():
        decomposed = unicodedata.normalize("NFKD", plain)
        plain = "".join(character for character in decomposed if not unicodedata.combining(character))
    return _SPACES.sub(" ", plain).strip()[:255]


def loose_key(name: str) -> str:
    """A name without punctuation and legal forms, with `&` as "and": equal loose keys are worth a person's look."""
    words = _PUNCTUATION.sub(" ", name_key(name).replace("&", " and ")).split()
    kept = [word for word in words if word not in _LEGAL_FORMS]
    return " ".join(kept or words)
