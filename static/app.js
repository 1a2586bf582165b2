// Behaviour that HTML does not have: dialogs that open on swapped content, questions, tabs, shortcuts, guards.
// Everything is found by attribute at the moment of the event, so swapped content needs no set-up.
"use strict";
(() => {
  const $ = (selector, root = document) => root.querySelector(selector);
  const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
  const on = (type, listener, options) => document.addEventListener(type, listener, options);
  const make = (tag, className, text = "") => Object.assign(document.createElement(tag), { className, textContent: text });
  const store = {
    get(key) { try { return localStorage.getItem(key); } catch { return null; } },
    set(key, value) { try { localStorage.setItem(key, value); } catch { /* forbidden storage: not remembered */ } },
  };

  // ---- Messages: one live region speaks, toasts show.
  const say = (text) => {
    $("#live").textContent = "";
    setTimeout(() => { $("#live").textContent = text; }, 60);
  };

  const toast = ({ message, tone = "success" }) => {
    const box = make("div", `toast toast-${tone}`);
    const close = make("button", "button button-icon button-quiet", "×");
    close.type = "button";
    close.setAttribute("aria-label", "Dismiss message");
    close.dataset.dismiss = "";
    box.append(make("p", "", message), close);
    // A modal dialog covers everything outside of it, so the message goes inside.
    ($("dialog[open] .toasts") ?? openDialog()?.appendChild(make("div", "toasts")) ?? $("#toasts")).append(box);
    if (tone === "success" || tone === "info") setTimeout(() => box.remove(), 7000);
    say(message);
  };
  on("toast", (event) => toast(event.detail));

  // ---- Dialogs: #dialog and #sidebar open once htmx has put something into them.
  const openers = new WeakMap();
  const openDialog = () => $$("dialog[open]").at(-1);

  const focusFirst = (root) => {
    const wrong = $("[data-form-errors]", root) ?? $("[aria-invalid=true]", root);
    const field = $("[autofocus], input:not([type=hidden], :disabled), select, textarea", root);
    (wrong ?? field ?? $("[id$=-title]", root))?.focus();
  };

  on("htmx:afterSettle", ({ detail }) => {
    const dialog = detail.target.closest("dialog");
    const isShell = dialog && detail.target.id === `${dialog.id}-body`;
    if (isShell && !dialog.open) {
      openers.set(dialog, detail.requestConfig?.elt ?? document.activeElement);
      dialog.showModal();
    }
    if (isShell || $("[data-form-errors]", detail.target)) focusFirst(detail.target);
    countSelected();
  });

  on("closeDialog", (event) => (event.target.closest("dialog[open]") ?? openDialog())?.close());

  on("close", ({ target: dialog }) => {
    const opener = openers.get(dialog);
    $(`#${dialog.id}-body`)?.replaceChildren();
    $(".toasts", dialog)?.remove();
    if (!opener) return;
    openers.delete(dialog);
    (opener.isConnected ? opener : $(`[id="${opener.id}"]`) ?? $("#main")).focus();
  }, true);

  // ---- Questions: hx-confirm, and data-confirm on a plain button or form.
  const ask = (question, button) => new Promise((resolve) => {
    const dialog = $("#confirm");
    $("#confirm-text").textContent = question;
    $("#confirm-yes").textContent = button.dataset.confirmLabel ?? (button.matches("button, a") ? button.textContent.trim() : "Continue");
    $("#confirm-yes").className = `button button-${button.matches("[class*=button-danger]") ? "danger-solid" : "primary"}`;
    dialog.returnValue = "cancel";
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
    dialog.showModal();
  });

  on("htmx:confirm", (event) => {
    if (!event.detail.question) return;
    event.preventDefault();
    ask(event.detail.question, event.detail.elt).then((yes) => yes && event.detail.issueRequest(true));
  });

  on("submit", (event) => {
    const { target: form, submitter } = event;
    const asking = [submitter, form].find((element) => element?.dataset.confirm);
    if (!asking || form.dataset.agreed) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    ask(asking.dataset.confirm, asking).then((yes) => {
      if (!yes) return;
      form.dataset.agreed = "yes";
      form.requestSubmit(submitter);
      delete form.dataset.agreed;
    });
  }, true);

  // ---- Forms: no second submit while one is on its way, no lost typing, selects that submit at once.
  const settle = (form) => {
    delete form.dataset.busy;
    $$("[data-pressed]", form).forEach((button) => delete button.dataset.pressed);
  };

  on("submit", (event) => {
    const { target: form, submitter } = event;
    if (form.method !== "post") return;
    if (form.dataset.busy !== undefined) {
      event.preventDefault();
      event.stopImmediatePropagation();
      return;
    }
    form.dataset.busy = "";
    if (submitter) submitter.dataset.pressed = "";
    delete form.dataset.dirty;
  }, true);
  // A script that took the submit over (validation, a download) leaves the page standing: free the form again.
  on("submit", (event) => event.defaultPrevented && !event.target.matches("[hx-post], [hx-put], [hx-patch], [hx-delete]") && settle(event.target));
  on("htmx:afterRequest", ({ detail }) => { const form = detail.elt.closest("form"); if (form) settle(form); });
  on("htmx:validation:halted", ({ target }) => { const form = target.closest("form"); if (form) settle(form); });
  addEventListener("pageshow", () => $$("form[data-busy]").forEach(settle));

  on("input", ({ target }) => { const form = target.closest?.("form[data-guard]"); if (form) form.dataset.dirty = ""; });
  on("click", ({ target }) => { const link = target.closest?.("a[data-with-query]"); if (link) link.search = location.search; });
  on("input", ({ target }) => { if (target.dataset?.chooses) document.getElementById(target.dataset.chooses).checked = true; });
  addEventListener("beforeunload", (event) => { if ($("form[data-dirty]")) event.preventDefault(); });
  on("change", ({ target }) => { if (target.matches("[data-submit-on-change]")) target.form.requestSubmit(); });

  // ---- Lists: select all, and the bar that says how many.
  const countSelected = () => $$("[data-bulk-bar]").forEach((bar) => {
    const boxes = $$(`[data-select-row][form="${bar.id}"]:not(:disabled)`);
    const chosen = boxes.filter((box) => box.checked).length;
    bar.toggleAttribute("data-shown", chosen > 0);
    $("[data-bulk-count]", bar).textContent = chosen;
    $$("[data-select-all]").forEach((all) => {
      all.checked = chosen > 0 && chosen === boxes.length;
      all.indeterminate = chosen > 0 && chosen < boxes.length;
    });
  });
  const selectAll = (root, checked) => $$("[data-select-row]:not(:disabled)", root).forEach((box) => { box.checked = checked; });
  on("change", ({ target }) => {
    if (target.matches("[data-select-all]")) selectAll(target.closest("table"), target.checked);
    if (target.matches("[data-select-all], [data-select-row]")) countSelected();
  });

  // ---- Tabs within a page (WAI-ARIA authoring practices: arrows move and open).
  const showTab = (tab, focus = false) => {
    $$("[role=tab]", tab.parentElement).forEach((other) => {
      other.setAttribute("aria-selected", String(other === tab));
      other.tabIndex = other === tab ? 0 : -1;
      document.getElementById(other.getAttribute("aria-controls"))?.toggleAttribute("data-shown", other === tab);
    });
    document.getElementById(tab.getAttribute("aria-controls"))?.dispatchEvent(new CustomEvent("tabshown", { bubbles: true }));
    if (focus) tab.focus();
  };
  on("keydown", (event) => {
    if (!event.target.matches("[role=tab]")) return;
    const tabs = $$("[role=tab]", event.target.parentElement);
    const at = tabs.indexOf(event.target);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1 + tabs.length, Home: 0, End: tabs.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    showTab(tabs[to % tabs.length], true);
  });

  // ---- Clicks on what the templates mark.
  const clicks = {
    "[data-close-dialog]": (button) => button.closest("dialog")?.close(),
    "[data-dismiss]": (button) => button.parentElement.remove(),
    "[data-open-shortcuts]": () => showShortcuts(),
    "[data-clear-selection]": () => { selectAll(document, false); countSelected(); },
    "[data-print]": () => print(),
    "[data-retry]": (button) => askAgain(button.closest("[hx-get]")),
    "[role=tab]": (tab) => showTab(tab),
    "[data-form-errors] a": (link, event) => { event.preventDefault(); focusField(link); },
  };
  const focusField = (link) => {
    const element = $(`[id="${link.hash.slice(1)}"]`, link.closest("form") ?? document);
    (element?.matches("fieldset") ? $("input", element) : element)?.focus();
  };
  on("click", (event) => {
    $$("details.menu[open]").filter((menu) => !menu.contains(event.target)).forEach((menu) => { menu.open = false; });
    if (event.target.matches("dialog.dialog")) event.target.close(); // the veil around it
    Object.entries(clicks).forEach(([selector, act]) => {
      const hit = event.target.closest(selector);
      if (hit) act(hit, event);
    });
  });

  // ---- Keyboard. Single letters can be switched off in the help sheet (WCAG 2.1.4).
  const lettersOn = () => store.get("letters") !== "off";
  let afterG = 0;

  const showShortcuts = () => {
    const letters = $("#letter-shortcuts");
    const list = $("#letter-list");
    letters.checked = lettersOn();
    list.classList.toggle("muted", !letters.checked);
    $$("div + div", list).forEach((row) => row.remove());
    $$("[data-go]").forEach((link) => {
      const row = make("div", "");
      const keys = make("dd", "");
      keys.append(make("kbd", "", "G"), " ", make("kbd", "", link.dataset.go.toUpperCase()));
      row.append(make("dt", "", link.textContent.trim()), keys);
      list.append(row);
    });
    $("#shortcuts").showModal();
  };

  const chords = {
    k: () => $("#quick-search"),
    s: () => $("[data-save]:not(:disabled)", openDialog() ?? $("main")),
  };
  const chord = (event) => {
    const target = chords[event.key.toLowerCase()]?.();
    if (!target) return;
    event.preventDefault();
    if (target.matches("input")) target.select();
    else target.click();
  };
  const letter = (event) => {
    if (event.key === "?") return showShortcuts();
    if (event.key === "g") { afterG = event.timeStamp; return; }
    if (event.timeStamp - afterG < 1200) $(`[data-go="${CSS.escape(event.key)}"]`)?.click();
  };
  const dismissMenu = () => {
    const menu = $$("details.menu[open]").at(-1);
    if (!menu) return;
    menu.open = false;
    $("summary", menu).focus();
  };
  on("keydown", (event) => {
    const typing = event.target.matches("input:not([type=checkbox], [type=radio]), select, textarea, [contenteditable]");
    if (event.key === "Escape") dismissMenu();
    else if ((event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey) chord(event);
    else if (!typing && !openDialog() && !event.altKey && lettersOn()) letter(event);
  });
  on("change", ({ target }) => {
    if (target.id !== "letter-shortcuts") return;
    store.set("letters", target.checked ? "on" : "off");
    $("#letter-list").classList.toggle("muted", !target.checked);
  });

  // ---- What the server's answers mean: a refusal becomes a toast, a slow answer a bar at the top.
  const refusal = ({ responseText }) => responseText.includes("data-error-fragment")
    ? $("[data-error-fragment]", new DOMParser().parseFromString(responseText, "text/html")) : null;
  on("htmx:beforeSwap", ({ detail }) => {
    if (!refusal(detail.xhr)) return;
    detail.shouldSwap = false;
    detail.isError = true;
  });
  // A poll that fails is no news to anybody: the next one asks again, and finds the server when it is back.
  const isPoll = ({ elt }) => elt.getAttribute("hx-trigger")?.startsWith("every ");
  const isAway = ({ xhr }) => xhr.status === 0 || xhr.status >= 502;
  // What a page asks for once it stands: a sentence and Retry take the place of the grey lines.
  const isPanel = ({ elt }) => elt.getAttribute("hx-trigger") === "load";
  const promised = new WeakMap();
  const offerRetry = (panel, message) => {
    const box = make("div", "row-between");
    const retry = make("button", "button button-small", "Retry");
    retry.type = "button";
    retry.dataset.retry = "";
    box.append(make("p", "muted", message), retry);
    promised.set(panel, [...panel.childNodes]);
    panel.replaceChildren(box);
    say(message);
  };
  const askAgain = (panel) => {
    panel.replaceChildren(...promised.get(panel));
    htmx.ajax("GET", panel.getAttribute("hx-get"), { source: panel });
  };

  const complain = (detail, message) => {
    if (isPanel(detail)) offerRetry(detail.elt, message);
    else if (!(isPoll(detail) && isAway(detail))) toast({ message, tone: "danger" });
  };
  on("htmx:responseError", ({ detail }) => {
    complain(detail, refusal(detail.xhr)?.textContent.trim()
      || (isPanel(detail) ? "This could not be loaded." : "That did not work. Reload the page and try again."));
  });
  on("htmx:sendError", ({ detail }) => complain(detail, "The server could not be reached. Check the connection and try again."));

  let waiting = 0;
  const wait = (change) => {
    waiting = Math.max(0, waiting + change);
    setTimeout(() => $("#loading").toggleAttribute("data-on", waiting > 0), 250);
  };
  const isUnasked = (detail) => detail.requestConfig?.triggeringEvent === undefined;
  on("htmx:beforeRequest", ({ detail }) => isUnasked(detail) || wait(1));
  on("htmx:afterRequest", ({ detail }) => isUnasked(detail) || wait(-1));

  // ---- Tables wider than their place: the keyboard can scroll them, and a screen reader says what they are.
  const letScroll = () => $$(".table-scroll").forEach((box) => {
    const isWide = box.scrollWidth > box.clientWidth;
    for (const [name, value] of [["tabindex", "0"], ["role", "region"], ["aria-label", $("caption", box)?.textContent ?? ""]]) {
      if (isWide) box.setAttribute(name, value); else box.removeAttribute(name);
    }
  });
  on("htmx:afterSettle", letScroll);
  addEventListener("resize", letScroll);

  // ---- Words that are cut short are told in full to the pointer.
  on("mouseover", ({ target }) => {
    const cut = target.closest?.(".clip");
    if (cut && cut.scrollWidth > cut.clientWidth) cut.title = cut.textContent.trim();
  });

  // ---- At load.
  letScroll();
  if ($("[data-form-errors], main [aria-invalid=true]")) focusFirst($("main"));
  const flashed = $$("[data-flash]").map((message) => message.textContent.trim()).join(" ");
  if (flashed) say(flashed);
  countSelected();
})();
