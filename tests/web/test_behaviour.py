"""What static/app.js adds to the pages, tried in a browser on a specimen page made of the real macros."""

import os
import shutil
import threading
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from flask import Flask, Response, make_response, render_template
from flask_wtf import CSRFProtect, FlaskForm
from jinja2 import ChoiceLoader, DictLoader
from playwright.sync_api import expect
from werkzeug.serving import make_server
from wtforms import StringField
from wtforms.validators import InputRequired

from zbweb.web import filters, htmx, security

ROOT = Path(__file__).parents[2]
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")

SPECIMEN = """
{% extends "base.html" %}
{% block heading %}<h1>Specimen</h1>{% endblock %}
{% block content %}
  <p id="saved" hx-get="/word" hx-trigger="paymentSaved from:body">nothing yet</p>
  {{ ui.dialog_link("Record Payment", "/payment") }}
  {{ ui.dialog_link("Link Potential", "/potentials", into="sidebar") }}
  {% call ui.menu("More") %}
    <li>{{ ui.post_button("Void", "/done", tone="danger", confirm="Void INV-7? It keeps its number.") }}</li>
  {% endcall %}
  <button type="button" class="button" hx-post="/refused" hx-target="#saved">Refused</button>
  <form method="post" action="/done" data-guard>
    {{ ui.csrf() }}<label for="notes">Notes</label><input id="notes" name="notes" class="input">
    {{ ui.button("Save", tone="primary", save=true) }}
  </form>
  {% call ui.table("Invoices") %}
    <thead><tr>{{ ui.select_all("invoices") }}<th scope="col">Number</th></tr></thead>
    <tbody>
      {% for number in ("INV-1", "INV-2", "INV-3") %}
        <tr>{{ ui.select_row(number, number, disabled="It is paid." if loop.last) }}
          <th scope="row">{{ number }}</th></tr>
      {% endfor %}
    </tbody>
  {% endcall %}
  {% call ui.bulk_bar("/done") %}{{ ui.button("Mark as Sent", name="action", value="sent") }}{% endcall %}
{% endblock %}
"""
PAYMENT = """
{% block panel %}{% call ui.panel("Record Payment") %}
  <form method="post" action="/payment" hx-post="/payment" hx-target="#dialog-body" novalidate>
    {{ form.hidden_tag() }}{{ ui.form_errors(form) }}
    {{ ui.field(form.payer) }}{{ ui.button("Save payment", save=true) }}
  </form>
{% endcall %}{% endblock %}
"""
POTENTIALS = """
{% block panel %}{% call ui.panel("Acme in Zoho CRM", into="sidebar") %}
  {{ ui.tabs("crm", [("details", "Details"), ("potentials", "Potentials")], "details", label="CRM") }}
  {% call ui.tab_panel("crm", "details", selected=true) %}Owner: Asha{% endcall %}
  {% call ui.tab_panel("crm", "potentials") %}Big deal{% endcall %}
{% endcall %}{% endblock %}
"""


class PaymentForm(FlaskForm):
    payer = StringField("Payer", [InputRequired("Enter who paid.")])


def specimen_app() -> Flask:
    app = Flask("specimen", template_folder=str(ROOT / "templates"), static_folder=str(ROOT / "static"))
    app.secret_key = "a secret of the tests"
    own = DictLoader({"specimen.html": SPECIMEN, "payment.html": PAYMENT, "potentials.html": POTENTIALS})
    app.jinja_loader = ChoiceLoader([own, app.jinja_loader])
    app.after_request(security._harden)
    CSRFProtect(app)
    filters.register(app)
    app.add_url_rule("/", "specimen", lambda: render_template("specimen.html"))
    app.add_url_rule("/word", "word", lambda: "refreshed")
    app.add_url_rule("/done", "done", lambda: "<title>Done</title>Done", methods=["POST"])
    app.add_url_rule("/potentials", "potentials", lambda: htmx.block("potentials.html", "panel"))

    @app.route("/payment", methods=["GET", "POST"])
    def payment() -> Response:
        form = PaymentForm()
        if form.validate_on_submit():
            answer = htmx.trigger(make_response("", 204), "closeDialog")
            return htmx.toast(htmx.trigger(answer, "paymentSaved"), "Payment recorded.")
        return htmx.block("payment.html", "panel", form=form, status=422 if form.is_submitted() else 200)

    @app.post("/refused")
    def refused() -> tuple[str, int]:
        return render_template("errors/fragment.html", message="The invoice was paid meanwhile."), 409

    return app


@pytest.fixture(scope="session")
def base_url():
    server = make_server("127.0.0.1", 0, specimen_app(), threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args):
    return {**browser_type_launch_args, "executable_path": CHROMIUM, "args": ["--no-sandbox", "--disable-gpu"]}


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args):
    return {**browser_context_args, "reduced_motion": "reduce"}


@pytest.fixture
def specimen(page, base_url):
    """The specimen page; a script's error or a breach of the Content-Security-Policy fails the test."""
    wrong = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda said: wrong.append(said.text) if "Content Security Policy" in said.text else None)
    page.goto(base_url)
    yield page
    assert not wrong


def test_a_dialog_opens_on_what_was_swapped_in_and_keeps_wrong_input(specimen):
    specimen.get_by_role("link", name="Record Payment").click()
    expect(specimen.get_by_role("dialog", name="Record Payment")).to_be_visible()
    expect(specimen.get_by_label("Payer")).to_be_focused()
    specimen.keyboard.press("Control+s")
    expect(specimen.get_by_role("alert")).to_be_focused()
    expect(specimen.get_by_label("Payer")).to_have_attribute("aria-invalid", "true")
    specimen.get_by_role("alert").get_by_role("link", name="Payer").click()
    expect(specimen.get_by_label("Payer")).to_be_focused()


