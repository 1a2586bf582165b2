"""Which font prints which character of a PDF.

DejaVu covers the Latin, Greek and Cyrillic scripts and the signs of most currencies; the East Asian ones are in the
fonts that every PDF viewer brings along. What neither has is tried without its accents, and an amount says the ISO
code. Scripts that want shaping, or run from right to left, are beyond reportlab: a question mark stands for each
letter, and nothing is ever printed as an empty box.
"""

import unicodedata
from functools import cache
from html import escape
from pathlib import Path

from babel.numbers import get_currency_symbol
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfbase.ttfonts import TTFont

from zbweb.billing.words import LOCALE

PLAIN, BOLD = "DejaVuSans", "DejaVuSans-Bold"
_VENDOR = Path(__file__).resolve().parents[2] / "static" / "vendor"
_HANGUL, _HAN, _KANA_AND_OTHERS = "HYGothic-Medium", "STSong-Light", "HeiseiKakuGo-W5"
_RANGES = (
    (0x3000, 0x30FF, _KANA_AND_OTHERS),
    (0x4E00, 0x9FFF, _HAN),
    (0xAC00, 0xD7A3, _HANGUL),
    (0xFF00, 0xFFEF, _KANA_AND_OTHERS),
)


@cache
def register() -> frozenset[int]:
    """Make the fonts known to reportlab, once; answers the code points that DejaVu has in both weights."""
    faces = [TTFont(name, str(_VENDOR / f"{name}-2.37.ttf")) for name in (PLAIN, BOLD)]
    for font in (*faces, *(UnicodeCIDFont(name) for name in (_HANGUL, _HAN, _KANA_AND_OTHERS))):
        pdfmetrics.registerFont(font)
    pdfmetrics.registerFontFamily(PLAIN, normal=PLAIN, bold=BOLD, italic=PLAIN, boldItalic=BOLD)
    return frozenset(faces[0].face.charToGlyph) & frozenset(faces[1].face.charToGlyph)


def markup(text: str) -> str:
    """Text as reportlab's paragraph markup: escaped, each run in a font that has its characters."""
    runs: list[tuple[str, str]] = []
    for character in text:
        printed, font = _printed(character)
        if runs and runs[-1][1] == font:
            runs[-1] = (runs[-1][0] + printed, font)
        else:
            runs.append((printed, font))
    return "".join(_run(printed, font) for printed, font in runs)


def money(amount: str, currency: str) -> str:
    """A rounded amount with its currency's sign, or with the ISO code where DejaVu has no such sign."""
    symbol = get_currency_symbol(currency, locale=LOCALE)
    if symbol.isalpha() or any(ord(character) not in register() for character in symbol):
        symbol = f"{currency}\N{NO-BREAK SPACE}"
    return f"-{symbol}{amount[1:]}" if amount.startswith("-") else f"{symbol}{amount}"


def _run(printed: str, font: str) -> str:
    safe = escape(printed, quote=False).replace("\n", "<br/>")
    return f'<font name="{font}">{safe}</font>' if font else safe


@cache
def _printed(character: str) -> tuple[str, str]:
    """What stands for a character, and in which font; an empty name is the paragraph's own."""
    known = register()
    if character == "\n":
        return character, ""
    category, runs_left = unicodedata.category(character), unicodedata.bidirectional(character) in ("R", "AL")
    if category.startswith("C"):
        return " ", ""
    if ord(character) in known and not runs_left:
        return character, ""
    if category.startswith("Z"):
        return " ", ""
    for first, last, font in _RANGES:
        if first <= ord(character) <= last:
            return character, font
    plain = "".join(each for each in unicodedata.normalize("NFKD", character) if ord(each) in known)
    return "?" if runs_left or not plain else plain, ""
