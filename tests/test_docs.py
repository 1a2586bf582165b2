"""The README keeps up with the code: settings with their defaults, commands, roles, checks and the files it names."""

import re
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import worker
from zbweb import cli
from zbweb.config import Config
from zbweb.upkeep.doctor import CHECKS

EXTRAS = ("", "binary")
ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
READ_BY_CONFIG = set(re.findall(r'"(ZBWEB_[A-Z_]+)"', (ROOT / "zbweb" / "config.py").read_text()))
ROWS = dict(re.findall(r"^\| `(ZBWEB_[A-Z_]+)` \| (.+?) \| .+ \|$", README, re.MULTILINE))


def test_the_table_names_every_setting_and_no_other():
    assert set(ROWS) == READ_BY_CONFIG


@pytest.mark.parametrize("name", sorted(READ_BY_CONFIG))
def test_a_default_of_the_table_is_the_codes(name):
    field = {"ZBWEB_CRM_CREDITS_RESERVE": "credits_reserve"}.get(name, name.removeprefix("ZBWEB_").lower())
    default = getattr(Config(), field)
    if isinstance(default, bool | int) or (isinstance(default, str) and default):
        assert ROWS[name].strip("`") == str(int(default) if isinstance(default, bool) else default)


def commands() -> set[str]:
    chosen = next(action for action in cli._parser()._actions if action.dest == "command")
    return set(chosen.choices)


def test_every_command_is_told_of():
    told = set(re.findall(r"\bcli ([a-z-]+)", README)) | ({"run"} if "make run" in README else set())
    assert commands() - told == set()
    assert told - commands() == set()


def test_every_role_of_a_worker_is_told_of():
    told = {role for words in re.findall(r"worker\.py ([a-z ]+)", README) for role in words.split()}
    assert {*worker.LANES, "scheduler"} <= told


def test_every_check_of_the_doctor_is_told_of():
    words = README.lower()
    assert [name for name in CHECKS if name not in words] == []


def test_every_test_that_the_readme_points_to_is_there():
    named = set(re.findall(r"`(tests/[\w/]+\.py)`", README))
    assert named
    assert [path for path in sorted(named) if not (ROOT / path).exists()] == []


def installed_for_us() -> set[str]:
    """The packages that the product needs, and those that they need, as they are installed here."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    found, waiting = set(), [Requirement(each) for each in project["dependencies"]]
    while waiting:
        needed = waiting.pop()
        name = canonicalize_name(needed.name)
        if name in found or (needed.marker and not any(needed.marker.evaluate({"extra": each}) for each in EXTRAS)):
            continue
        found.add(name)
        waiting += [Requirement(each) for each in metadata.requires(name) or []]
    return found


def test_the_licences_of_all_that_is_needed_are_listed():
    section = README.split("## Licences")[1]
    listed = set(re.findall(r"[a-z][a-z0-9-]+", section))
    assert installed_for_us() - listed == set()
