"""A person at a running product, without a browser: keeps the cookie, sends the CSRF token with every form."""

import re
from dataclasses import dataclass

import urllib3


@dataclass(frozen=True)
class Answer:
    """What came back, spelled as the test client of Flask spells it."""

    status_code: int
    text: str
    location: str


class Visitor:
    """`get` and `post` speak to the product at `url`; redirects are not followed."""

    def __init__(self, url: str) -> None:
        self.url, self._cookie, self._token = url, "", ""
        self._http = urllib3.PoolManager(retries=False, timeout=60)

    def get(self, path: str) -> Answer:
        return self._ask("GET", path)

    def post(self, path: str, data: dict | None = None) -> Answer:
        if not self._token:
            page = self.get("/login").text
            self._token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)[1]
        return self._ask("POST", path, fields={**(data or {}), "csrf_token": self._token}, encode_multipart=False)

    def sign_in(self, email: str, password: str) -> None:
        assert self.post("/login", {"email": email, "password": password}).status_code == 302
        self._token = re.search(r'X-CSRFToken": "([^"]+)"', self.get("/").text)[1]

    def _ask(self, method: str, path: str, **more) -> Answer:
        headers = {"Cookie": self._cookie, "Connection": "close"}
        found = self._http.request(method, self.url + path, headers=headers, redirect=False, **more)
        self._cookie = found.headers.get("Set-Cookie", self._cookie).split(";")[0]
        return Answer(found.status, found.data.decode(errors="replace"), found.headers.get("Location", ""))
