// Sorting, filtering and opening cards. The page says all it has to say without this script.
"use strict";
(() => {
  const $ = (id) => document.getElementById(id);
  const table = $("gates-table");
  document.documentElement.classList.add("js");

  // Sorting: every header of a sortable table gets a button; cells sort by data-v, else by their text.
  const value = (row, at) => {
    const cell = row.cells[at];
    const raw = cell.dataset.v ?? cell.textContent.trim();
    return raw !== "" && !Number.isNaN(Number(raw)) ? Number(raw) : raw;
  };
  const compare = (a, b) => {
    if (a === "" || b === "") return (a === "") - (b === "");
    if (typeof a === "number" && typeof b === "number") return a - b;
    return String(a).localeCompare(String(b), "en", { numeric: true });
  };
  const sortBy = (head, at) => {
    const was = head.getAttribute("aria-sort");
    const descending = was ? was === "ascending" : head.classList.contains("r");
    for (const other of head.parentNode.cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", descending ? "descending" : "ascending");
    const body = head.closest("table").tBodies[0];
    const rows = [...body.rows].map((row, place) => [value(row, at), place, row]);
    rows.sort(([a, i], [b, j]) => {
      const empty = a === "" || b === "";
      return (descending && !empty ? compare(b, a) : compare(a, b)) || i - j;
    });
    body.append(...rows.map((entry) => entry[2]));
  };
  for (const sortable of document.querySelectorAll("table.sortable")) {
    [...sortable.tHead.rows[0].cells].forEach((head, at) => {
      const button = document.createElement("button");
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", (event) => {
        if (!event.target.closest("a")) sortBy(head, at);
      });
    });
  }

  // Filtering: what is hidden is always counted.
  const form = $("filters"), listed = $("gates-count").textContent;
  const filter = () => {
    const words = form.search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const least = form.f1.value === "" ? -1 : Number(form.f1.value);
    const most = form.fan.value === "" ? Infinity : Number(form.fan.value);
    let shown = 0;
    for (const row of table.tBodies[0].rows) {
      const d = row.dataset;
      const text = row.textContent.toLowerCase();
      const fits = words.every((word) => text.includes(word))
        && (!form.kind.value || d.kind === form.kind.value)
        && (!form.site.value || d.site === form.site.value)
        && (form.f1.value === "" || (d.f1 !== "" && Number(d.f1) >= least))
        && Number(d.fan) <= most
        && (!form.claimed.checked || d.claims === "1");
      row.hidden = !fits;
      shown += fits;
    }
    const all = table.tBodies[0].rows.length;
    $("gates-count").textContent = shown === all ? listed : `${shown} of ${all} gates; ${all - shown} hidden by the filter`;
  };
  if (form) {
    form.hidden = false;
    form.addEventListener("input", filter);
    form.addEventListener("reset", () => setTimeout(filter));
    form.addEventListener("submit", (event) => event.preventDefault());
    filter();
  }

  // Cutting edges higher than the graph was cut; edges of formulas stay, marked, so that nobody misses them.
  const cut = $("cut");
  const cutEdges = () => {
    const [at, edges, gates] = [...$("cut-steps").tBodies[0].rows[cut.cut.value].cells].map((c) => c.textContent);
    let lost = 0;
    for (const row of $("edges-table").tBodies[0].rows) {
      const below = Number(row.dataset.w) < Number(at);
      const formula = row.cells[4].textContent === "yes";
      row.hidden = below && !formula;
      row.classList.toggle("lost", below && formula);
      lost += below && formula;
    }
    $("edges-count").textContent = `|w| ≥ ${at}: ${edges} edges, ${gates} gates with inputs`
      + (lost ? `; ${lost} listed edges of formulas would go (marked)` : "");
  };
  if (cut) {
    cut.hidden = false;
    cut.addEventListener("input", cutEdges);
    cut.addEventListener("submit", (event) => event.preventDefault());
  }

  // Links to closed cards open them; all cards open for printing.
  const openTarget = () => {
    const target = $(decodeURIComponent(location.hash.slice(1)));
    if (target && target.matches("details")) {
      target.open = true;
      target.scrollIntoView();
    }
  };
  window.addEventListener("hashchange", openTarget);
  openTarget();
  let closed = [];
  window.addEventListener("beforeprint", () => {
    closed = [...document.querySelectorAll("details.card:not([open])")];
    closed.forEach((card) => { card.open = true; });
  });
  window.addEventListener("afterprint", () => closed.forEach((card) => { card.open = false; }));

  // Keys: / searches, Escape leaves and clears the search.
  document.addEventListener("keydown", (event) => {
    const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(document.activeElement.tagName);
    if (event.key === "/" && !typing && form && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      form.search.focus();
    } else if (event.key === "Escape" && form && document.activeElement === form.search) {
      form.search.value = "";
      form.search.blur();
      filter();
    }
  });
  document.documentElement.dataset.ready = "1";
})();
