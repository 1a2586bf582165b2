// The editor of a document: suggestions while one types, and rows that come, go and move. Totals are the server's.
// Everything here has a plain form behind it: without this file the same buttons submit.
"use strict";
(() => {
  const $ = (selector, root = document) => root.querySelector(selector);
  const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
  const form = $("form[data-editor]");
  if (!form) return;

  const touched = () => { form.dataset.dirty = ""; form.dispatchEvent(new CustomEvent("recalculate")); };
  const say = (text) => { $("#live").textContent = text; };

  // ---- Suggestions (WAI-ARIA combobox with a list box): arrows choose, Enter takes, Escape closes.
  const listOf = (input) => $(".combobox-list", input.closest(".combobox"));
  const options = (list) => $$("[role=option]", list);
  const active = (list) => $("[aria-selected=true]", list);

  const show = (input, isOpen) => {
    const list = listOf(input);
    list.hidden = !isOpen || !list.children.length;
    input.setAttribute("aria-expanded", String(!list.hidden));
    if (list.hidden) mark(input, null);
  };
  const mark = (input, option) => {
    options(listOf(input)).forEach((each) => each.setAttribute("aria-selected", String(each === option)));
    if (!option) return input.removeAttribute("aria-activedescendant");
    input.setAttribute("aria-activedescendant", option.id);
    option.scrollIntoView({ block: "nearest" });
  };
  const move = (input, step) => {
    const all = options(listOf(input));
    if (!all.length) return;
    show(input, true);
    const at = all.indexOf(active(listOf(input)));
    mark(input, all[(at + step + (at < 0 && step < 0 ? 1 : 0) + all.length) % all.length]);
  };

  const choose = (option) => {
    htmx.process(option); // htmx itself comes to it a moment after the swap, and the click would be lost
    option.click();
  };

  const comboKeys = {
    ArrowDown: (input) => move(input, 1),
    ArrowUp: (input) => move(input, -1),
    Enter: (input) => {
      const option = active(listOf(input));
      if (option) choose(option);
      else input.dispatchEvent(new Event("change", { bubbles: true }));
      show(input, false);
    },
  };
  form.addEventListener("keydown", (event) => {
    const input = event.target.closest("[role=combobox]");
    if (input && comboKeys[event.key]) {
      event.preventDefault();
      comboKeys[event.key](input);
    } else if (input && event.key === "Escape") {
      show(input, false);
    } else if (event.key === "Enter" && event.target.matches("input")) {
      event.preventDefault(); // a half-typed document is not saved by accident; Ctrl+S saves
    }
  });
  form.addEventListener("focusout", ({ target }) => target.matches("[role=combobox]") && show(target, false));
  // The field keeps the focus: leaving it swaps what surrounds it, and the click would land nowhere.
  form.addEventListener("mousedown", (event) => event.target.closest(".combobox-list, #customer-search") && event.preventDefault());
  form.addEventListener("input", ({ target }) => {
    if (!target.matches("[data-line] [role=combobox]")) return;
    $("[name$='-item_id']", target.closest("[data-line]")).value = ""; // another name is another item
  });
  // A row's amount comes with the totals; its row may have gone meanwhile.
  const placeAmount = ({ dataset, value }) => {
    const place = document.getElementById(dataset.amountOf);
    if (place) place.textContent = value;
  };
  // So does the due date by its terms. One that a person typed stays, and nothing is written where one is typing.
  const due = $("#due_date");
  const dueShown = $("#due_date_shown");
  const placeDueDate = ({ value }) => {
    if (document.activeElement === due || (due.value && due.value !== dueShown.value)) return;
    due.value = dueShown.value = value;
  };
  due.addEventListener("focusout", () => form.dispatchEvent(new CustomEvent("recalculate")));
  document.addEventListener("htmx:afterSwap", ({ detail }) => {
    if (detail.target.id === "customer-field") return touched();
    if (detail.target.id === "totals") {
      $$("[data-amount-of]", detail.target).forEach(placeAmount);
      return $$("[data-due-date]", detail.target).forEach(placeDueDate);
    }
    if (!detail.target.matches(".combobox-list")) return;
    const input = $("[role=combobox]", detail.target.closest(".combobox"));
    if (document.activeElement !== input) return;
    const chosen = input.getAttribute("aria-activedescendant"); // a later answer must not undo the arrow key
    show(input, true);
    mark(input, options(listOf(input)).find((option) => option.id === chosen) ?? null);
  });

  // ---- Items: a suggestion fills its row.
  const put = (line, name, value) => { const field = $(`[name$='-${name}']`, line); if (field) field.value = value; };
  const take = (option) => {
    const line = option.closest("[data-line]");
    const { itemId, name, rate, unit, taxId, description } = option.dataset;
    put(line, "name", name);
    put(line, "rate", rate);
    put(line, "unit", unit);
    put(line, "tax_id", taxId);
    put(line, "item_id", itemId);
    if (description) put(line, "description", description);
    show($("[role=combobox]", line), false);
    touched();
    $("[name$='-quantity']", line).select();
  };
  // A name typed in full takes the item of that name, as long as no rate was typed.
  form.addEventListener("change", ({ target }) => {
    if (!target.matches("[data-line] [role=combobox]")) return;
    const line = target.closest("[data-line]");
    const typed = target.value.trim().toLowerCase();
    const match = options(listOf(target)).find((option) => option.dataset.name.toLowerCase() === typed);
    if (!match || $("[name$='-item_id']", line).value || $("[name$='-rate']", line).value) return;
    const focused = document.activeElement;
    take(match);
    if (focused !== target && focused !== document.body) focused.focus();
  });

  // ---- Rows.
  const body = $("[data-lines]");
  const rows = () => $$("[data-line]", body);
  const isBlank = (row) => ["name", "rate", "description"].every((name) => !$(`[name$='-${name}']`, row).value.trim());

  const number = () => rows().forEach((row, at) => {
    const renamed = (text) => text.replace(/lines-(?:\d+|__i__)-/, `lines-${at}-`);
    $$("[name^='lines-'], [id^='lines-'], [aria-controls^='lines-'], [aria-describedby^='lines-']", row).forEach((element) => {
      for (const name of ["name", "id", "aria-controls", "aria-describedby"]) {
        if (element.hasAttribute(name)) element.setAttribute(name, renamed(element.getAttribute(name)));
      }
    });
    $$("[data-line-act]", row).forEach((button) => { button.value = `${button.dataset.lineAct}-${at}`; });
  });

  const add = () => {
    body.append($("#line-template").content.cloneNode(true));
    number();
    const row = rows().at(-1);
    htmx.process(row);
    $("[role=combobox]", row).focus();
    return row;
  };

  const acts = {
    up: (row) => row.previousElementSibling?.before(row),
    down: (row) => row.nextElementSibling?.after(row),
    remove: (row) => {
      const next = row.nextElementSibling ?? row.previousElementSibling;
      row.remove();
      if (next) $("[role=combobox]", next).focus();
      else add();
    },
  };
  const act = (button) => {
    const row = button.closest("[data-line]");
    acts[button.dataset.lineAct](row);
    number();
    touched();
    if (!row.isConnected) return say(`Line removed, ${rows().length} left.`);
    button.focus();
    say(`Line is now ${rows().indexOf(row) + 1} of ${rows().length}.`);
  };

  form.addEventListener("click", (event) => {
    const button = event.target.closest("[data-line-act], [data-line-add]");
    const option = event.target.closest("[data-item-id]");
    if (option) take(option);
    if (!button) return;
    event.preventDefault();
    if (button.matches("[data-line-add]")) add();
    else act(button);
  });
  // Tab out of the last cell goes on in a new row, unless nothing was typed in this one.
  body.addEventListener("keydown", (event) => {
    if (event.key !== "Tab" || event.shiftKey || !event.target.matches("[name$='-tax_id']")) return;
    const row = event.target.closest("[data-line]");
    if (row !== rows().at(-1) || isBlank(row)) return;
    event.preventDefault();
    add();
  });
})();
