"use strict";
// The chosen entries of a board: paired differences and privacy profiles.

const LETTERS = ["A", "B", "C", "D"];

function startChosen(panel, board, onChange) {
  const section = panel.querySelector("[data-chosen]");
  const pickers = [...section.querySelectorAll("[data-pick]")];
  const scored = board.entries.filter((each) => each.scored);
  const place = new Map(scored.map((each, k) => [each.name, k]));
  const known = (given) => given.filter((name, at) => place.has(name) && given.indexOf(name) === at).slice(0, LETTERS.length);
  const told = panel.querySelector("[data-told]");
  const examples = startExamples(section, board, scored);
  let names = inAddress();
  const bar = panel.querySelector("[data-compared-bar]");

  // The address holds what was chosen behind a colon: #board:one,other
  function fromAddress() {
    const [label, chosen] = fragment().split(":");
    return label === panel.dataset.panel && chosen !== undefined ? chosen.split(",") : null;
  }

  function inAddress() {
    return known(fromAddress() || section.dataset.chosen.split(" "));
  }

  window.addEventListener("hashchange", () => {
    if (fragment().split(":")[0] === panel.dataset.panel) set(inAddress());
  });

  panel.querySelector("[data-jump]").addEventListener("click", () => section.scrollIntoView());

  pickers.forEach((picker, k) => {
    picker.append(...scored.map((each) => make("option", { value: each.name }, each.name)));
    picker.addEventListener("change", () => {
      const next = [...names];
      const before = next.indexOf(picker.value);
      if (before >= 0 && before !== k && names[k]) next[before] = names[k]; // the two change places
      next[k] = picker.value;
      keep(known(next));
    });
  });

  function set(next) {
    names = next.slice(0, LETTERS.length);
    pickers.forEach((picker, k) => (picker.value = names[k] || ""));
    told.textContent = names.length ? `Compared: ${names.map((name, k) => `${LETTERS[k]} ${name}`).join(", ")}.` : "Nothing is compared.";
    showDifferences();
    showProfiles();
    examples.show(names);
    onChange(names);
  }

  function choose(name, is) {
    if (!place.has(name)) return;
    const others = names.filter((each) => each !== name);
    bar.hidden = false;
    if (!is || others.length < LETTERS.length) {
      keep(is ? [...others, name] : others);
      return;
    }
    set(names);
    told.textContent = "At most four entries are compared; take one out first.";
  }

  function keep(next) {
    set(next);
    bar.hidden = false;
    go(`#${panel.dataset.panel}:${names.join(",")}`);
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
    place_.replaceChildren(make("table", { class: "cards", "data-compared": "" }, caption, make("thead", {}, head), make("tbody", {}, ...rows)), about());
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
    const name = make("th", { scope: "row" }, ...marked(LETTERS[k]), ` ${names[k]}`, make("br"), "− ", ...marked(LETTERS[m]), ` ${names[m]}`);
    const cells = board.compared.map((metric) => differenceCell(metric, a, b, LETTERS[k], LETTERS[m]));
    return make("tr", {}, name, make("td", { "data-label": "on the board" }, onBoard(scored[a], scored[b])), ...cells);
  }

  function differenceCell(metric, a, b, first, second) {
    const [u, v] = [metric.values[a], metric.values[b]];
    if (u === null || v === null) return make("td", { "data-label": metric.heading }, "–");
    const [difference, reach] = [u - v, half(metric, a, b)];
    const show = metric.percent ? (value) => decimal(100 * value, 2) : decimal;
    const value = make("span", { class: "nowrap" }, (difference > 0 ? "+" : "") + show(difference) + (metric.percent ? " points" : ""));
    if (reach === null) return make("td", { "data-label": metric.heading }, value);
    const ends = make("div", { class: "small muted nowrap" }, `${show(difference - reach)} to ${show(difference + reach)}`);
    const isReal = Math.abs(difference) > reach;
    const better = difference > 0 === (metric.better === "higher") ? first : second;
    const verdict = make("div", { class: isReal ? "verdict small" : "muted small" }, ...(isReal ? [...marked(better), metric.name === board.order ? " is better, for this pair alone" : " is better"] : ["not significantly different"]));
    return make("td", { "data-label": metric.heading }, value, ends, verdict);
  }

  function onBoard(first, second) {
    if (!first.group || !second.group) return "not ranked together";
    if (first.status !== second.status) return `not ranked together: ${(first.status === "ok" ? second : first).name} is ${(first.status === "ok" ? second : first).status.replace("-", " ")}`;
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

  bar.hidden = fromAddress() === null; // what is compared before anybody has chosen is only an example

  return { choose, show: () => set(names) };
}
