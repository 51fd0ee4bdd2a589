"use strict";
(() => {
  const make = (tag, set, ...children) => {
    const node = document.createElement(tag);
    for (const [key, value] of Object.entries(set || {}))
      if (key in node) node[key] = value; else node.setAttribute(key, value);
    node.append(...children);
    return node;
  };

  // States of a VPN as tabs; without script all of them stand below each other.
  for (const stage of document.querySelectorAll(".stage")) {
    const panels = [...stage.querySelectorAll(":scope > .state")];
    if (panels.length < 2) continue;
    const heading = stage.previousElementSibling;
    const bar = make("div", { className: "tabs", role: "tablist", "aria-labelledby": heading.id });
    const choose = (index, focus) => {
      panels.forEach((panel, i) => {
        panel.hidden = i !== index;
        const tab = bar.children[i];
        tab.setAttribute("aria-selected", String(i === index));
        tab.tabIndex = i === index ? 0 : -1;
        if (i === index && focus) tab.focus();
      });
    };
    panels.forEach((panel, i) => {
      const tab = make("button", { type: "button", role: "tab", id: panel.id + "-tab", "aria-controls": panel.id }, panel.dataset.title);
      tab.addEventListener("click", () => choose(i, false));
      panel.setAttribute("role", "tabpanel");
      panel.setAttribute("aria-labelledby", tab.id);
      panel.tabIndex = 0;
      bar.append(tab);
    });
    bar.addEventListener("keydown", (event) => {
      const now = panels.findIndex((panel) => !panel.hidden);
      const to = { ArrowRight: now + 1, ArrowDown: now + 1, ArrowLeft: now - 1, ArrowUp: now - 1, Home: 0, End: panels.length - 1 }[event.key];
      if (to === undefined) return;
      event.preventDefault();
      choose((to + panels.length) % panels.length, true);
    });
    stage.prepend(bar);
    stage.classList.add("tabbed");
    choose(0, false);
  }

  // Filters of a table of verdicts.
  let made = 0;
  const field = (title, control, grow) => {
    control.id = "filter-" + ++made;
    return make("div", { className: grow ? "field grow" : "field" }, make("label", { htmlFor: control.id }, title), control);
  };
  const select = (all, options) => {
    const node = make("select", null, make("option", { value: "" }, all));
    for (const [value, title] of options) node.append(make("option", { value }, title));
    return node;
  };
  for (const matrix of document.querySelectorAll(".matrix")) {
    const bodies = [...matrix.querySelectorAll("tbody")];
    const rows = [...matrix.querySelectorAll("tr.row")];
    const words = { tunnel: "Tunnel", proxy: "Proxy", direct: "Direct", system: "Ordinary", drop: "Blocked", accept: "Accepted" };
    const present = new Set(rows.flatMap((row) => row.dataset.verdicts.trim().split(" ")));
    const text = make("input", { type: "search", autocomplete: "off", spellcheck: false });
    const app = select("all", bodies.map((body, i) => [String(i), body.querySelector(".who").textContent]));
    const verdict = select("any", Object.entries(words).filter(([key]) => present.has(key)));
    const state = select("all", [...matrix.querySelectorAll("thead th[data-state]")].map((th) => [th.dataset.state, th.querySelector(".state-title").textContent]));
    const status = make("p", { className: "status", role: "status" });
    const apply = () => {
      const wanted = text.value.trim().toLowerCase().split(/\s+/).filter(Boolean);
      for (const cell of matrix.querySelectorAll("[data-state]")) cell.hidden = state.value !== "" && cell.dataset.state !== state.value;
      let shown = 0;
      bodies.forEach((body, i) => {
        let any = false;
        for (const row of body.querySelectorAll("tr.row")) {
          const cells = [...row.querySelectorAll("td")].filter((cell) => !cell.hidden);
          row.hidden = (app.value !== "" && app.value !== String(i)) || !wanted.every((word) => row.dataset.text.includes(word)) ||
            (verdict.value !== "" && !cells.some((cell) => cell.dataset.verdict === verdict.value));
          if (!row.hidden) { any = true; ++shown; }
        }
        body.hidden = !any;
      });
      status.textContent = shown === rows.length ? `${rows.length} kinds of traffic` : `${shown} of ${rows.length} kinds of traffic`;
    };
    const bar = make("div", { className: "filters", role: "search", "aria-label": "Filter " + matrix.querySelector(".scroll").getAttribute("aria-label") },
      field("App, destination, service", text, true), field("Who", app), field("Verdict", verdict), field("State", state));
    const clear = make("button", { type: "button" }, "Show all");
    clear.addEventListener("click", () => { for (const control of [text, app, verdict, state]) control.value = ""; apply(); });
    bar.append(clear);
    bar.addEventListener("input", apply);
    matrix.prepend(bar, status);
    apply();
  }

  // What stands behind a verdict, beside it while it has the pointer or the focus.
  const tip = make("div", { id: "tip", role: "tooltip", hidden: true });
  document.body.append(tip);
  const hide = () => { tip.hidden = true; };
  const show = (link) => {
    const reason = document.getElementById(link.hash.slice(1));
    if (!reason) return;
    tip.replaceChildren(...[...reason.querySelectorAll("p")].map((p) => p.cloneNode(true)));
    tip.hidden = false;
    link.setAttribute("aria-describedby", "tip");
    const box = link.getBoundingClientRect();
    const left = Math.max(8, Math.min(box.left, document.documentElement.clientWidth - tip.offsetWidth - 8));
    const below = box.bottom + 8 + tip.offsetHeight < innerHeight;
    tip.style.left = `${left + scrollX}px`;
    tip.style.top = `${(below ? box.bottom + 8 : box.top - tip.offsetHeight - 8) + scrollY}px`;
  };
  for (const [on, off] of [["pointerover", "pointerout"], ["focusin", "focusout"]]) {
    document.addEventListener(on, (event) => { const link = event.target.closest?.("a.verdict"); if (link) show(link); });
    document.addEventListener(off, (event) => { if (event.target.closest?.("a.verdict")) hide(); });
  }
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") hide(); });

  // Lists of names: unpacked when somebody searches, in pieces, so that the page never stands still.
  const pause = () => new Promise((resume) => setTimeout(resume));
  const unpack = async (packed) => {
    const pieces = new ReadableStream({
      at: 0,
      async pull(out) {
        const piece = packed.slice(this.at, this.at + (1 << 18));
        this.at += piece.length;
        if (piece === "") return out.close();
        out.enqueue(Uint8Array.from(atob(piece), (c) => c.charCodeAt(0)));
        await pause();
      },
    });
    let text = "";
    const reader = pieces.pipeThrough(new DecompressionStream("deflate")).pipeThrough(new TextDecoderStream()).getReader();
    for (let part = await reader.read(); !part.done; part = await reader.read()) text += part.value;
    return text;
  };
  const most = 200;
  for (const box of document.querySelectorAll(".names")) {
    const source = document.getElementById(box.dataset.source);
    const ends = box.dataset.ends === "" ? [] : box.dataset.ends.split(" ").map(Number);
    const input = box.querySelector("input");
    const list = box.querySelector("select");
    const status = box.querySelector(".status");
    const results = box.querySelector(".results");
    const total = Number(box.dataset.count).toLocaleString("en");
    let text = null, folded = null, run = 0;
    const titleOf = (at) => {
      let low = 0, high = ends.length - 1;
      while (low < high) { const middle = (low + high) >> 1; if (at < ends[middle]) high = middle; else low = middle + 1; }
      return list && list.options[low + 1] ? list.options[low + 1].textContent : "";
    };
    const find = async () => {
      const mine = ++run;
      const wanted = input.value.trim().toLowerCase();
      if (wanted === "") { results.hidden = true; status.textContent = ""; return; }
      if (text === null) {
        status.textContent = `Unpacking ${total} names\u2026`;
        text = unpack(source.textContent);
        source.remove();
      }
      const all = await text;
      if (mine !== run) return;
      // Names of hosts have no upper case; those of apps may.
      if (folded === null) folded = list || ends.length ? all : all.toLowerCase();
      const searched = folded.length === all.length ? folded : all;
      const chosen = list && list.value !== "" ? Number(list.value) : -1;
      const begin = chosen > 0 ? ends[chosen - 1] : 0;
      const end = chosen >= 0 ? ends[chosen] : all.length;
      const found = [];
      let count = 0, at = begin, since = performance.now();
      for (;;) {
        const hit = searched.indexOf(wanted, at);
        if (hit < 0 || hit >= end) break;
        const next = all.indexOf("\n", hit);
        if (++count <= most) found.push([all.slice(all.lastIndexOf("\n", hit) + 1, next), hit]);
        at = next + 1;
        if ((count & 255) === 0 && performance.now() - since > 8) {
          await pause();
          if (mine !== run) return;
          since = performance.now();
        }
      }
      results.replaceChildren(...found.map(([name, hit]) => {
        const item = make("li", null, name);
        if (list) item.append(make("span", null, " \u2014 " + titleOf(hit)));
        return item;
      }));
      results.hidden = count === 0;
      results.tabIndex = 0;
      status.textContent = count === 0 ? `None of ${total} names holds this.`
        : `${count.toLocaleString("en")} of ${total} names` + (count > most ? `; the first ${most} are shown.` : "");
    };
    box.querySelector(".filters").hidden = false;
    input.addEventListener("input", find);
    if (list) list.addEventListener("change", find);
  }
})();
