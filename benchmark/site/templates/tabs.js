"use strict";
// Tabs: without this script every panel is shown, one below the other.

function fragment() {
  return decodeURIComponent(location.hash.slice(1));
}

// What a reader set lives in the state of the page's place in the history: it outlives reloading and coming back.
function recall(label) {
  return (history.state || {})[label] || {};
}

function remember(label, part, value) {
  const own = { ...recall(label), [part]: value };
  history.replaceState({ ...history.state, [label]: own }, "");
}

function go(place) {
  if (location.hash !== place) history.pushState(history.state, "", place);
}

function startTabs(onOpen) {
  const list = document.querySelector("[data-tabs]");
  const tabs = [...list.querySelectorAll("[data-tab]")];
  const panels = new Map([...document.querySelectorAll("[data-panel]")].map((panel) => [panel.dataset.panel, panel]));
  document.documentElement.classList.add("scripted");
  list.setAttribute("role", "tablist");
  for (const tab of tabs) {
    tab.parentElement.setAttribute("role", "presentation");
    fill(tab, { role: "tab", id: `tab-${tab.dataset.tab}`, "aria-controls": tab.dataset.tab }, []);
    fill(panels.get(tab.dataset.tab), { role: "tabpanel", "aria-labelledby": tab.id }, []);
  }

  function open(name, focus) {
    for (const tab of tabs) {
      const chosen = tab.dataset.tab === name;
      tab.setAttribute("aria-selected", String(chosen));
      tab.setAttribute("tabindex", chosen ? "0" : "-1");
      panels.get(tab.dataset.tab).classList.toggle("open", chosen);
      if (chosen) tab.scrollIntoView({ block: "nearest", inline: "nearest" });
      if (chosen && focus) tab.focus();
    }
    onOpen(panels.get(name));
  }

  // A link may lead to a panel, to a row in one, or to a part of the page that is no panel's.
  function follow() {
    const target = document.getElementById(fragment().split(":")[0]);
    const panel = target && target.closest("[data-panel]");
    const isOpen = Boolean(panel) && panel.classList.contains("open");
    if (panel) open(panel.dataset.panel, false);
    else if (!fragment() || !document.querySelector(".panel.open")) open(tabs[0].dataset.tab, false);
    if (target && target !== panel) target.scrollIntoView();
    else if (target && !isOpen) window.scrollTo(0, 0);
  }

  list.addEventListener("click", (event) => {
    const tab = event.target.closest("[data-tab]");
    if (!tab) return;
    event.preventDefault();
    open(tab.dataset.tab, false);
    go(`#${tab.dataset.tab}`);
  });
  list.addEventListener("keydown", (event) => {
    const at = tabs.indexOf(document.activeElement);
    const steps = { ArrowRight: 1, ArrowLeft: -1, Home: -at, End: tabs.length - 1 - at };
    if (at < 0 || !(event.key in steps)) return;
    event.preventDefault();
    const next = tabs[(at + steps[event.key] + tabs.length) % tabs.length];
    open(next.dataset.tab, true);
    go(`#${next.dataset.tab}`);
  });
  window.addEventListener("hashchange", follow);
  follow();
}
