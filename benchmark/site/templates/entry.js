"use strict";
// Histograms of φ for the chosen forget example.

function startDistributions(chart, data) {
  const svg = chart.querySelector("svg");
  const readout = chart.querySelector("[data-readout]");
  const picker = chart.querySelector("[data-example]");
  const box = { left: 46, right: 10, top: 10, bottom: 40, width: 560, height: 300 };
  const names = data.populations.map((each) => each.name);

  function show(number) {
    picker.value = String(number);
    const [[low, high], ...counts] = data.examples[number];
    const shares = counts.map((each, k) => each.map((count) => count / data.populations[k].models));
    const most = Math.max(...shares.flat());
    const x = scale(low, high, box.left, box.width - box.right);
    const y = scale(0, most, box.height - box.bottom, box.top);
    svg.replaceChildren();
    for (const tick of roundTicks(0, most, 4)) {
      svg.append(draw("line", { class: "grid", x1: box.left, x2: box.width - box.right, y1: y(tick), y2: y(tick) }));
      svg.append(draw("text", { x: box.left - 6, y: y(tick) + 4, "text-anchor": "end" }, percent(tick, 0)));
    }
    for (const tick of roundTicks(low, high, 8)) svg.append(draw("text", { x: x(tick), y: box.height - box.bottom + 16, "text-anchor": "middle" }, tickText(tick)));
    svg.append(draw("text", { class: "title", x: (box.left + box.width) / 2, y: box.height - 6, "text-anchor": "middle" }, "φ: sure of a wrong answer ← → sure of the true answer"));
    names.forEach((name, k) => svg.append(outline(name, shares[k], low, high, x, y)));
    readout.textContent = says(number, low, high, counts);
  }

  function outline(name, shares, low, high, x, y) {
    const at = (k) => x(low + ((high - low) * k) / data.bins);
    const points = [[at(0), y(0)]];
    shares.forEach((share, k) => points.push([at(k), y(share)], [at(k + 1), y(share)]));
    points.push([at(data.bins), y(0)]);
    return draw("path", { class: `stairs ${name}`, d: line(points) });
  }

  function says(number, low, high, counts) {
    const means = names.map((name, k) => {
      const total = counts[k].reduce((sum, each) => sum + each, 0);
      const mean = counts[k].reduce((sum, each, bin) => sum + each * (low + ((high - low) * (bin + 0.5)) / data.bins), 0) / total;
      return `${name} ${decimal(mean, 1)} (${total} models)`;
    });
    return `Forget example ${number}; mean φ: ${means.join(", ")}.`;
  }

  picker.addEventListener("change", () => show(Number(picker.value)));
  for (const button of chart.querySelectorAll("[data-step]"))
    button.addEventListener("click", () => {
      const at = picker.selectedIndex - Number(button.dataset.step);
      if (at >= 0 && at < picker.options.length) show(Number(picker.options[at].value));
    });
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-show]");
    if (!button) return;
    show(Number(button.dataset.show));
    chart.scrollIntoView({ block: "center" });
    picker.focus({ preventScroll: true });
  });
  chart.hidden = false;
  show(Number(picker.value));
}

startDistributions(document.querySelector("[data-phi]"), read("distributions"));
