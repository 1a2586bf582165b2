"""Who may open what: signed-in people, their role, and the one decorator that says it.

A view without `@allow(...)` or `@public` answers nobody (a test walks the URL map). The cookie holds a
random token; its hash names a row of `login_sessions`, made anew at each log-in and deleted at sign-out.
"""

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar, cast

from flask import Flask, abort, current_app, g, request, url_for
from flask import session as cookie
from flask.typing import ResponseReturnValue
from flask_login import LoginManager, UserMixin, current_user, login_user, logout_user
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from zbweb.billing.journal import Actor
from zbweb.billing.models import LoginSession, Membership, Organisation, User
from zbweb.billing.words import Role
from zbweb.clock import now
from zbweb.db import db, work_for
from zbweb.errors import NotAllowed
from zbweb.web import htmx

SESSION_LIFE = timedelta(hours=12)
View = TypeVar("View", bound=Callable[..., Any])
_login = LoginManager()


@dataclass(frozen=True, slots=True)
class SignedIn(UserMixin):  # type: ignore[misc]  # flask-login is untyped
    """The person behind the request: who, where and as what."""

    token: str
    user_id: int
    name: str
    email: str
    organisation_id: int
    role: Role

    def get_id(self) -> str:
        """What the cookie keeps: the session's token, never the user's id."""
        return self.token

    @property
    def actor(self) -> Actor:
        """How this person stands in the journal."""
        return Actor(self.name, user_id=self.user_id, handles_money=self.role in (Role.ADMIN, Role.FINANCE))


def person() -> SignedIn:
    """The signed-in person; only views behind `@allow` may ask."""
    return cast(SignedIn, current_user)


def allow(*roles: Role) -> Callable[[View], View]:
    """Let members with one of `roles` in; no roles named means every member."""

    def mark(view: View) -> View:
        view.allowed_roles = frozenset(roles or Role)  # type: ignore[attr-defined]
        return view

    return mark


def public(view: View) -> View:
    """Let everybody in: the log-in page, health, the CRM's notifications (which carry their own token)."""
    view.is_public = True  # type: ignore[attr-defined]
    return view


def register(app: Flask) -> None:
    """Guard every request of the app."""
    _login.init_app(app)
    app.before_request(_guard)
    app.context_processor(_who)


@_login.user_loader  # type: ignore[untyped-decorator]
def _load(token: str) -> SignedIn | None:
    statement = (
        select(LoginSession, User, Membership)
        .join(User, User.id == LoginSession.user_id)
        .join(
            Membership,
            (Membership.user_id == User.id) & (Membership.organisation_id == LoginSession.organisation_id),
        )
        .where(LoginSession.token_hash == _hash(token), LoginSession.expires_at > now(), User.active, Membership.active)
    )
    row = db.session.execute(statement).first()
    if row is None:
        return None
    _, user, membership = row
    return SignedIn(token, user.id, user.name, user.email, membership.organisation_id, Role(membership.role))


def sign_in(session: Session, user: User, organisation_id: int) -> None:
    """Open a fresh login session for this browser and drop the one it had."""
    if current_user.is_authenticated:
        sign_out(session)
    cookie.clear()  # nothing that was begun before, by whomever, goes on as this person
    token = secrets.token_urlsafe(32)
    session.add(
        LoginSession(
            token_hash=_hash(token), user_id=user.id, organisation_id=organisation_id, expires_at=now() + SESSION_LIFE
        )
    )
    session.execute(delete(LoginSession).where(LoginSession.expires_at < now()))
    login_user(SignedIn(token, user.id, user.name, user.email, organisation_id, Role.SALES))


def sign_out(session: Session) -> None:
    """Forget this browser's login session; its cookie is worth nothing afterwards."""
    session.execute(delete(LoginSession).where(LoginSession.token_hash == _hash(person().token)))
    logout_user()
    cookie.clear()


def sign_out_elsewhere(session: Session) -> None:
    """Forget this person's login sessions in every other browser."""
    others = LoginSession.user_id == person().user_id, LoginSession.token_hash != _hash(person().token)
    session.execute(delete(LoginSession).where(*others))


def switch_organisation(session: Session, organisation_id: int) -> None:
    """Work for another organisation that the person belongs to; raises NotAllowed otherwise."""
    member = select(Membership).where(
        Membership.user_id == person().user_id, Membership.organisation_id == organisation_id, Membership.active
    )
    work_for(session, None)
    if session.scalar(member) is None:
        raise NotAllowed("You are not a member of that organisation. Ask its admin to add you.")
    row = session.scalars(select(LoginSession).where(LoginSession.token_hash == _hash(person().token))).one()
    row.organisation_id = organisation_id


def name_of(organisation_id: int | None) -> str:
    """The name of an organisation that the person belongs to; empty for any other."""
    mine = _who()["organisations"] if organisation_id else ()
    return next((each.name for each in mine if each.id == organisation_id), "")


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _guard() -> ResponseReturnValue | None:
    view = current_app.view_functions.get(request.endpoint or "")
    if view is None or request.endpoint == "static" or getattr(view, "is_public", False):
        return None
    if not current_user.is_authenticated:
        return _to_login()
    if person().role not in getattr(view, "allowed_roles", ()):
        abort(403)
    work_for(db.session(), person().organisation_id)
    return None


def _to_login() -> ResponseReturnValue:
    wanted = request.full_path.rstrip("?") if request.method == "GET" and not htmx.is_htmx() else None
    address = url_for("auth.login", next=wanted)
    return htmx.redirect(address)


def _who() -> dict[str, Any]:
    if not current_user.is_authenticated:
        return {"organisation": None, "organisations": [], "role": None}
    if "organisations" not in g:
        mine = (
            select(Organisation)
            .join(Membership, Membership.organisation_id == Organisation.id)
            .where(Membership.user_id == person().user_id, Membership.active)
            .order_by(Organisation.name)
            .execution_options(unfenced=True)
        )
        g.organisations = list(db.session.scalars(mine))
    g.organisation = next((each for each in g.organisations if each.id == person().organisation_id), None)
    return {"organisation": g.organisation, "organisations": g.organisations, "role": str(person().role)}
