// Beside a select, what its chosen option is worth: a real record's value, or how many records a view holds.
"use strict";
document.addEventListener("change", ({ target }) => {
  const note = document.getElementById(target.dataset?.notes ?? "");
  if (note) note.textContent = target.selectedOptions[0]?.dataset.note ?? "";
});
