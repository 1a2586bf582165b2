"""The composition root of the stand-in CRM: `create_sandbox()` makes one complete Flask app."""

from pathlib import Path

from flask import Flask
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException

from zbweb.sandbox import consent, pages, seed
from zbweb.sandbox.api import bulk, control, coql, gate, org, records, settings, tokens, watch, writes
from zbweb.sandbox.state import Sandbox

BLUEPRINTS = (
    tokens.blueprint,
    consent.blueprint,
    control.blueprint,
    org.blueprint,
    settings.blueprint,
    coql.blueprint,
    watch.blueprint,
    bulk.blueprint,
    records.blueprint,
    writes.blueprint,
    pages.blueprint,
)


def create_sandbox(data_dir: Path, *, base_url: str | None = None) -> Flask:
    """An app whose state lives in `data_dir` (made when absent); a new one starts with the demo organisation.

    `base_url` is what token answers and notifications name as the CRM's address; by default it is the address
    the caller used. `app.extensions["sandbox"]` is the Sandbox; close it when done.
    """
    app = Flask(__name__, template_folder="templates", static_folder="static", static_url_path="/_static")
    sandbox = Sandbox(Path(data_dir), base_url=base_url)
    app.extensions["sandbox"] = sandbox
    if not sandbox.members:
        seed.start_over(sandbox)
    app.url_map.strict_slashes = False
    gate.install(app)
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
    app.register_error_handler(HTTPException, _problem)
    return app


def _problem(error: HTTPException) -> ResponseReturnValue | HTTPException:
    """What no route took: a program's refusal, or a page for people."""
    return gate.http_error(error) if gate.is_for_programs() else pages.unknown_address(error)
