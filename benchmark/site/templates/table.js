"use strict";
// The table of a board: sort, search, filter, and further columns.

function lettersOf(group) {
  return group.match(/[a-zA-Z][0-9]*/g) || [];
}

function startTable(panel, board, columns, onChoose) {
  const table = panel.querySelector("[data-ranking]");
  const body = table.tBodies[0];
  const rows = [...body.rows];
  const words = new Map(board.entries.map((each) => [each.name, `${each.name} ${each.words}`.toLowerCase()]));
  const about = new Map(board.entries.map((each) => [each.name, each]));

  table.tHead.addEventListener("click", (event) => {
    const button = event.target.closest("th button");
    if (!button) return;
    const head = button.closest("th");
    const before = head.getAttribute("aria-sort");
    const isUp = before === "none" ? startsUp(head) : before === "descending";
    sort(head, isUp ? "ascending" : "descending");
    remember(panel.dataset.panel, "sort", [head.dataset.column, isUp ? "ascending" : "descending"]);
  });

  function sort(head, order) {
    for (const each of table.tHead.querySelectorAll("th[aria-sort]")) each.setAttribute("aria-sort", each === head ? order : "none");
    const sign = order === "ascending" ? 1 : -1;
    const at = head.cellIndex;
    const keys = new Map(rows.map((row) => [row, key(row.cells[at])]));
    rows.sort((a, b) => compareKeys(keys.get(a), keys.get(b), sign) || a.dataset.place - b.dataset.place);
    body.append(...rows);
    placeNotes();
  }

  // An opened note has the width of the table, in a row below its own.
  const notes = new Map();
  body.addEventListener("toggle", (event) => {
    const row = event.target.closest("tr");
    if (notes.has(row)) notes.get(row).remove();
    notes.delete(row);
    if (event.target.open) notes.set(row, make("tr", { class: "note" }, make("td", { colspan: row.cells.length }, event.target.querySelector("ul").cloneNode(true))));
    placeNotes();
  }, true);

  function placeNotes() {
    for (const [row, note] of notes) {
      note.hidden = row.hidden;
      row.after(note);
    }
  }

  // The first click puts the best on top.
  function startsUp(head) {
    return "lower" in head.dataset || ["rank", "group", "entry", "status"].includes(head.dataset.column);
  }

  function key(cell) {
    if (!("sort" in cell.dataset)) return cell.matches("th, [data-text]") || cell.querySelector(".badge") ? cell.textContent.trim().toLowerCase() : null;
    const number = Number(cell.dataset.sort);
    return Number.isNaN(number) ? cell.dataset.sort : number;
  }

  // What has no value comes last in both directions.
  function compareKeys(a, b, sign) {
    if (a === null || b === null) return (a === null) - (b === null);
    return sign * (a < b ? -1 : a > b ? 1 : 0);
  }

  const search = panel.querySelector("[data-search]");
  const filter = panel.querySelector("[data-filter]");
  const count = panel.querySelector("[data-count]");
  for (const option of filter.options) option.disabled = !board.entries.some((each) => fits(each, option.value));
  search.addEventListener("input", narrow);
  filter.addEventListener("change", narrow);

  function narrow() {
    remember(panel.dataset.panel, "narrowed", [search.value, filter.value]);
    const parts = search.value.toLowerCase().split(/\s+/);
    let shown = 0;
    for (const row of rows) {
      const is = fits(about.get(row.dataset.entry), filter.value) && parts.every((part) => words.get(row.dataset.entry).includes(part));
      row.hidden = !is;
      shown += is;
    }
    placeNotes();
    count.textContent = shown === rows.length ? `${shown} rows` : `${shown} of ${rows.length} rows`;
  }

  function fits(entry, kind) {
    if (kind === "all") return true;
    if (kind === "budget") return entry.status === "ok" && entry.kind !== "control";
    if (kind === "better") return entry.beatsNothing;
    if (kind === "over-budget") return entry.status === "over-budget";
    if (kind === "other") return !["ok", "over-budget"].includes(entry.status);
    return entry.kind === kind;
  }

  const added = []; // names of columns
  const chooser = panel.querySelector("[data-columns]");
  const toggle = panel.querySelector("[data-toggle-columns]");
  toggle.addEventListener("click", () => {
    if (!chooser.childElementCount) fillChooser();
    chooser.hidden = !chooser.hidden;
    toggle.setAttribute("aria-expanded", String(!chooser.hidden));
    if (!chooser.hidden) chooser.querySelector("[data-search-columns]").focus();
  });

  for (const each of [toggle, chooser])
    each.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || chooser.hidden) return;
      toggle.click();
      toggle.focus();
    });

  function fillChooser() {
    const shown = [board.order, "test_accuracy", "retraining_share"];
    const groups = new Map();
    for (const column of columns.filter((each) => each.name in board.cells && !shown.includes(each.name))) {
      if (!groups.has(column.group)) groups.set(column.group, make("fieldset", {}, make("legend", {}, column.group)));
      const box = make("input", { type: "checkbox" });
      box.checked = added.includes(column.name);
      box.addEventListener("change", () => {
        if (box.checked) addColumn(column).scrollIntoView({ block: "nearest", inline: "nearest" });
        else removeColumn(column);
      });
      const sentence = make("span", {}, ` – ${column.sentence}`);
      groups.get(column.group).append(make("label", {}, box, " ", make("strong", {}, column.heading), sentence));
    }
    const wanted = make("input", { type: "search", autocomplete: "off", spellcheck: "false", "data-search-columns": "" });
    wanted.addEventListener("input", () => narrowChooser(wanted.value));
    chooser.append(make("label", {}, "Search columns ", wanted), ...groups.values());
  }

  function narrowChooser(wanted) {
    const parts = wanted.toLowerCase().split(/\s+/);
    for (const group of chooser.querySelectorAll("fieldset")) {
      const labels = [...group.querySelectorAll("label")];
      for (const label of labels) label.hidden = !parts.every((part) => label.textContent.toLowerCase().includes(part));
      group.hidden = labels.every((label) => label.hidden);
    }
  }

  function addColumn(column) {
    added.push(column.name);
    remember(panel.dataset.panel, "columns", added);
    const button = make("button", { type: "button", title: column.sentence }, column.heading);
    const head = make("th", { scope: "col", class: "num", "aria-sort": "none", "data-column": column.name, ...(column.lower ? { "data-lower": "" } : {}) }, button, ...(column.better ? [make("br"), make("span", { class: "small muted" }, column.better)] : []));
    table.tHead.rows[0].append(head);
    const cells = new Map(board.entries.map((each, k) => [each.name, board.cells[column.name][k]]));
    for (const row of rows) {
      const [text, value] = cells.get(row.dataset.entry);
      const cell = make("td", { class: "num", "data-of": column.name, "data-label": column.heading }, text === undefined ? "–" : text);
      if (value !== undefined) cell.dataset.sort = value;
      row.append(cell);
    }
    return head;
  }

  function removeColumn(column) {
    added.splice(added.indexOf(column.name), 1);
    remember(panel.dataset.panel, "columns", added);
    table.tHead.querySelector(`th[data-column="${column.name}"]`).remove();
    for (const cell of body.querySelectorAll(`td[data-of="${column.name}"]`)) cell.remove();
  }

  body.addEventListener("change", (event) => {
    const box = event.target.closest("[data-choose]");
    if (box) onChoose(box.dataset.choose, box.checked);
  });

  // The published and the tuned values of one submission are shown as related.
  for (const kind of ["pointerover", "focusin"]) body.addEventListener(kind, (event) => relate(event.target.closest("tr")));
  body.addEventListener("pointerleave", () => relate(null));

  // Two entries that share a letter of their group are not significantly different.
  function relate(row) {
    const own = row ? lettersOf(about.get(row.dataset.entry).group) : [];
    for (const each of rows) {
      each.classList.toggle("related", Boolean(row) && each.dataset.entry === row.dataset.sibling);
      each.classList.toggle("same-group", lettersOf(about.get(each.dataset.entry).group).some((letter) => own.includes(letter)));
    }
  }

  // What was set before the page was reloaded or come back to.
  function restore() {
    const { columns: names = [], narrowed = ["", "all"], sort: order } = recall(panel.dataset.panel);
    for (const column of columns) if (names.includes(column.name) && column.name in board.cells) addColumn(column);
    [search.value, filter.value] = narrowed;
    const head = order && table.tHead.querySelector(`th[data-column="${order[0]}"]`);
    if (head) sort(head, order[1]);
    narrow();
  }

  restore();
  return {
    mark(names) {
      for (const row of rows) {
        const is = names.includes(row.dataset.entry);
        row.classList.toggle("chosen-row", is);
        const box = row.querySelector("[data-choose]");
        if (box) box.checked = is;
      }
    },
  };
}
