"""A person at the stand-in CRM's pages: opens them, follows links, fills in forms as a browser sends them."""

from html.parser import HTMLParser

from werkzeug.datastructures import MultiDict


class Person:
    """Sits at this machine. `open` wants a page, `submit` sends the one form of a page with some values changed."""

    def __init__(self, app):
        self.client = app.test_client()

    def open(self, path):
        answer = self.client.get(path)
        assert answer.status_code == 200, f"{path}: {answer.status}"
        return answer.text

    def submit(self, path, **changes):
        """The answer to the form on that page; a value of None leaves a control empty."""
        form = form_of(self.open(path))
        for name, value in changes.items():
            assert name in form.names, f"the form has no {name}, only {sorted(form.names)}"
            form.values.setlist(name, value if isinstance(value, list) else [] if value is None else [value])
        return self.client.post(form.action or path, data=form.values)

    def press(self, path, label):
        """Press a button that stands alone in its form."""
        buttons = [form for form in _read(self.open(path)).forms if form.label == label]
        assert len(buttons) == 1, f"{path} has {len(buttons)} buttons {label!r}"
        return self.client.post(buttons[0].action, data=buttons[0].values)


class Form:
    """What a browser would send: the values by name, the address, the names that exist, the button's label."""

    def __init__(self, action, *, is_button):
        self.action = action
        self.is_button = is_button
        self.values = MultiDict()
        self.names = set()
        self.label = ""


def form_of(page):
    """The one form of a page that is more than a button."""
    forms = [form for form in _read(page).forms if not form.is_button]
    assert len(forms) == 1, f"{len(forms)} forms"
    return forms[0]


def links_of(page):
    return _read(page).links


def _read(page):
    reader = _Reader()
    reader.feed(page)
    return reader


class _Reader(HTMLParser):
    """Collects links and posting forms."""

    def __init__(self):
        super().__init__()
        self.links, self.forms = [], []
        self._form = self._select = self._area = None
        self._button = False

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        if tag == "a" and "href" in values:
            self.links.append(values["href"])
        if tag == "form" and values.get("method") == "post":
            self._form = Form(values.get("action"), is_button=values.get("class") == "inline")
            self.forms.append(self._form)
        if self._form is not None and tag in ("input", "select", "textarea", "option", "button"):
            getattr(self, f"_{tag}_of")(values)

    def handle_endtag(self, tag):
        if tag == "form":
            self._form = None
        if tag == "textarea" and self._area:
            self._form.values[self._area[0]] = self._area[1].removeprefix("\n").replace("\n", "\r\n")
            self._area = None
        if tag == "button":
            self._button = False
        if tag == "select":
            self._select = None

    def handle_data(self, data):
        if self._area:
            self._area = (self._area[0], self._area[1] + data)
        if self._button and self._form is not None:
            self._form.label = data

    def _input_of(self, values):
        self._form.names.add(values["name"])
        if values.get("type") != "checkbox" or "checked" in values:
            self._form.values.add(values["name"], values.get("value") or "")

    def _select_of(self, values):
        self._form.names.add(values["name"])
        self._select = (values["name"], "multiple" in values)

    def _option_of(self, values):
        if self._select is None:  # of a datalist
            return
        name, takes_many = self._select
        if takes_many and "selected" in values:
            self._form.values.add(name, values["value"])
        elif not takes_many and ("selected" in values or name not in self._form.values):
            self._form.values[name] = values["value"]

    def _textarea_of(self, values):
        self._form.names.add(values["name"])
        self._area = (values["name"], "")

    def _button_of(self, values):
        self._button = True
        if values.get("name"):
            self._form.values[values["name"]] = values["value"]
