"""Signing in and out."""

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError
from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from zbweb.billing.models import Membership, User
from zbweb.db import db, unit_of_work, work_for
from zbweb.web import access
from zbweb.web.forms.auth import LoginForm
from zbweb.web.limits import account_named, limiter

bp = Blueprint("auth", __name__)
_hasher = PasswordHasher()
_DECOY = _hasher.hash("nobody's password")


@bp.route("/login", methods=["GET", "POST"])
@access.public
@limiter.limit("20 per minute", methods=["POST"])
@limiter.limit("50 per 15 minutes", key_func=account_named, methods=["POST"])
def login() -> ResponseReturnValue:
    """The log-in page."""
    form = LoginForm()
    if request.method == "GET":
        return render_template("auth/login.html", form=form)
    user = _checked(form.email.data or "", form.password.data or "") if form.validate() else None
    if user is None:
        form.refuse()
        return render_template("auth/login.html", form=form), 422
    _open(user)
    return redirect(_safe_next())


@bp.post("/logout")
@access.allow()
def logout() -> ResponseReturnValue:
    """End this browser's session."""
    with unit_of_work() as session:
        access.sign_out(session)
    return redirect(url_for("auth.login"))


def _checked(email: str, password: str) -> User | None:
    """The user with this e-mail and password. Takes equally long for an unknown e-mail."""
    works_somewhere = User.memberships.any(Membership.active)
    user = db.session.scalar(select(User).where(User.email == email.strip().lower(), User.active, works_somewhere))
    try:
        _hasher.verify(user.password_hash if user else _DECOY, password)
    except VerificationError:
        return None
    return user


def _open(user: User) -> None:
    with unit_of_work() as session:
        work_for(session, None)
        homes = select(Membership).where(Membership.user_id == user.id, Membership.active)
        membership = session.scalars(homes.order_by(Membership.id).limit(1)).one()
        access.sign_in(session, user, membership.organisation_id)


def _safe_next() -> str:
    """Where the person wanted to go, if it is a page of ours."""
    wanted = request.args.get("next", "")
    is_ours = wanted.isprintable() and wanted.startswith("/") and not wanted.startswith(("//", "/\\"))
    return wanted if is_ours else url_for("home.index")  # browsers leave tabs and line ends out of an address
