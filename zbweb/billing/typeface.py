"""Which font prints which character of a PDF.

Vera comes with reportlab and covers the Latin scripts; what it lacks is tried without its accents, then in
the East Asian fonts that every PDF viewer brings along (they hold Greek and Cyrillic too). Vera has no sign
for many currencies (₹ among them): amounts then say the ISO code. Nothing is ever printed as an empty box.
"""

import unicodedata
from functools import cache
from html import escape

from babel.numbers import get_currency_symbol
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfbase.ttfonts import TTFont

from zbweb.billing.words import LOCALE

PLAIN, BOLD = "Vera", "VeraBd"
_HANGUL, _HAN, _KANA_AND_OTHERS = "HYGothic-Medium", "STSong-Light", "HeiseiKakuGo-W5"
_RANGES = (
    (0x0370, 0x04FF, _KANA_AND_OTHERS),
    (0x3000, 0x30FF, _KANA_AND_OTHERS),
    (0x4E00, 0x9FFF, _HAN),
    (0xAC00, 0xD7A3, _HANGUL),
    (0xFF00, 0xFFEF, _KANA_AND_OTHERS),
)


@cache
def register() -> frozenset[int]:
    """Make the fonts known to reportlab, once; answers the code points that Vera has in both weights."""
    faces = [TTFont(name, f"{name}.ttf") for name in (PLAIN, BOLD)]
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
    """A rounded amount with its currency's sign, or with the ISO code where Vera has no such sign."""
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
    if ord(character) in known or character == "\n":
        return character, ""
    if unicodedata.category(character).startswith(("C", "Z")):
        return " ", ""
    for first, last, font in _RANGES:
        if first <= ord(character) <= last:
            return character, font
    plain = "".join(each for each in unicodedata.normalize("NFKD", character) if ord(each) in known)
    return plain or "?", ""
