"""The front end's own rules: what a strict Content-Security-Policy and partial pages ask of templates and files."""

import hashlib
import re
import subprocess
import sys
from pathlib import Path

import pytest
from flask import Flask
from jinja2 import nodes

from zbweb.web import filters

ROOT = Path(__file__).parents[2]
STATIC = ROOT / "static"
TEMPLATES = ROOT / "templates"
VENDOR = STATIC / "vendor"
PAGES = sorted(path.relative_to(TEMPLATES).as_posix() for path in TEMPLATES.rglob("*.html"))
SHEETS = sorted((STATIC / "css").glob("*.css"))
COMMENT = re.compile(r"\{#.*?#\}", re.DOTALL)

FORBIDDEN = {
    "an inline script": r"<script(?![^>]*\bsrc=)",
    "an inline style sheet": r"<style",
    "a style attribute": r"\sstyle\s*=",
    "an event attribute": r"\son[a-z]+\s*=\s*[\"']",
    "hx-on, which evaluates": r"\shx-on",
    "values from JavaScript": r"[\"']js(?:on)?:[{(]|[\"']javascript:",
    "a trigger filter, which evaluates": r"hx-trigger=\"(?:[^\"]*,)?\s*[\w:]+\[",
    "something from another host": r"(?:src|href)=[\"'](?:https?:)?//",
}


@pytest.fixture(scope="module")
def environment():
    app = Flask("front end", template_folder=str(TEMPLATES), static_folder=str(STATIC))
    filters.register(app)
    return app.jinja_env


def source(page: str) -> str:
    return COMMENT.sub("", (TEMPLATES / page).read_text())


def tree(environment, page: str) -> nodes.Template:
    return environment.parse((TEMPLATES / page).read_text())


# ---- vendored files


def test_every_vendored_file_is_the_one_that_was_checked():
    listed = dict(reversed(line.split()) for line in (VENDOR / "SHA256SUMS").read_text().splitlines())
    present = {path.name: path for path in VENDOR.iterdir() if path.name != "SHA256SUMS"}
    assert {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in present.items()} == listed


def test_htmx_is_the_published_release_with_its_licence():
    digest = hashlib.sha256((VENDOR / "htmx-2.0.11.min.js").read_bytes()).hexdigest()
    assert digest == "d6fdc75f204e6bdefa99b69bf1e6d4ac69b8a364f77929f45c13476b4000f717"
    assert "Zero-Clause BSD" in (VENDOR / "htmx-LICENSE.txt").read_text()


# ---- templates


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_template_holds_what_the_content_security_policy_refuses(page, what):
    assert not re.search(FORBIDDEN[what], source(page)), f"{page} has {what}"


