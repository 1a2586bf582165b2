"""The specification's steps, by its own labels, for the walks that need them."""

from playwright.sync_api import Page, expect

from tests.product import PASSWORD, Product


def sign_in(page: Page, product: Product, who: str = "admin") -> None:
    """Sign in as one of the demo people."""
    page.goto(product.url + "/login")
    page.get_by_label("Email").fill(f"{who}@example.com")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(lambda url: "/login" not in url)


def connect(page: Page, product: Product, *, email: str = "admin@crm.example", key: str = "ZSC-DEMO-KEY") -> None:
    """Settings > Integrations > Zoho Apps > Connect > Connect > e-mail and key > Save."""
    page.goto(product.url + "/settings/integrations/zoho-apps")
    page.get_by_role("link", name="Connect").first.click()
    page.get_by_role("link", name="Connect").first.click()
    page.get_by_label("Email Address").fill(email)
    page.get_by_label("Zoho CRM ZSC Key").fill(key)
    page.get_by_role("button", name="Save", exact=True).first.click()


def next_step(page: Page) -> None:
    page.get_by_role("button", name="Next", exact=True).click()


def configure(
    page: Page,
    product: Product,
    *,
    module: str = "Accounts and their Contacts",
    include_loose: bool = False,
    extent: str = "Fetch from CRM",
    policy: str = "Skip",
    finish: str = "Save and Sync",
) -> None:
    """The five steps, then Save and Sync (or another button)."""
    page.goto(product.url + "/settings/integrations/zoho-crm/customers")
    page.get_by_label(module, exact=True).check()
    if include_loose:
        page.get_by_label("Include contacts that are not associated to any accounts in Zoho CRM").check()
    next_step(page)
    page.get_by_label(extent).check()
    next_step(page)
    page.get_by_label(policy).check()
    next_step(page)
    next_step(page)
    next_step(page)
    page.get_by_role("button", name=finish, exact=True).click()


def await_runs(page: Page, product: Product, *, count: int, status: str = "Succeeded", seconds: int = 120) -> None:
    """Wait until the history shows `count` runs of this status."""
    for _ in range(seconds * 2):
        page.goto(product.url + "/settings/integrations/zoho-crm/history")
        if page.get_by_role("row").filter(has_text=status).count() >= count:
            return
        page.wait_for_timeout(500)
    expect(page.get_by_role("row").filter(has_text=status)).to_have_count(count)


# Inside of a date field the browser's own calendar button takes the focus and shows it itself.
FOCUSED = """() => {
  const element = document.activeElement, style = getComputedStyle(element);
  const label = element.getAttribute("aria-label") || (element.labels?.[0]?.textContent ?? "") || element.textContent;
  const outlined = (style) => style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0;
  const shown = outlined(style) || outlined(getComputedStyle(element, "::after")) || style.boxShadow !== "none"
    || !element.matches(":focus") || getComputedStyle(element.parentElement).boxShadow !== "none";
  return [label.trim().replace(/\\s+/g, " "), shown, element.tagName];
}"""


def tab_to(page: Page, name: str, key: str = "Tab") -> None:
    """Go on with Tab until the element of this name has the focus; whatever has it on the way must show it."""
    for _ in range(90):
        page.keyboard.press(key)
        label, is_shown, tag = page.evaluate(FOCUSED)
        if tag not in ("BODY", "MAIN"):
            assert is_shown, f"one cannot see that {tag} “{label}” has the focus"
        if label == name or label.startswith(f"{name} "):
            return
    raise AssertionError(f"Tab never comes to {name}")
