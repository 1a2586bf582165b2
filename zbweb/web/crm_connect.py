"""Connecting Zoho CRM, and changing its credentials: by e-mail and ZSC key, or by OAuth.

Every way ends in `_admit`: sign in, check, save. What fails on the way is said on the form and changes nothing.
"""

from collections.abc import Callable

from flask import Blueprint, flash, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from zbweb import config
from zbweb.billing.models import Organisation
from zbweb.billing.words import Role
from zbweb.crm.errors import CredentialsRefused, CrmError
from zbweb.crm.grants import Grant, authorize_url, sign_in_with_code, sign_in_with_refresh_token, sign_in_with_zsc
from zbweb.crm.tokens import client_for_grant
from zbweb.db import db, unit_of_work
from zbweb.sync import connection as connections
from zbweb.sync.connection import Proof
from zbweb.sync.errors import SyncError, WouldReplace
from zbweb.web import access, crm_sign_in, crm_words, htmx
from zbweb.web.forms.crm_connect import KeyForm, OAuthForm
from zbweb.web.limits import limiter

bp = Blueprint("crm_connect", __name__, url_prefix="/settings/integrations/zoho-crm/connect")
bp.context_processor(crm_words.navigation)
_PATIENCE_SECONDS = 15.0


@bp.route("", methods=["GET", "POST"])
@access.allow(Role.ADMIN)
@limiter.limit("20 per minute", methods=["POST"])
def form() -> ResponseReturnValue:
    """E-mail address and ZSC key; the other ways stand on the same page."""
    key = KeyForm()
    if request.method == "GET" or not key.validate():
        return _page(key=key)
    return _admit(lambda: sign_in_with_zsc(key.email.data or "", key.zsc_key.data or ""), key=key)


@bp.post("/refresh-token")
@access.allow(Role.ADMIN)
@limiter.limit("20 per minute")
def refresh_token() -> ResponseReturnValue:
    """A self client's refresh token."""
    oauth = OAuthForm(self_client=True)
    if not oauth.validate():
        return _page(oauth=oauth)
    return _admit(
        lambda: sign_in_with_refresh_token(
            oauth.refresh_token.data or "",
            client_id=oauth.client_id.data or "",
            client_secret=oauth.client_secret.data or "",
            accounts_url=oauth.accounts_url,
        ),
        oauth=oauth,
    )


@bp.post("/authorize")
@access.allow(Role.ADMIN)
def authorize() -> ResponseReturnValue:
    """On to the CRM's consent page. The page between forwards, as a form may only be sent to ourselves."""
    oauth = OAuthForm()
    if not oauth.validate():
        return _page(oauth=oauth)
    client = crm_sign_in.remember_client(oauth.client_id.data or "", oauth.client_secret.data or "", oauth.accounts_url)
    address = authorize_url(client.client_id, _callback(), state=client.state, accounts_url=client.accounts_url)
    return htmx.page("crm_connect/forward.html", address=address)


@bp.get("/callback")
@access.allow(Role.ADMIN)
def callback() -> ResponseReturnValue:
    """The CRM's answer to the request for consent."""
    return _admit(_sign_in_with_answer, oauth=OAuthForm(formdata=None))


@bp.route("/confirm", methods=["GET", "POST"])
@access.allow(Role.ADMIN)
def confirm() -> ResponseReturnValue:
    """Whether another CRM organisation takes the place of the connected one."""
    if request.method == "POST":
        return _admit(crm_sign_in.take_grant, replace=True)
    present = connections.active(db.session())
    if present is None or not crm_sign_in.newcomer():
        return htmx.redirect(url_for("crm_connect.form"))
    return htmx.page("crm_connect/confirm.html", connection=present, newcomer=crm_sign_in.newcomer())


def _sign_in_with_answer() -> Grant:
    client = crm_sign_in.take_client(request.args.get("state", ""))
    if "code" not in request.args:
        raise CredentialsRefused("Zoho CRM was not given consent. Begin again and choose Accept.")
    return sign_in_with_code(
        request.args["code"],
        _callback(),
        client_id=client.client_id,
        client_secret=client.client_secret,
        accounts_url=request.args.get("accounts-server") or client.accounts_url,
    )


def _callback() -> str:
    """Where the CRM sends the browser back: the address registered in Zoho's API console."""
    return config.current().public_url + url_for("crm_connect.callback")


def _admit(
    sign_in: Callable[[], Grant], *, key: KeyForm | None = None, oauth: OAuthForm | None = None, replace: bool = False
) -> ResponseReturnValue:
    """Sign in, check, save: on to the details page, to the confirmation, or back to the form with the reason."""
    try:
        grant = sign_in()
        proof = _examine(grant)
    except (CrmError, SyncError) as error:
        return _page(key=key, oauth=oauth, message=error.message)
    try:
        _save(grant, proof, replace=replace)
    except WouldReplace:
        crm_sign_in.remember_grant(grant, proof.organisation.name)
        return htmx.redirect(url_for("crm_connect.confirm"))
    except SyncError as error:
        return _page(key=key, oauth=oauth, message=error.message)
    flash(f"Zoho CRM is connected to {proof.organisation.name} as {proof.user.name}.", "success")
    return htmx.redirect(url_for("integrations.zoho_crm"))


def _examine(grant: Grant) -> Proof:
    home = select(Organisation.base_currency).where(Organisation.id == access.person().organisation_id)
    currency = db.session.scalars(home).one()
    client = client_for_grant(grant, patience_seconds=_PATIENCE_SECONDS)
    return connections.examine(client, email=grant.email, base_currency=currency)


def _save(grant: Grant, proof: Proof, *, replace: bool) -> None:
    with unit_of_work() as session:
        connections.connect(session, grant, proof, actor=access.person().actor, replace=replace)


def _page(*, key: KeyForm | None = None, oauth: OAuthForm | None = None, message: str = "") -> ResponseReturnValue:
    return htmx.page(
        "crm_connect/form.html",
        status=200 if request.method == "GET" and not message else 422,
        key=key or KeyForm(formdata=None),
        oauth=oauth or OAuthForm(formdata=None),
        by_oauth=oauth is not None or not config.current().crm_accounts_url,
        connection=connections.active(db.session()),
        message=message,
        callback=_callback(),
    )
