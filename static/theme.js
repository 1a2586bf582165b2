// The theme: follows the system unless the reader chose one. Runs before the first paint, so that nothing flashes.
"use strict";
(() => {
  const root = document.documentElement;
  const choose = (theme) => {
    if (theme === "light" || theme === "dark") root.dataset.theme = theme;
    else delete root.dataset.theme;
  };
  root.classList.add("js");
  try {
    choose(localStorage.getItem("theme"));
  } catch {
    // Storage may be forbidden; the system's own theme serves then.
  }

  document.addEventListener("change", ({ target }) => {
    if (!target.matches("[data-theme-choice]")) return;
    choose(target.value);
    try {
      localStorage.setItem("theme", target.value);
    } catch {
      // Chosen for this page only.
    }
  });
  document.addEventListener("DOMContentLoaded", () => {
    document.querySelectorAll("[data-theme-choice]").forEach((choice) => {
      choice.checked = choice.value === (root.dataset.theme ?? "system");
    });
  });
})();