def test_templates_pass_the_linter():
    answer = subprocess.run(
        [sys.executable, "-m", "djlint", str(TEMPLATES), "--lint", "--quiet"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert answer.returncode == 0, answer.stdout


def test_pieces_and_only_pieces_begin_with_an_underscore(environment):
    included, extended = set(), set()
    for page in PAGES:
        included |= {node.template.value for node in tree(environment, page).find_all(nodes.Include)}
        extended |= {node.template.value for node in tree(environment, page).find_all(nodes.Extends)}
    pieces = {page for page in PAGES if page.rsplit("/", 1)[-1].startswith("_")} - {"_macros.html"}
    assert included == pieces, "a piece is included somewhere; what is included is named _piece.html"
    assert not extended & pieces


@pytest.mark.parametrize("page", PAGES)
def test_nothing_that_a_block_needs_stands_outside_of_it(environment, page):
    """A block rendered alone does not see it: `{% set %}` is lost silently, macros come as `ui`."""
    template = tree(environment, page)
    assert not list(template.find_all((nodes.Import, nodes.FromImport))), "macros are reached as `ui`"
    if template.find(nodes.Extends):
        outside = {type(node).__name__ for node in template.body if not isinstance(node, nodes.Block | nodes.Extends)}
        assert outside <= {"Output"}, f"{page} does {outside} outside of its blocks"


@pytest.mark.parametrize("page", PAGES)
def test_a_condition_around_a_block_does_not_guard_it(environment, page):
    template = tree(environment, page)
    if not template.find(nodes.Extends):
        return
    for condition in template.find_all(nodes.If):
        assert not list(condition.find_all(nodes.Block)), f"{page}: the test belongs inside of the block"


@pytest.mark.parametrize("page", PAGES)
def test_every_form_that_changes_something_carries_the_csrf_token(page):
    for form in re.findall(r"<form\b.*?</form>", source(page), re.DOTALL):
        if re.search(r"method=\"post\"", form):
            assert re.search(r"csrf\(\)|hidden_tag\(\)|csrf_token", form), f"{page}: {form[:120]}"


def test_every_icon_that_is_asked_for_is_drawn():
    drawn = set(re.findall(r'<symbol id="([a-z-]+)"', (STATIC / "icons.svg").read_text()))
    asked = {
        name for page in PAGES for name in re.findall(r'(?:\b_?icon\(|icon_button\(|icon=)"([a-z-]+)"', source(page))
    }
    assert asked
    assert asked <= drawn


def test_no_icon_is_drawn_that_nobody_asks_for():
    drawn = set(re.findall(r'<symbol id="([a-z-]+)"', (STATIC / "icons.svg").read_text()))
    written = "".join(map(source, PAGES)) + "".join(path.read_text() for path in (ROOT / "zbweb" / "web").glob("*.py"))
    assert drawn - set(re.findall(r"[\"#]([a-z-]+)\"", written)) == set()


def test_every_file_that_a_template_names_is_there():
    named = {name for page in PAGES for name in re.findall(r"asset\(['\"]([^'\"]+\.\w+)['\"]\)", source(page))}
    assert "app.js" in named
    assert not {name for name in named if not (STATIC / name).is_file()}


# ---- Python


def test_only_one_module_spells_the_header_names_of_htmx():
    spelt = {path.name for path in (ROOT / "zbweb" / "web").rglob("*.py") if re.search(r"[\"']HX-", path.read_text())}
    assert spelt == {"htmx.py"}


# ---- styles


def test_every_custom_property_that_is_used_is_a_token():
    tokens = set(re.findall(r"^\s+(--[\w-]+):", (STATIC / "css" / "tokens.css").read_text(), re.MULTILINE))
    for sheet in SHEETS:
        text = sheet.read_text()
        own = set(re.findall(r"(--[\w-]+):", text))
        assert set(re.findall(r"var\((--[\w-]+)", text)) <= tokens | own, sheet.name


def test_colours_are_named_once_among_the_tokens():
    for sheet in SHEETS:
        if sheet.name not in ("tokens.css", "print.css"):
            assert not re.findall(r"#[0-9a-f]{3,8}\b|\brgba?\(|\bhsla?\(", sheet.read_text()), sheet.name


def _luminance(colour: str) -> float:
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    dark, light = sorted((_luminance(one), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


GROUNDS = ("canvas", "surface", "raised")
READABLE = [
    # text on each ground that it stands on: 4.5 (WCAG 1.4.3)
    *((text, ground, 4.5) for text in ("text", "muted", "link") for ground in (*GROUNDS, "sunken", "hover")),
    *((text, "selected", 4.5) for text in ("text", "muted", "link", "accent-strong")),
    *((tone, f"{tone}-soft", 4.5) for tone in ("success", "info", "warning", "danger")),
    *((tone, "surface", 4.5) for tone in ("success", "warning", "danger")),
    *(("on-accent", ground, 4.5) for ground in ("accent", "accent-strong")),
    ("on-danger", "danger-solid", 4.5),
    ("text", "neutral-soft", 4.5),
    # outlines of controls and the focus ring: 3 (WCAG 1.4.11)
    *((line, ground, 3.0) for line in ("line-strong", "focus", "accent") for ground in GROUNDS),
]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("front", "back", "least"), READABLE)
def test_colours_are_readable_in_both_themes(theme, front, back, least):
    pairs = dict(re.findall(r"--([\w-]+): light-dark\((#\w{6}, #\w{6})\)", (STATIC / "css" / "tokens.css").read_text()))
    side = 0 if theme == "light" else 1
    assert contrast(pairs[front].split(", ")[side], pairs[back].split(", ")[side]) >= least
