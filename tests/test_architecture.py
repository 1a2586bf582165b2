"""House rules that a machine can hold."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MODULES = sorted(path for path in (ROOT / "zbweb").rglob("*.py") if "versions" not in path.parts)
TESTS = sorted((ROOT / "tests").rglob("*.py"))
BLOCKS = (ast.If, ast.For, ast.While, ast.With, ast.Try, ast.Match)
FORBIDDEN_NAMES = {"utils", "helpers", "common", "manager", "managers", "misc", "base"}


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


def functions(path: Path) -> Iterator[ast.FunctionDef]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def is_plain_data(function: ast.FunctionDef) -> bool:
    """Whether a function does nothing but return a literal: a table that happens to need arguments."""
    *before, last = function.body
    says_why = all(isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) for node in before)
    return says_why and isinstance(last, ast.Return) and isinstance(last.value, ast.Dict | ast.List | ast.Tuple)


def depth(node: ast.AST, level: int = 0) -> int:
    """How deep blocks stand in each other; an `elif` stands beside its `if`, and an inner function begins anew."""
    deepest = level
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.Lambda):
            continue
        is_elif = isinstance(node, ast.If) and node.orelse == [child] and isinstance(child, ast.If)
        deepest = max(deepest, depth(child, level + (isinstance(child, BLOCKS) and not is_elif)))
    return deepest


def test_no_module_has_a_name_that_says_nothing():
    assert [relative(path) for path in MODULES if path.stem in FORBIDDEN_NAMES] == []


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_every_module_says_why_it_exists(path):
    assert path.read_text(encoding="utf-8").lstrip().startswith('"""')


def test_only_the_unit_of_work_commits():
    allowed = {"zbweb/db.py", "zbweb/migrations/env.py"}
    committing = {
        relative(path)
        for path in MODULES
        if re.search(r"\bsession\.commit\(", path.read_text(encoding="utf-8")) and "sandbox" not in path.parts
    }
    assert committing <= allowed


def test_money_is_never_a_float():
    floats = {
        relative(path)
        for path in (ROOT / "zbweb" / "billing").rglob("*.py")
        if re.search(r"\bfloat\(", path.read_text(encoding="utf-8"))
    }
    assert floats == set()


def test_files_stay_small_enough_to_be_read_at_once():
    lengths = {relative(path): len(path.read_text(encoding="utf-8").splitlines()) for path in MODULES}
    assert {name: length for name, length in lengths.items() if length > 350} == {}


def test_functions_fit_on_a_screen():
    long = {
        f"{relative(path)}:{function.lineno} {function.name}"
        for path in MODULES + TESTS
        for function in functions(path)
        if function.end_lineno - function.lineno >= 40 and not is_plain_data(function)
    }
    assert long == set()


def test_blocks_stand_no_more_than_three_deep():
    deep = {
        f"{relative(path)}:{function.lineno} {function.name}"
        for path in MODULES + TESTS
        for function in functions(path)
        if depth(function) > 3
    }
    assert deep == set()


def test_nothing_promises_to_be_done_later():
    promises = re.compile(r"\b(TODO|FIXME|XXX|NotImplementedError)\b")
    assert [relative(path) for path in MODULES if promises.search(path.read_text(encoding="utf-8"))] == []


def test_the_lock_names_no_host():
    assert "://" not in (ROOT / "requirements.lock").read_text(encoding="utf-8")


def test_every_page_is_a_module_a_blueprint_and_a_line_in_the_list():
    from zbweb.web import PAGES

    blueprints = {
        path.stem: re.findall(r'\bBlueprint\("(\w+)"', path.read_text(encoding="utf-8"))
        for path in (ROOT / "zbweb" / "web").glob("*.py")
    }
    assert {stem: names for stem, names in blueprints.items() if names} == {name: [name] for name in PAGES}


def test_every_template_folder_is_named_after_the_page_that_shows_it():
    from zbweb.web import PAGES

    folders = {path.name for path in (ROOT / "templates").iterdir() if path.is_dir()}
    assert folders - {"errors"} <= set(PAGES)


def test_no_test_leans_on_another_test():
    leaning = re.compile(r"^\s*(from|import) tests\.(\w+\.)*test_", re.MULTILINE)
    assert [relative(path) for path in TESTS if leaning.search(path.read_text(encoding="utf-8"))] == []
