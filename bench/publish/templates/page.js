// The table of the board: sort, filter, search, choose columns; what is chosen stands in the address after #.
"use strict";
(() => {
  const table = document.getElementById("board");
  if (!table) return;
  document.documentElement.classList.add("js");
  const body = table.tBodies[0];
  const rows = [...body.rows];
  const heads = [...table.tHead.rows[0].cells];
  const cells = new Map(rows.map((row) => [row, [...row.cells]]));
  const form = document.getElementById("controls");
  const status = document.getElementById("status");
  const boxes = [...form.querySelectorAll("input[data-column]")];
  const filters = [...form.querySelectorAll("select[data-filter]")];
  const search = document.getElementById("search");
  const language = document.getElementById("language");
  const usual = heads.map((head) => !head.classList.contains("more"));
  let sorted = { column: -1, down: true };
  let chosen = null; // columns that the reader picked; null for those of the language

  let drawn = "";
  let filling = 0;
  const AT_ONCE = 150;

  const value = (row, column) => cells.get(row)[column].dataset.v ?? "";
  const shown = () => {
    if (chosen) return heads.map((_, column) => column < 2 || chosen.has(column));
    if (!language || !language.value) return usual;
    return heads.map((head, column) => head.dataset.languages ? head.dataset.languages.split(" ").includes(language.value) : usual[column] && !head.dataset.type);
  };

  function order() {
    if (sorted.column < 0) return rows;
    const numeric = heads[sorted.column].classList.contains("n");
    const sign = sorted.down ? -1 : 1;
    const keyed = rows.map((row, place) => ({ row, place, key: numeric ? parseFloat(value(row, sorted.column)) : value(row, sorted.column) }));
    const missing = (key) => numeric ? Number.isNaN(key) : key === "";
    keyed.sort((a, b) => {
      if (missing(a.key) || missing(b.key)) return missing(a.key) - missing(b.key) || a.place - b.place;
      return sign * (numeric ? a.key - b.key : a.key.localeCompare(b.key, "en", { numeric: true })) || a.place - b.place;
    });
    return keyed.map((one) => one.row);
  }

  // Cells of columns that are not shown are taken out of the table: moving a thousand rows of forty cells costs half a second, of twelve much less.
  function lay(columns) {
    if (drawn === columns.join()) return;
    drawn = columns.join();
    table.tHead.rows[0].replaceChildren(...heads.filter((_, column) => columns[column]));
    cells.forEach((all, row) => row.replaceChildren(...all.filter((_, column) => columns[column])));
  }

  // Rows that a reader sees first come at once and the others in the moments after; columns keep their widths until all are there.
  function fill(wanted, widths) {
    clearTimeout(filling);
    if (widths) {
      heads.forEach((head, column) => { head.style.width = `${widths[column]}px`; });
      table.style.width = `${widths.reduce((sum, width) => sum + width, 0)}px`;
      table.style.tableLayout = "fixed";
    }
    let next = 0;
    const more = (first) => {
      const start = next;
      for (let seen = 0; next < wanted.length && seen < AT_ONCE; next += 1) seen += !wanted[next].hidden;
      if (first) body.replaceChildren(...wanted.slice(start, next));
      else body.append(...wanted.slice(start, next));
      if (next < wanted.length) filling = setTimeout(more, 0);
      else {
        heads.forEach((head) => { head.style.width = ""; });
        table.style.width = table.style.tableLayout = "";
      }
    };
    more(true);
  }

  function draw() {
    const columns = shown();
    const same = drawn === columns.join() && rows.length > AT_ONCE && body.rows.length === rows.length;
    const widths = same ? heads.map((head) => head.offsetWidth) : null; // before anything changes, so that nothing has to be laid out for it
    lay(columns);
    boxes.forEach((box) => { box.checked = columns[Number(box.dataset.column)]; });
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    for (const row of rows) {
      const fits = filters.every((filter) => !filter.value || row.dataset[filter.dataset.filter] === filter.value);
      row.hidden = !(fits && words.every((word) => row.dataset.text.includes(word)));
      count += !row.hidden;
    }
    const asIs = sorted.column < 0;
    rows.forEach((row) => row.classList.toggle("band", asIs && row.dataset.band === "1"));
    const wanted = order();
    const there = [...body.rows];
    if (there.length !== wanted.length || wanted.some((row, place) => there[place] !== row)) fill(wanted, widths);
    heads.forEach((head, column) => {
      if (column === sorted.column) head.setAttribute("aria-sort", sorted.down ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    });
    status.textContent = `${count} of ${rows.length} candidates` + (asIs ? ", by mean" : `, by ${heads[sorted.column].textContent.trim()}, ${sorted.down ? "largest" : "smallest"} first`);
  }

  function remember() {
    const state = new URLSearchParams();
    if (sorted.column >= 0) state.set("sort", `${sorted.down ? "-" : ""}${heads[sorted.column].dataset.key}`);
    if (search.value) state.set("q", search.value);
    if (language && language.value) state.set("language", language.value);
    filters.forEach((filter) => { if (filter.value) state.set(filter.dataset.filter, filter.value); });
    if (chosen) state.set("columns", [...chosen].map((column) => heads[column].dataset.key).join(","));
    history.replaceState(null, "", `#${state}`);
  }

  function recall() {
    const state = new URLSearchParams(location.hash.slice(1));
    const column = (key) => heads.findIndex((head) => head.dataset.key === key);
    const sort = state.get("sort") ?? "";
    sorted = { column: sort ? column(sort.replace(/^-/, "")) : -1, down: sort.startsWith("-") };
    search.value = state.get("q") ?? "";
    [language, ...filters].filter(Boolean).forEach((filter) => {
      const wanted = state.get(filter.dataset.filter ?? "language") ?? "";
      filter.value = [...filter.options].some((option) => option.value === wanted) ? wanted : "";
    });
    const named = state.get("columns");
    chosen = named === null ? null : new Set(named.split(",").map(column).filter((found) => found >= 0));
    draw();
  }

  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const first = head.classList.contains("n") && column > 0; // numbers begin with the largest, names and tiers with the first
      if (sorted.column !== column) sorted = { column, down: first };
      else if (sorted.down === first) sorted = { column, down: !first };
      else sorted = { column: -1, down: true };
      draw();
      remember();
    });
  });
  form.addEventListener("input", (event) => {
    if (event.target.dataset.column) chosen = new Set(boxes.filter((box) => box.checked).map((box) => Number(box.dataset.column)));
    if (event.target === language) chosen = null;
    draw();
    remember();
  });
  form.addEventListener("submit", (event) => event.preventDefault());
  document.getElementById("restore").addEventListener("click", () => {
    form.reset();
    sorted = { column: -1, down: true };
    chosen = null;
    draw();
    history.replaceState(null, "", "#");
  });
  window.addEventListener("hashchange", recall);
  recall();
})();
