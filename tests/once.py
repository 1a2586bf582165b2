"""What comes out the same for the app of each test is worked out once for all of them.

Every test has an app and a database of its own. Both took longer to make, and their first queries to compile, than
most tests take; a process that serves people does it once as well.
"""

from typing import Any

from flask import Flask
from sqlalchemy import Dialect, Engine
from werkzeug.routing import Rule

_builders: dict[tuple[Any, ...], Any] = {}
_dialects: dict[str, Dialect] = {}
_statements: dict[str, dict[Any, Any]] = {}


class RememberedRule(Rule):
    """A rule for which Werkzeug compiles the functions that build its addresses once."""

    def _compile_builder(self, append_unknown: bool = True) -> Any:
        defaults = tuple(sorted((self.defaults or {}).items()))
        key = (self.rule, self.host, self.subdomain, self.merge_slashes, defaults, append_unknown)
        if key not in _builders:
            _builders[key] = super()._compile_builder(append_unknown)
        return _builders[key]


def remember_rules() -> None:
    """Apps that are made from now on share what their rules compile to."""
    Flask.url_rule_class = RememberedRule


def share_statements(engine: Engine) -> None:
    """Let an engine use the statements that others of its kind have compiled: they are kept by dialect."""
    kind = engine.dialect.name
    engine.dialect = _dialects.setdefault(kind, engine.dialect)
    engine.update_execution_options(compiled_cache=_statements.setdefault(kind, {}))
