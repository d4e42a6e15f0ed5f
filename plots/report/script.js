"use strict";
// Tables that one can sort by a click on a heading, and long ones that one can filter.
for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0];
  const heads = [...table.tHead.rows[0].cells];
  // What is no number sorts behind all numbers, and an empty cell behind everything.
  const key = text => {
    const x = parseFloat(text.replaceAll(",", ""));
    return text === "" ? [2, 0] : text === "censored" ? [1, 0] : isNaN(x) ? [1, 1] : [0, x];
  };
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    const numbers = head.classList.contains("n");
    button.addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") === "ascending";
      heads.forEach(h => h.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const rows = [...body.rows].map(row => ({ row, text: row.cells[column].textContent.trim() }));
      rows.sort((a, b) => {
        if (!numbers) return (down ? -1 : 1) * a.text.localeCompare(b.text, "en", { numeric: true });
        const x = key(a.text), y = key(b.text);
        return x[0] === y[0] ? (down ? -1 : 1) * (x[1] - y[1]) : x[0] === 2 ? 1 : y[0] === 2 ? -1 : (down ? -1 : 1) * (x[0] - y[0]);
      });
      body.append(...rows.map(r => r.row));
    });
  });
  if (body.rows.length > 20) {
    const filter = document.createElement("input");
    filter.className = "filter";
    filter.type = "search";
    filter.placeholder = "only rows with, e.g. raft elect_ms";
    filter.setAttribute("aria-label", "show only rows that have all of these words");
    filter.addEventListener("input", () => {
      const words = filter.value.toLowerCase().split(/\s+/);
      for (const row of body.rows) {
        const text = [...row.cells].map(c => c.textContent).join(" ").toLowerCase();
        row.hidden = !words.every(w => text.includes(w));
      }
    });
    (table.closest(".scroll") || table).before(filter);
  }
}

// The place in the contents of what one is reading.
const links = new Map();
for (const a of document.querySelectorAll("nav a[href^='#']:not(.home)")) links.set(a.hash.slice(1), a);
let here;
const watch = new IntersectionObserver(entries => {
  for (const e of entries) {
    if (!e.isIntersecting) continue;
    here?.classList.remove("here");
    here = links.get(e.target.id);
    here?.classList.add("here");
  }
}, { rootMargin: "0px 0px -80% 0px" });
for (const id of links.keys()) {
  const section = document.getElementById(id);
  if (section) watch.observe(section);
}
