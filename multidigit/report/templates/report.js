"use strict";
// Figures first: "1,801/s", "+0.72 points", "< 1e-9" and "96.00% – 98.00%" sort by the first number in them.
const number = (text) => Number.parseFloat(text.replace(/[,<\s]/g, "").replace("−", "-"));

for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.rows[0].cells];
  const body = table.tBodies[0];
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    const numeric = head.classList.contains("number");
    button.addEventListener("click", () => {
      // Of numbers the largest come first, of words the first.
      const before = head.getAttribute("aria-sort");
      const down = before ? before === "ascending" : numeric;
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const key = (row) => row.cells[column].textContent.trim();
      const low = (value) => (Number.isNaN(value) ? -Infinity : value);
      const compare = numeric
        ? (a, b) => low(number(key(a))) - low(number(key(b))) || 0
        : (a, b) => key(a).localeCompare(key(b), "en", { numeric: true });
      body.append(...[...body.rows].sort((a, b) => (down ? -1 : 1) * compare(a, b)));
    });
  });
}

const filters = document.getElementById("filters");
const choose = document.getElementById("choose");
const ticked = (name) => {
  const boxes = [...filters.querySelectorAll(`input[name=${name}]`)];
  return boxes.length ? new Set(boxes.filter((box) => box.checked).map((box) => box.value)) : null;
};

function show() {
  const layouts = ticked("layout");
  const strategies = ticked("strategy");
  for (const element of document.querySelectorAll("main [data-layout], main [data-strategy]")) {
    const { layout, strategy } = element.dataset;
    const off =
      (layout !== undefined && layouts && !layouts.has(layout)) ||
      (strategy !== undefined && strategies && !strategies.has(strategy));
    element.toggleAttribute("hidden", Boolean(off));
  }
  if (!choose) return;
  const read = choose.elements.read.value;
  const missed = choose.elements.missed.value;
  let shown = 0;
  const cards = [...document.querySelectorAll(".card")];
  for (const card of cards) {
    const has = (list, value) => !value || card.dataset[list].split(" ").includes(value);
    card.hidden = !(has("read", read) && has("missed", missed));
    if (!card.hidden && !card.closest(".gallery").hidden) shown += 1;
  }
  document.getElementById("count").textContent = `${shown} of ${cards.length} strips`;
}

// On paper nothing can be unfolded, and buttons are left out where a table's head stands again on the next page.
const folded = [...document.querySelectorAll("details")];
const buttons = [...document.querySelectorAll("th button")].map((button) => [button, button.parentElement]);
let opened = [];
addEventListener("beforeprint", () => {
  opened = folded.filter((details) => !details.open);
  for (const details of opened) details.open = true;
  for (const [button] of buttons) button.replaceWith(...button.childNodes);
});
addEventListener("afterprint", () => {
  for (const details of opened) details.open = false;
  for (const [button, head] of buttons) {
    button.append(...head.childNodes);
    head.append(button);
  }
});

if (filters.elements.length) {
  filters.hidden = false;
  filters.addEventListener("change", show);
}
if (choose) {
  choose.hidden = false;
  choose.addEventListener("change", show);
}
show();
