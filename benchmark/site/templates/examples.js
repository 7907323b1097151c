"use strict";
// The first two chosen entries, example by example: a scatter, and a list of those on which they differ.

function startExamples(section, board, scored) {
  const data = board.examples;
  const holder = section.querySelector("[data-examples]");
  const list = section.querySelector("[data-example-list]");
  const chart = holder.querySelector("svg");
  const readout = holder.querySelector("[data-readout]");
  const place = new Map(scored.map((each, k) => [each.name, k]));

  function show(names) {
    const [a, b] = names.slice(0, 2).map((name) => place.get(name));
    const [first, second] = [data.values[a], data.values[b]];
    chart.replaceChildren();
    list.replaceChildren();
    if (!first || !second) {
      readout.textContent = "Choose two entries that have a value per example.";
      return;
    }
    const rows = differences(a, b);
    holder.querySelector("[data-known]").hidden = rows[0].error === null;
    showChart(rows, names);
    showList(rows, scored[a], scored[b]);
    readout.textContent = `${summaryOf(rows, names)} Point at an example.`;
  }

  // Of every example both values, their difference, and its standard error by the jackknife where that is known.
  function differences(a, b) {
    const [one, other] = [data.replicates[a], data.replicates[b]];
    const isKnown = one.length > 0 && one.length === other.length;
    const rows = data.values[a].map((u, k) => {
      const v = data.values[b][k];
      return { k, u, v, difference: u - v, error: isKnown ? errorOf(one, other, k) : null, isReal: false };
    });
    if (isKnown) markReal(rows);
    return rows;
  }

  // Replicates are rounded, which adds a sixth of a unit squared to the variance of a difference of two.
  function errorOf(one, other, k) {
    const all = Array.from({ length: data.groups }, (_, g) => one[k * data.groups + g] - other[k * data.groups + g]);
    const mean = all.reduce((sum, each) => sum + each, 0) / data.groups;
    const variance = all.reduce((sum, each) => sum + (each - mean) ** 2, 0) / data.groups + 1 / 6;
    return Math.sqrt((data.groups - 1) * variance) / data.unit;
  }

  // Benjamini and Hochberg: the largest k of which the k-th largest difference reaches its threshold, and all before it.
  function markReal(rows) {
    const ordered = [...rows].sort((x, y) => reach(y) - reach(x));
    let last = ordered.length - 1;
    while (last >= 0 && reach(ordered[last]) < data.thresholds[last]) last--;
    for (const row of ordered.slice(0, last + 1)) row.isReal = true;
  }

  function reach(row) {
    return row.error === null ? 0 : Math.abs(row.difference) / row.error;
  }

  function showChart(rows, names) {
    const all = rows.flatMap((row) => [row.u, row.v]);
    const [low, high] = [Math.min(...all), Math.max(...all)];
    const [x, y] = axes(chart, [low, high], [low, high], `${data.heading} after A: ${names[0]}`, `${data.heading} after B: ${names[1]}`);
    chart.append(draw("line", { class: "diagonal", x1: x(low), y1: y(low), x2: x(high), y2: y(high) }));
    const points = rows.map((row) => examplePoint(row, names, x, y));
    chart.append(...points);
    rove(points, (point) => (readout.textContent = point.getAttribute("aria-label")));
  }

  function examplePoint(row, names, x, y) {
    const says = `Forget example ${row.k}: ${names[0]} ${value(row.u)}, ${names[1]} ${value(row.v)}${row.isReal ? ", significantly different" : ""}`;
    const [cx, cy] = [x(row.u), y(row.v)];
    return draw("g", { class: "entry", role: "img", tabindex: row.k ? "-1" : "0", "aria-label": says },
      draw("circle", { class: "halo", cx, cy, r: 8 }), draw("circle", { class: row.isReal ? "point" : "point hollow", cx, cy, r: 3.5 }));
  }

  function value(number) {
    return data.largest > 1 && number >= data.largest ? "∞" : decimal(number, 3);
  }

  function summaryOf(rows, names) {
    const better = rows.filter((row) => row.difference > 0).length;
    const equal = rows.filter((row) => row.difference === 0).length;
    return `${names[1]} has the lower value on ${better} of ${rows.length} examples, ${names[0]} on ${rows.length - better - equal}${equal ? `; ${equal} are alike` : ""}${rows[0].error === null ? "; whether that is significant is not known here" : ""}.`;
  }

  function showList(rows, first, second) {
    const isKnown = rows.every((row) => row.error !== null);
    const ordered = [...rows].sort((x, y) => y.isReal - x.isReal || reach(y) - reach(x) || Math.abs(y.difference) - Math.abs(x.difference));
    const heads = ["example", ...(data.labels.length ? ["label"] : []), "A", "B", "A − B", ...(isKnown ? ["95 % interval", "verdict"] : [])];
    const told = `${isKnown ? sayReal(rows) : WITHOUT} A is ${first.name}, B ${second.name}; values lead to their pages.`;
    const caption = make("caption", {}, make("span", { class: "stays" }, told));
    const head = make("tr", {}, ...heads.map((text) => make("th", { scope: "col", class: HEADS[text] || "" }, text)));
    const table = make("table", { class: "differ" }, caption, make("thead", {}, head), make("tbody", {}, ...ordered.map((row) => listRow(row, first, second, isKnown))));
    list.append(
      make("h4", {}, "On which examples A and B differ"),
      make("div", { class: "scroll tall", tabindex: "0", role: "region", "aria-label": "Differences example by example" }, table),
    );
  }

  function sayReal(rows) {
    const real = rows.filter((row) => row.isReal);
    const toB = real.filter((row) => row.difference > 0).length;
    const counts = real.length ? `: A forgets ${real.length - toB} of them better and B ${toB}` : "";
    return `${real.length} of ${rows.length} examples differ significantly${counts} (${data.heading}, paired; of the examples called different 5 % at most are expected not to be: Benjamini–Hochberg). Intervals are for one example alone.`;
  }

  function listRow(row, first, second, isKnown) {
    const values = [[first, row.u], [second, row.v]].map(([entry, number]) => make("a", { href: `${entry.href}#example-${row.k}` }, value(number)));
    const cells = [...values, signed(row.difference)].map((content) => make("td", { class: "num" }, content));
    const label = data.labels.length ? [make("td", {}, make("bdi", {}, data.labels[row.k]))] : [];
    return make("tr", { "data-example": row.k }, make("th", { scope: "row" }, String(row.k)), ...label, ...cells, ...(isKnown ? verdict(row) : []));
  }

  function verdict(row) {
    const ends = make("td", { class: HEADS["95 % interval"] }, `${signed(row.difference - data.alone * row.error)} to ${signed(row.difference + data.alone * row.error)}`);
    if (!row.isReal) return [ends, make("td", { class: "muted" }, "not significantly different")];
    return [ends, make("td", { class: "verdict" }, ...marked(row.difference > 0 ? "B" : "A"), " forgets it better")];
  }

  function signed(number) {
    return (number > 0 ? "+" : "") + decimal(number, 3);
  }

  return { show };
}

const HEADS = { A: "num", B: "num", "A − B": "num", "95 % interval": "nowrap muted wide-only" };
const WITHOUT =
  "The largest differences first. Whether they are significant takes the evidence of both entries and the pool, which were not on the machine that made this page: bench evidence unpack puts them there.";
