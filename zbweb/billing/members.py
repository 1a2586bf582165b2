"""Who works for an organisation: adding people, their roles, and shutting them out again.

A person has one user row and a membership per organisation. An admin rules over memberships only; name,
e-mail and password belong to the person. There is always an active admin left.
"""

from dataclasses import dataclass

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError
from sqlalchemy import delete as delete_rows
from sqlalchemy import or_, select
from sqlalchemy.orm import Session, joinedload

from zbweb.billing import journal
from zbweb.billing.email_addresses import is_email_address
from zbweb.billing.journal import Actor
from zbweb.billing.models import LoginSession, Membership, User
from zbweb.billing.words import Role
from zbweb.db import organisation_of
from zbweb.errors import Conflict, Invalid, NotFound

ENTITY = "membership"
ROLE_LABELS = {Role.ADMIN: "Admin", Role.FINANCE: "Finance", Role.SALES: "Sales"}
MIN_PASSWORD = 10
_TOO_SHORT = f"Use at least {MIN_PASSWORD} characters."
_hasher = PasswordHasher()


@dataclass(frozen=True, slots=True)
class MemberDraft:
    """A person to be added. The password is for a first sign-in; someone who has an account keeps theirs."""

    name: str
    email: str
    role: str
    password: str = ""

    @property
    def shown_name(self) -> str:
        """What the person is called by who adds them."""
        return self.name.strip() or self.email.strip()


def hash_password(password: str) -> str:
    """The Argon2 hash that is kept of a password."""
    return _hasher.hash(password)


def all_members(session: Session) -> list[Membership]:
    """Everybody who works or worked here, by name."""
    members = session.scalars(select(Membership).options(joinedload(Membership.user)))
    return sorted(members, key=lambda each: (not each.active, each.shown_name.casefold(), each.user_id))


def find(session: Session, membership_id: int) -> Membership:
    """One membership with its user; raises NotFound."""
    statement = select(Membership).where(Membership.id == membership_id).options(joinedload(Membership.user))
    membership = session.scalar(statement)
    if membership is None:
        raise NotFound("There is no such user in this organisation.")
    return membership


def add(session: Session, draft: MemberDraft, *, actor: Actor) -> Membership:
    """Let a person work here; raises Invalid by field. Somebody unknown is given an account with the password.

    Everybody here is called what was typed: an account elsewhere says nothing of itself to who guesses its address.
    """
    email = draft.email.strip().lower()
    user = session.scalar(select(User).where(User.email == email))
    is_known = user is not None
    _check(draft, email, is_known=is_known)
    if user is None:
        user = User(email=email, name=draft.name.strip(), password_hash=hash_password(draft.password))
        session.add(user)
        session.flush()  # the membership needs its id
    if session.scalar(select(Membership.id).where(Membership.user_id == user.id)) is not None:
        raise Invalid("That person is a user already.", {"email": f"{email} is a user of this organisation already."})
    membership = Membership(
        organisation_id=organisation_of(session), user_id=user.id, role=draft.role, user=user,
        name=draft.shown_name if is_known else None,
    )  # fmt: skip
    session.add(membership)
    session.flush()  # the journal needs its id
    journal.record(
        session, ENTITY, membership.id, action="created", actor=actor,
        changes={"user": ("", draft.shown_name), "role": ("", draft.role)},
    )  # fmt: skip
    return membership


def change_role(session: Session, membership: Membership, role: str, *, actor: Actor) -> None:
    """Give a member another role; raises Conflict when the last admin would be gone."""
    if role not in set(Role):
        raise Invalid("Choose a role.", {"role": "Choose a role."})
    _hold_with_admins(session, membership)
    if membership.role != role:
        _keep_an_admin(session, membership)
        journal.record(
            session, ENTITY, membership.id, action="updated", actor=actor, changes={"role": (membership.role, role)}
        )
        membership.role = role


def set_active(session: Session, membership: Membership, *, active: bool, actor: Actor) -> None:
    """Shut a member out at once, or let them back in; raises Conflict for oneself and for the last admin."""
    _hold_with_admins(session, membership)
    if membership.active == active:
        return
    if not active:
        if membership.user_id == actor.user_id:
            raise Conflict("You cannot deactivate yourself. Ask another admin to do it.")
        _keep_an_admin(session, membership)
        session.execute(
            delete_rows(LoginSession).where(
                LoginSession.user_id == membership.user_id, LoginSession.organisation_id == membership.organisation_id
            )
        )
    membership.active = active
    action = "marked_active" if active else "marked_inactive"
    journal.record(
        session, ENTITY, membership.id, action=action, actor=actor, changes={"user": (membership.shown_name,) * 2}
    )


def change_password(session: Session, user_id: int, *, present: str, wanted: str) -> None:
    """Give a person another password of their own; raises Invalid by field."""
    user = session.get_one(User, user_id, with_for_update=True)
    try:
        _hasher.verify(user.password_hash, present)
    except VerificationError as error:
        sentence = "That is not your present password."
        raise Invalid(sentence, {"present": sentence}) from error
    if len(wanted) < MIN_PASSWORD:
        raise Invalid(_TOO_SHORT, {"wanted": _TOO_SHORT})
    user.password_hash = hash_password(wanted)


def _hold_with_admins(session: Session, membership: Membership) -> None:
    """Hold a membership and those of all admins as they are now: two who demote each other at once would each see
    the other one left. They are taken in the order of their ids, so that the two do not wait in a circle."""
    statement = select(Membership).where(or_(Membership.id == membership.id, Membership.role == Role.ADMIN))
    held = statement.order_by(Membership.id).with_for_update(of=Membership)
    session.scalars(held.execution_options(populate_existing=True)).all()


def _keep_an_admin(session: Session, membership: Membership) -> None:
    """Raise Conflict if `membership` is the only admin: nobody could change the settings any more."""
    if membership.role != Role.ADMIN or not membership.active:
        return
    others = select(Membership.id).where(
        Membership.role == Role.ADMIN, Membership.active, Membership.id != membership.id
    )  # fmt: skip
    if session.scalar(others.limit(1)) is None:
        raise Conflict("This is the only admin. Make somebody else an admin first.")


def _check(draft: MemberDraft, email: str, *, is_known: bool) -> None:
    wrong = {}
    if not is_email_address(email) or len(email) > 255:
        wrong["email"] = "Enter an e-mail address, such as ann@example.com."
    if draft.role not in set(Role):
        wrong["role"] = "Choose a role."
    if not is_known and not draft.name.strip():
        wrong["name"] = "Enter a name."
    if not is_known and len(draft.password) < MIN_PASSWORD:
        wrong["password"] = _TOO_SHORT
    if wrong:
        raise Invalid(" ".join(wrong.values()), wrong)
