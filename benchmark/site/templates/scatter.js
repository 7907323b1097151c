"use strict";
// The charts of a board whose points are entries.

function startScatters(panel, board, onChoose) {
  const charts = [...panel.querySelectorAll("[data-scatter]")];
  const siblings = new Map(board.entries.map((each) => [each.name, each.sibling]));
  for (const chart of charts) {
    startZoom(chart);
    const readout = chart.querySelector("[data-readout]");
    for (const view of chart.querySelectorAll("[data-view]")) startView(view, readout);
  }

  function startView(view, readout) {
    const points = [...view.querySelectorAll(".entry")];
    const pairs = [...view.querySelectorAll(".pair")];
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

// One view is shown at a time: near the entries first, the whole range by the button.
function startZoom(chart) {
  const button = chart.querySelector("[data-zoom]");
  if (!button) return;
  const show = (isWhole) => {
    button.setAttribute("aria-pressed", String(isWhole));
    const name = isWhole ? "whole" : "near";
    for (const view of chart.querySelectorAll("[data-view]")) view.classList.toggle("away", view.dataset.view !== name);
    for (const note of chart.querySelectorAll(".outside")) note.hidden = note.dataset.of !== name;
  };
  button.hidden = false;
  button.addEventListener("click", () => show(button.getAttribute("aria-pressed") !== "true"));
  show(false);
}
