"use strict";
// Elements and charts. Every text is set as text, never as markup.

const SVG = "http://www.w3.org/2000/svg";

function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  return fill(element, attributes, children);
}

function draw(name, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, name), attributes, children);
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

function read(id) {
  return JSON.parse(document.getElementById(id).textContent);
}

function percent(value, digits = 1) {
  return (100 * value).toFixed(digits).replace("-", "−") + " %";
}

function decimal(value, digits = 4) {
  return value.toFixed(digits).replace("-", "−");
}

function tickText(value) {
  return String(value).replace("-", "−");
}

// A linear scale from values to pixels.
function scale(low, high, start, end) {
  const width = high - low || 1;
  return (value) => start + ((Math.min(Math.max(value, low), high) - low) / width) * (end - start);
}

// A letter stands for an entry that is compared, in the colour of its curves.
function marked(letter) {
  return [make("span", { class: `mark-${letter}` }, letter)];
}

const BOX = { width: 560, height: 340, left: 52, right: 14, top: 12, bottom: 44 };

// Draw axes with ticks at round numbers and return the two scales.
function axes(svg, xRange, yRange, xTitle, yTitle, label = tickText) {
  const x = scale(...xRange, BOX.left, BOX.width - BOX.right);
  const y = scale(...yRange, BOX.height - BOX.bottom, BOX.top);
  for (const tick of roundTicks(...xRange)) {
    svg.append(draw("line", { class: "grid", x1: x(tick), x2: x(tick), y1: BOX.top, y2: BOX.height - BOX.bottom }));
    svg.append(draw("text", { x: x(tick), y: BOX.height - BOX.bottom + 16, "text-anchor": "middle" }, label(tick)));
  }
  for (const tick of roundTicks(...yRange)) {
    svg.append(draw("line", { class: "grid", x1: BOX.left, x2: BOX.width - BOX.right, y1: y(tick), y2: y(tick) }));
    svg.append(draw("text", { x: BOX.left - 6, y: y(tick) + 4, "text-anchor": "end" }, label(tick)));
  }
  const middle = (BOX.left + BOX.width - BOX.right) / 2;
  svg.append(draw("text", { class: "title", x: middle, y: BOX.height - 6, "text-anchor": "middle" }, xTitle));
  const turned = `translate(11,${(BOX.height - BOX.bottom + BOX.top) / 2}) rotate(-90)`;
  svg.append(draw("text", { class: "title", transform: turned, "text-anchor": "middle" }, yTitle));
  return [x, y];
}

function roundTicks(low, high, most = 6) {
  const width = (high - low) / most || 1;
  const power = 10 ** Math.floor(Math.log10(width));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((each) => each >= width * 0.999);
  const ticks = [];
  for (let k = Math.ceil(low / step - 1e-9); k <= Math.floor(high / step + 1e-9); k++) ticks.push(Number((k * step).toFixed(10)));
  return ticks;
}

function line(points) {
  return "M" + points.map(([x, y]) => `${x.toFixed(1)},${y.toFixed(1)}`).join("L");
}

// One point of a chart can be reached by Tab, the others by arrow keys.
function rove(elements, onFocus, onChoose) {
  elements.forEach((element, k) => {
    element.addEventListener("focus", () => onFocus(element));
    element.addEventListener("pointerenter", () => onFocus(element));
    if (onChoose) element.addEventListener("click", () => onChoose(element));
    element.addEventListener("keydown", (event) => {
      const steps = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1, Home: -k, End: elements.length - 1 - k };
      if (event.key in steps) {
        event.preventDefault();
        const next = elements[(k + steps[event.key] + elements.length) % elements.length];
        elements.forEach((each) => each.setAttribute("tabindex", each === next ? "0" : "-1"));
        next.focus();
      } else if (onChoose && (event.key === "Enter" || event.key === " ")) {
        event.preventDefault();
        onChoose(element);
      }
    });
  });
}
