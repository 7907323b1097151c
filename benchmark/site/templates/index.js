"use strict";
// The index: a board's scripts start when its tab is opened first.

function startBoard(panel, columns) {
  const board = read(`data-${panel.dataset.panel}`);
  const marks = [];
  const chosen = startChosen(panel, board, (names) => marks.forEach((each) => each.mark(names)));
  marks.push(startTable(panel, board, columns, chosen.choose));
  marks.push(startScatters(panel, board, chosen.choose));
  chosen.show();
}

const allColumns = read("columns");
const started = new Set();
startTabs((panel) => {
  if (panel.dataset.panel === "summary" || started.has(panel)) return;
  started.add(panel);
  startBoard(panel, allColumns);
});
