"use strict";
// The chosen entries of a board: paired differences, privacy profiles, example by example.

const LETTERS = ["A", "B", "C", "D"];

function startChosen(panel, board, onChange) {
  const section = panel.querySelector("[data-chosen]");
  const pickers = [...section.querySelectorAll("[data-pick]")];
  const scored = board.entries.filter((each) => each.scored);
  const place = new Map(scored.map((each, k) => [each.name, k]));
  const known = (given) => given.filter((name, at) => place.has(name) && given.indexOf(name) === at).slice(0, LETTERS.length);
  let names = known(fromAddress() || section.dataset.chosen.split(" "));

  // The address holds what was chosen behind a colon: #board:one,other
  function fromAddress() {
    const [label, chosen] = fragment().split(":");
    return label === panel.dataset.panel && chosen ? chosen.split(",") : null;
  }

  pickers.forEach((picker, k) => {
    picker.append(...scored.map((each) => make("option", { value: each.name }, each.name)));
    picker.addEventListener("change", () => {
      const next = [...names];
      next[k] = picker.value;
      keep(known(next));
    });
  });

  function set(next) {
    names = next.slice(0, LETTERS.length);
    pickers.forEach((picker, k) => (picker.value = names[k] || ""));
    showDifferences();
    showProfiles();
    showExamples();
    onChange(names);
  }

  function choose(name, is) {
    if (!place.has(name)) return;
    const others = names.filter((each) => each !== name);
    if (!is || others.length < LETTERS.length) {
      keep(is ? [...others, name] : others);
      return;
    }
    set(names);
    panel.querySelector("[data-count]").textContent = "At most four entries are compared; take one out first.";
  }

  function keep(next) {
    set(next);
    history.replaceState(null, "", `#${panel.dataset.panel}:${names.join(",")}`);
  }

  // Half of the interval's width for a pair, in the order of pairs (0, 1), (0, 2), …, (1, 2), …
  function half(metric, a, b) {
    const [i, j] = a < b ? [a, b] : [b, a];
    return metric.half[i * scored.length - (i * (i + 1)) / 2 + (j - i - 1)];
  }

  function pairs() {
    return names.flatMap((a, k) => names.slice(k + 1).map((b, m) => [k, k + 1 + m]));
  }

  function showDifferences() {
    const place_ = section.querySelector("[data-differences]");
    if (names.length < 2) {
      place_.replaceChildren(make("p", { class: "small muted" }, "Choose two entries or more."));
      return;
    }
    const head = make("tr", {}, make("th", { scope: "col" }, "pair"), make("th", { scope: "col" }, "on the board"), ...board.compared.map(metricHead));
    const rows = pairs().map(([k, m]) => differenceRow(k, m));
    const caption = make("caption", {}, make("span", { class: "stays" }, "First minus second, with paired 95 % intervals for the pair alone. Only the verdict on the board is corrected for all its entries; it follows the metric in bold. Others may disagree with it, for they measure something else."));
    place_.replaceChildren(make("table", { "data-compared": "" }, caption, make("thead", {}, head), make("tbody", {}, ...rows)), about());
  }

  function metricHead(metric) {
    const ranks = metric.name === board.order;
    return make("th", { scope: "col", title: metric.sentence, class: ranks ? "" : "quieter" }, metric.heading, make("br"), make("span", { class: "small" }, ranks ? "ranks the board" : "for comparison"));
  }

  function about() {
    const lines = board.compared.map((metric) => make("li", {}, make("strong", {}, metric.heading), `: ${metric.sentence}`));
    return make("details", { class: "small about-metrics" }, make("summary", {}, "What these metrics are"), make("ul", {}, ...lines));
  }

  function differenceRow(k, m) {
    const [a, b] = [place.get(names[k]), place.get(names[m])];
    const name = make("th", { scope: "row" }, make("span", { class: `mark-${LETTERS[k]}` }, names[k]), " − ", make("span", { class: `mark-${LETTERS[m]}` }, names[m]));
    const cells = board.compared.map((metric) => differenceCell(metric, a, b, names[k], names[m]));
    return make("tr", {}, name, make("td", {}, onBoard(scored[a], scored[b])), ...cells);
  }

  function differenceCell(metric, a, b, first, second) {
    const [u, v] = [metric.values[a], metric.values[b]];
    if (u === null || v === null) return make("td", {}, "–");
    const [difference, reach] = [u - v, half(metric, a, b)];
    const show = metric.percent ? (value) => decimal(100 * value, 2) : decimal;
    const value = make("span", { class: "nowrap" }, (difference > 0 ? "+" : "") + show(difference) + (metric.percent ? " points" : ""));
    if (reach === null) return make("td", {}, value);
    const ends = make("span", { class: "small muted nowrap" }, ` (${show(difference - reach)} to ${show(difference + reach)})`);
    const isReal = Math.abs(difference) > reach;
    const better = difference > 0 === (metric.better === "higher") ? first : second;
    const verdict = make("div", { class: isReal ? "verdict small" : "muted small" }, isReal ? `${better} is better` : "not significantly different");
    return make("td", {}, value, ends, verdict);
  }

  function onBoard(first, second) {
    if (!first.group || !second.group) return "not ranked together";
    if (first.status !== second.status) return "one is over budget";
    const shared = lettersOf(first.group).some((letter) => lettersOf(second.group).includes(letter));
    return shared ? "same group" : "significantly different";
  }

  function showProfiles() {
    const chart = section.querySelector("[data-profile] svg");
    if (!chart) return;
    chart.replaceChildren();
    const known = board.profiles.filter(Boolean);
    const [x, y] = axes(chart, [0, Math.max(...known.map((each) => each[0][each[0].length - 1]))], [0, 1], "ε (nats)", "δ(ε), lower is better");
    const controls = scored.filter((each) => each.kind === "control" && !names.includes(each.name));
    controls.forEach((each) => showCurve(chart, x, y, each.name, "of-control", ""));
    names.forEach((name, k) => showCurve(chart, x, y, name, `c${k}`, LETTERS[k]));
  }

  function showCurve(chart, x, y, name, kind, letter) {
    const profile = board.profiles[place.get(name)];
    if (!profile) return;
    const [at, middle, low, high] = profile;
    if (letter) {
      const around = [...at.map((e, k) => [x(e), y(high[k])]), ...at.map((e, k) => [x(e), y(low[k])]).reverse()];
      chart.append(draw("path", { class: `band ${kind}`, d: `${line(around)}Z` }));
    }
    chart.append(draw("path", { class: `curve ${kind}`, d: line(at.map((e, k) => [x(e), y(middle[k])])) }));
    const spot = letter ? LETTERS.indexOf(letter) : 0;
    const text = letter ? `${letter} ${name}` : name;
    const anchor = letter ? { x: BOX.width - BOX.right - 4, y: BOX.top + 14 + 15 * spot } : { x: x(at[1]), y: y(middle[1]) - 5 };
    chart.append(draw("text", { ...anchor, class: letter ? `${kind}-text` : "", "text-anchor": letter ? "end" : "start" }, text));
  }

  function showExamples() {
    const holder = section.querySelector("[data-examples]");
    const chart = holder.querySelector("svg");
    const readout = holder.querySelector("[data-readout]");
    chart.replaceChildren();
    const [first, second] = names.slice(0, 2).map((name) => board.examples.values[place.get(name)]);
    if (!first || !second) {
      readout.textContent = "Choose two entries that have a value per example.";
      return;
    }
    const [low, high] = [Math.min(...first, ...second), Math.max(...first, ...second)];
    const [x, y] = axes(chart, [low, high], [low, high], `${board.examples.heading} after A: ${names[0]}`, `${board.examples.heading} after B: ${names[1]}`);
    chart.append(draw("line", { class: "diagonal", x1: x(low), y1: y(low), x2: x(high), y2: y(high) }));
    const points = first.map((value, k) => examplePoint(k, value, second[k], x, y));
    chart.append(...points);
    readout.textContent = summaryOf(first, second);
    rove(points, (point) => (readout.textContent = point.getAttribute("aria-label")));
  }

  function examplePoint(k, u, v, x, y) {
    const says = `Forget example ${k}: ${names[0]} ${showExample(u)}, ${names[1]} ${showExample(v)}`;
    const [at, up] = [x(u), y(v)];
    return draw("g", { class: "entry", role: "img", tabindex: k ? "-1" : "0", "aria-label": says },
      draw("circle", { class: "halo", cx: at, cy: up, r: 8 }), draw("circle", { class: "point", cx: at, cy: up, r: 3.5 }));
  }

  function showExample(value) {
    return value >= board.examples.largest && board.examples.largest > 1 ? "∞" : decimal(value, 3);
  }

  function summaryOf(first, second) {
    const better = second.filter((value, k) => value < first[k]).length;
    const equal = second.filter((value, k) => value === first[k]).length;
    return `${names[1]} forgets ${better} of ${first.length} examples better, ${names[0]} ${first.length - better - equal}${equal ? `; ${equal} are alike` : ""}. Point at an example.`;
  }

  return { choose, show: () => set(names) };
}
