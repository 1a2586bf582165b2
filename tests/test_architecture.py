"""House rules that a machine can hold."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MODULES = sorted(path for path in (ROOT / "zbweb").rglob("*.py") if "versions" not in path.parts)
FORBIDDEN_NAMES = {"utils", "helpers", "common", "manager", "managers", "misc", "base"}


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


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
    assert {name: length for name, length in lengths.items() if length > 400} == {}


def test_nothing_promises_to_be_done_later():
    promises = re.compile(r"\b(TODO|FIXME|XXX|NotImplementedError)\b")
    assert [relative(path) for path in MODULES if promises.search(path.read_text(encoding="utf-8"))] == []


def test_the_lock_names_no_host():
    assert "://" not in (ROOT / "requirements.lock").read_text(encoding="utf-8")


def test_every_page_is_a_module_a_blueprint_and_a_line_in_the_list():
    from zbweb.web import PAGES

    for name in PAGES:
        text = (ROOT / "zbweb" / "web" / f"{name}.py").read_text(encoding="utf-8")
        assert f'Blueprint("{name}"' in text, name
