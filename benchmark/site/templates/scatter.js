"use strict";
// The charts of a board whose points are entries.

function startScatters(panel, board, onChoose) {
  const charts = [...panel.querySelectorAll("[data-scatter]")];
  const siblings = new Map(board.entries.map((each) => [each.name, each.sibling]));
  for (const chart of charts) {
    const readout = chart.querySelector("[data-readout]");
    const points = [...chart.querySelectorAll(".entry")];
    const pairs = [...chart.querySelectorAll(".pair")];
    rove(
      points,
      (point) => {
        readout.textContent = point.getAttribute("aria-label");
        for (const each of points) each.classList.toggle("related", each.dataset.entry === siblings.get(point.dataset.entry));
        const either = [point.dataset.entry, siblings.get(point.dataset.entry)];
        for (const each of pairs) each.classList.toggle("shown", either.includes(each.dataset.pair));
      },
      (point) => onChoose(point.dataset.entry, point.getAttribute("aria-pressed") !== "true"),
    );
  }
  return {
    mark(names) {
      for (const chart of charts)
        for (const point of chart.querySelectorAll(".entry")) point.setAttribute("aria-pressed", String(names.includes(point.dataset.entry)));
    },
  };
}
