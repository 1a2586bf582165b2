"""The page on which a CRM user allows a program to act for them (GET and POST /oauth/v2/auth)."""

from urllib.parse import urlencode, urlsplit

from flask import Blueprint, redirect, render_template, request
from werkzeug.wrappers import Response

from zbweb.sandbox import oauth
from zbweb.sandbox.oauth import Client
from zbweb.sandbox.state import current_sandbox

blueprint = Blueprint("consent", __name__, url_prefix="/oauth/v2")
LOOPBACK = ("127.0.0.1", "localhost", "::1")

Page = str | Response | tuple[str, int]


@blueprint.get("/auth")
def ask() -> Page:
    """Show who asks for what; a request that names no known client or a bad address is refused on the page."""
    registered = _client()
    problem = _problem(registered)
    if registered is None or problem:
        return render_template("consent/refused.html", problem=problem), 400
    members = [member for member in current_sandbox().members.values() if member.is_active]
    scopes = request.args.get("scope", "").replace(",", " ").split()
    return render_template("consent/ask.html", client=registered, members=members, scopes=scopes, values=request.args)


@blueprint.post("/auth")
def decide() -> Page:
    """Send the user back with a code, or with `access_denied`."""
    registered = _client()
    problem = _problem(registered)
    if registered is None or problem:
        return render_template("consent/refused.html", problem=problem), 400
    values, sandbox = request.values, current_sandbox()
    if values.get("decision") != "accept":
        return _back({"error": "access_denied"})
    chosen = values.get("member", str(sandbox.admin.id))
    member = next((one for one in sandbox.members.values() if str(one.id) == chosen), None)
    if member is None or not member.is_active:
        return _back({"error": "access_denied"})
    scope = values.get("scope", "").replace(",", " ")
    with sandbox.store.write() as connection:
        code = oauth.grant(
            connection, registered, user_id=member.id, scope=scope, redirect_uri=values["redirect_uri"],
            now=sandbox.clock.now(),
        )  # fmt: skip
    return _back({"code": code.token, "location": "us", "accounts-server": sandbox.base_url})


def _client() -> Client | None:
    with current_sandbox().reading() as connection:
        return oauth.client(connection, request.values.get("client_id", ""))


def _problem(registered: Client | None) -> str | None:
    """Why this request is not asked at all, in a sentence."""
    values = request.values
    if registered is None:
        return "No program with this client ID is registered."
    if values.get("response_type") != "code":
        return "The response type must be “code”."
    if not values.get("scope"):
        return "The program does not say what it wants to do (scope)."
    return None if _is_welcome(registered, values.get("redirect_uri", "")) else "The redirect address is not valid."


def _is_welcome(registered: Client, redirect_uri: str) -> bool:
    if registered.redirect_uris:
        return redirect_uri in registered.redirect_uris
    address = urlsplit(redirect_uri)
    return address.scheme == "https" or (address.scheme == "http" and address.hostname in LOOPBACK)


def _back(answer: dict[str, str]) -> Response:
    uri, state = request.values["redirect_uri"], request.values.get("state")
    query = urlencode({**({"state": state} if state else {}), **answer})
    return redirect(f"{uri}{'&' if '?' in uri else '?'}{query}")
