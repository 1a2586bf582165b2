"""Changing one's own password."""

import pytest

from tests.people import PASSWORD

NEW = "another long password"


def change(person, present=PASSWORD, wanted=NEW, repeated=None):
    return person.post(
        "/password", {"present": present, "wanted": wanted, "repeated": wanted if repeated is None else repeated}
    )


def sign_in(client, password):
    return client.post("/login", data={"email": "asha@zylker.example", "password": password}).status_code


def test_the_new_password_opens_the_door_and_the_old_one_does_not(app, asha):
    assert change(asha).status_code == 303
    assert asha.get("/").status_code == 200
    assert sign_in(app.test_client(), PASSWORD) == 422
    assert sign_in(app.test_client(), NEW) == 302


def test_every_other_browser_is_signed_out(app, asha):
    elsewhere = app.test_client()
    assert sign_in(elsewhere, PASSWORD) == 302
    change(asha)
    assert elsewhere.get("/").location.startswith("/login")


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({"present": "wrong"}, "That is not your present password."),
        ({"present": ""}, "Enter the password you have."),
        ({"wanted": "short"}, "Use at least 10 characters."),
        ({"repeated": ""}, "Enter the new password once more."),
        ({"repeated": "something else"}, "This differs from the new password above."),
    ],
)
def test_a_refusal_stands_at_its_field_and_changes_nothing(app, asha, typed, sentence):
    answer = change(asha, **typed)
    assert answer.status_code == 422
    assert sentence in answer.text
    assert sign_in(app.test_client(), PASSWORD) == 302


def test_each_field_is_marked_as_required(asha):
    assert asha.get("/password").text.count('class="required"') == 3


def test_sales_people_change_theirs_too(ben):
    assert "Change password" in ben.get("/").text
    assert change(ben).status_code == 303