def test_a_dialog_that_did_its_work_closes_refreshes_the_page_and_says_so(specimen):
    opener = specimen.get_by_role("link", name="Record Payment")
    opener.click()
    specimen.get_by_label("Payer").fill("Acme")
    specimen.get_by_role("button", name="Save payment").click()
    expect(specimen.locator("#dialog")).to_be_hidden()
    expect(opener).to_be_focused()
    expect(specimen.locator("#saved")).to_have_text("refreshed")
    expect(specimen.get_by_role("status")).to_have_text("Payment recorded.")
    expect(specimen.locator(".toast")).to_contain_text("Payment recorded.")


def test_escape_closes_the_sidebar_and_the_focus_goes_back(specimen):
    opener = specimen.get_by_role("link", name="Link Potential")
    opener.click()
    expect(specimen.get_by_role("dialog", name="Acme in Zoho CRM")).to_be_visible()
    specimen.keyboard.press("Escape")
    expect(specimen.locator("#sidebar")).to_be_hidden()
    expect(opener).to_be_focused()


def test_arrows_move_among_tabs(specimen):
    specimen.get_by_role("link", name="Link Potential").click()
    details, potentials = specimen.get_by_role("tab", name="Details"), specimen.get_by_role("tab", name="Potentials")
    expect(specimen.get_by_text("Big deal")).to_be_hidden()
    details.focus()
    specimen.keyboard.press("ArrowRight")
    expect(potentials).to_have_attribute("aria-selected", "true")
    expect(potentials).to_be_focused()
    expect(specimen.get_by_text("Big deal")).to_be_visible()
    specimen.keyboard.press("ArrowRight")
    expect(specimen.get_by_text("Owner: Asha")).to_be_visible()


def test_a_question_is_asked_before_a_plain_form_is_sent(specimen, base_url):
    specimen.get_by_text("More", exact=True).click()
    specimen.get_by_role("button", name="Void").click()
    question = specimen.get_by_role("dialog", name="Please confirm")
    expect(question).to_contain_text("Void INV-7? It keeps its number.")
    question.get_by_role("button", name="Cancel").click()
    expect(specimen).to_have_url(base_url)
    specimen.get_by_text("More", exact=True).click()
    specimen.get_by_role("button", name="Void").click()
    question.get_by_role("button", name="Void").click()
    expect(specimen).to_have_title("Done")


def test_a_refusal_is_a_toast_and_leaves_the_page_as_it_is(specimen):
    specimen.get_by_role("button", name="Refused").click()
    expect(specimen.locator(".toast-danger")).to_contain_text("The invoice was paid meanwhile.")
    expect(specimen.locator("#saved")).to_have_text("nothing yet")


def test_the_bulk_bar_counts_what_can_be_selected(specimen):
    bar = specimen.locator("[data-bulk-bar]")
    expect(bar).to_be_hidden()
    specimen.get_by_label("Select all invoices on this page").check()
    expect(bar).to_contain_text("2 selected")
    specimen.get_by_label("Select INV-1").uncheck()
    expect(bar).to_contain_text("1 selected")
    bar.get_by_role("button", name="Clear").click()
    expect(bar).to_be_hidden()


def test_unsaved_typing_is_not_left_without_a_warning_but_saving_is(specimen, base_url):
    asked = []
    specimen.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
    specimen.get_by_label("Notes").fill("half a sentence")
    specimen.goto(base_url)
    assert asked == ["beforeunload"]
    specimen.get_by_label("Notes").fill("a whole sentence")
    specimen.keyboard.press("Control+s")
    expect(specimen).to_have_title("Done")
    assert asked == ["beforeunload"]


def test_a_form_is_sent_once_however_often_one_presses(specimen):
    sent = []
    specimen.on("request", lambda request: sent.append(request.url) if request.method == "POST" else None)
    specimen.get_by_role("button", name="Save").dblclick()
    expect(specimen).to_have_title("Done")
    assert len(sent) == 1


def test_single_letters_are_shortcuts_until_they_are_switched_off(specimen):
    sheet = specimen.get_by_role("dialog", name="Keyboard shortcuts")
    specimen.keyboard.press("?")
    expect(sheet).to_be_visible()
    sheet.get_by_label("Shortcuts of single letters").uncheck()
    specimen.keyboard.press("Escape")
    specimen.keyboard.press("?")
    expect(sheet).to_be_hidden()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_pieces_are_accessible_in_both_themes(specimen, scheme):
    specimen.emulate_media(color_scheme=scheme)
    found = Axe().run(specimen)
    assert found.violations_count == 0, found.generate_report()
    specimen.get_by_role("link", name="Link Potential").click()
    expect(specimen.get_by_role("dialog")).to_be_visible()
    found = Axe().run(specimen)
    assert found.violations_count == 0, found.generate_report()


def test_forms_and_dialogs_are_plain_pages_without_a_script(new_context, base_url):
    page = new_context(java_script_enabled=False).new_page()
    page.goto(base_url)
    expect(page.get_by_role("button", name="Mark as Sent")).to_be_visible()
    page.get_by_role("link", name="Link Potential").click()
    expect(page.get_by_text("Owner: Asha")).to_be_visible()
    expect(page.get_by_text("Big deal")).to_be_visible()
