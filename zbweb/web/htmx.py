"""How pages talk to htmx: the only module that knows its header names.

Views answer with `page_or_block(...)` or `redirect(...)`, which also work for a browser without JavaScript, and let
things happen in the page with `trigger(...)`: the event `closeDialog` closes a dialog or the sidebar. A block that is
rendered alone sees the context and the globals, but neither a `{% set %}` nor an `{% import %}` outside of it.
"""

import json
from collections.abc import Mapping
from typing import Any

from flask import Response, make_response, render_template, request
from flask import redirect as http_redirect
from jinja2_fragments.flask import render_block


def is_htmx() -> bool:
    """Does the page ask for a fragment? Not when it restores its history: then it needs the whole page."""
    wants_page = "HX-Boosted" in request.headers or "HX-History-Restore-Request" in request.headers
    return request.headers.get("HX-Request") == "true" and not wants_page


def page(template: str, *, status: int = 200, **context: Any) -> Response:
    """The whole page, whoever asks."""
    return _vary(make_response(render_template(template, **context), status))


def block(template: str, name: str, *, status: int = 200, **context: Any) -> Response:
    """One block of a template and nothing around it."""
    return _vary(make_response(render_block(template, name, **context), status))


def page_or_block(template: str, name: str, *, status: int = 200, **context: Any) -> Response:
    """The block `name` for htmx, the whole page for everybody else, at the same URL."""
    if is_htmx():
        return block(template, name, status=status, **context)
    return page(template, status=status, **context)


def redirect(url: str) -> Response:
    """To another page: 303, or htmx's own way, which loads the page instead of swapping it in."""
    if not is_htmx():
        return _vary(make_response(http_redirect(url, 303)))
    response = make_response("", 204)
    response.headers["HX-Redirect"] = url
    return _vary(response)


def toast(response: Response, message: str, *, tone: str = "success") -> Response:
    """Add a passing message to a fragment's answer. A whole page uses flask.flash() instead."""
    return trigger(response, "toast", {"message": message, "tone": tone})


def trigger(response: Response, event: str, detail: Mapping[str, Any] | None = None) -> Response:
    """Let the browser fire `event` at the element that asked, from where it bubbles up to the body."""
    events = json.loads(response.headers.get("HX-Trigger", "{}"))
    events[event] = dict(detail or {})
    response.headers["HX-Trigger"] = json.dumps(events)
    return response


def retarget(response: Response, selector: str) -> Response:
    """Put the answer's content into another element than the one that asked for it: a refusal, for instance."""
    response.headers["HX-Retarget"] = selector
    response.headers["HX-Reswap"] = "innerHTML"
    return response


def _vary(response: Response) -> Response:
    """Page and fragment share a URL: caches must keep them apart."""
    response.vary.add("HX-Request")
    return response
