"""The people of the tests: each is signed in with a browser of their own."""

from dataclasses import dataclass

from argon2 import PasswordHasher
from flask import Flask, g
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from zbweb.billing.journal import Actor
from zbweb.billing.models import Membership, Organisation, User
from zbweb.db import db, unit_of_work, work_for

PASSWORD = "correct horse"
_CHEAP_HASH = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)


@dataclass(frozen=True)
class Person:
    """A signed-in member: `get` and `post` speak as their browser."""

    id: int
    name: str
    organisation_id: int
    client: FlaskClient

    @classmethod
    def make(cls, app: Flask, email: str, name: str, role: str, *, organisation: str = "Zylker Ltd") -> "Person":
        with unit_of_work() as session:
            work_for(session, None)
            home = session.scalar(select(Organisation).where(Organisation.name == organisation))
            if home is None:
                home = Organisation(name=organisation, base_currency="USD", time_zone="America/New_York", country="US")
                session.add(home)
            user = User(email=email, name=name, password_hash=_CHEAP_HASH)
            session.add(user)
            session.flush()  # the membership needs both ids
            session.add(Membership(organisation_id=home.id, user_id=user.id, role=role))
        client = app.test_client()
        _forget_last_request()
        answer = client.post("/login", data={"email": email, "password": PASSWORD})
        assert answer.status_code == 302, answer.text
        work_for(db.session(), home.id)
        return cls(user.id, name, home.id, client)

    @property
    def actor(self) -> Actor:
        return Actor(self.name, user_id=self.id)

    def get(self, path: str, **kwargs) -> TestResponse:
        return self._ask(self.client.get, path, **kwargs)

    def post(self, path: str, data=None, **kwargs) -> TestResponse:
        return self._ask(self.client.post, path, data=data or {}, **kwargs)

    def _ask(self, method, path: str, **kwargs) -> TestResponse:
        _forget_last_request()
        answer = method(path, **kwargs)
        work_for(db.session(), self.organisation_id)
        return answer


def _forget_last_request() -> None:
    """The tests keep one app context open: who asked last must not be taken for who asks now."""
    for name in list(g):
        g.pop(name)
    work_for(db.session(), None)
