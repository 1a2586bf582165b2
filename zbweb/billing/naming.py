"""How names are compared: one folding for duplicates, search and near matches."""

import re
import unicodedata
from functools import lru_cache

_STROKES = str.maketrans(
    {
        "æ": "ae", "đ": "d", "ð": "d", "ħ": "h", "ı": "i", "ł": "l", "ŋ": "n", "ø": "o", "œ": "oe", "þ": "th",
        "ŧ": "t",
    }
)  # fmt: skip
"""Letters that Unicode takes for letters of their own, and people for accented ones when they search."""
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

_EVERYBODYS = frozenset(
    [
        "gmail.com", "googlemail.com", "outlook.com", "hotmail.com", "live.com", "msn.com", "yahoo.com", "ymail.com",
        "icloud.com", "me.com", "mac.com", "aol.com", "gmx.com", "gmx.de", "gmx.net", "web.de", "t-online.de",
        "freenet.de", "mail.com", "mail.ru", "yandex.ru", "proton.me", "protonmail.com", "zoho.com", "zohomail.com",
        "fastmail.com", "orange.fr", "free.fr", "laposte.net", "libero.it", "qq.com", "163.com", "126.com",
        "naver.com", "rediffmail.com", "facebook.com", "linkedin.com", "instagram.com", "twitter.com", "x.com",
        "youtube.com", "google.com", "sites.google.com", "etsy.com", "amazon.com",
    ]
)  # fmt: skip
"""Domains that say nothing about a business: whoever likes has an address or a page there."""


@lru_cache(maxsize=8192)
def name_key(name: str) -> str:
    """A display name with case, accents and spaces folded: equal keys are the same name."""
    plain = name.casefold()
    if not plain.isascii():
        decomposed = unicodedata.normalize("NFKD", plain)
        plain = "".join(character for character in decomposed if not unicodedata.combining(character))
        plain = plain.translate(_STROKES)
    return _SPACES.sub(" ", plain).strip()[:255]


def number_key(number: str | None) -> str | None:
    """A document's number by which it is compared: INV-1 and inv-1 are the same."""
    return number.casefold() if number else None


def loose_key(name: str) -> str:
    """A name without punctuation and legal forms, with `&` as "and": equal loose keys are worth a person's look."""
    words = _PUNCTUATION.sub(" ", name_key(name).replace("&", " and ")).split()
    kept = [word for word in words if word not in _LEGAL_FORMS]
    return " ".join(kept or words)[:255]


def domain_of(website: str, email: str) -> str:
    """The domain that a business is known by: its website's, else its e-mail's; "" if it has none of its own."""
    host = re.split(r"[/?#:]", website.casefold().strip().rpartition("//")[2], maxsplit=1)[0].removeprefix("www.")
    for domain in (host, email.casefold().strip().rpartition("@")[2]):
        if "." in domain and domain not in _EVERYBODYS:
            return domain[:255]
    return ""
