// Every page: times, live updates, keys of the queue. No network beyond the origin; pages work without it, less live.
"use strict";
const hub = (() => {
  const $ = (query, root = document) => root.querySelector(query);
  const all = (query, root = document) => [...root.querySelectorAll(query)];
  const pad = (n) => String(n).padStart(2, "0");
  const DAY = 86400e3, CHINA = 8 * 3600e3; // China Standard Time for everybody, wherever the browser stands
  // The hub's time, not the browser's: an office PC may be wrong, a demo's clock moved.
  const ahead = (Date.parse($("meta[name=now]")?.content) || Date.now()) - Date.now();

  function times(root) {
    const today = new Date(Date.now() + ahead + CHINA).toISOString().slice(0, 10);
    for (const node of all("time[data-time]", root)) {
      const at = new Date(Date.parse(node.dateTime) + CHINA);
      const day = at.toISOString().slice(0, 10), clock = pad(at.getUTCHours()) + ":" + pad(at.getUTCMinutes());
      if (day === today) node.textContent = "今天 " + clock;
      node.title = day + " " + clock + ":" + pad(at.getUTCSeconds());
    }
    for (const node of all("time[data-due]", root)) {
      const days = Math.round((Date.parse(node.dateTime) - Date.parse(today)) / DAY);
      node.title = node.dateTime + (days < 0 ? `，已超期 ${-days} 天` : `，还有 ${days} 天（自然日）`);
      if (days < 0) node.classList.add("chip", "chip-red");
      else if (days <= 2) node.classList.add("chip", "chip-amber");
    }
  }

  // On a phone the rows of a table stand one under another: each cell then says what its column is called.
  function headed(root) {
    for (const table of all("table.cards,table.stacked", root)) {
      const heads = all("thead tr:last-child th", table).map((head) => ($(".visually-hidden", head) ? "" : head.textContent.trim()));
      for (const row of all("tbody tr", table)) [...row.cells].forEach((cell, index) => {
        const bare = !cell.textContent.trim() || $("form,details,button,.btn,.clamp", cell);
        if (index && heads[index] && row.cells.length === heads.length && !bare && !cell.dataset.name) cell.dataset.name = heads[index];
      });
    }
  }

  // What was done, for a while, with a way back where there is one: `undo` is a form or a function, `words` its button.
  // It waits while somebody points at it or stands in it.
  function toast(text, { undo = null, words = "撤销", seconds = undo ? 15 : 5 } = {}) {
    const box = document.createElement("div"), p = document.createElement("p");
    box.className = "toast";
    p.textContent = text;
    box.append(p);
    if (undo instanceof HTMLFormElement) box.append(undo);
    else if (undo) {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "btn btn-sm";
      button.textContent = words;
      button.addEventListener("click", () => { box.remove(); undo(); });
      box.append(button);
    }
    if (undo) {
      const close = document.createElement("button");
      close.type = "button";
      close.className = "toast-close";
      close.textContent = "✕";
      close.setAttribute("aria-label", "收起提示");
      close.addEventListener("click", () => box.remove());
      box.append(close);
    }
    let left = setTimeout(() => box.remove(), seconds * 1000);
    for (const kind of ["pointerenter", "focusin"]) box.addEventListener(kind, () => clearTimeout(left));
    for (const kind of ["pointerleave", "focusout"]) box.addEventListener(kind, () => { clearTimeout(left); left = setTimeout(() => box.remove(), 4000); });
    $("#toast").append(box);
    return box;
  }
  const say = (text) => toast(text);

  // One stream a browser: the tab that holds the lock reads it and tells the others. The stream names changed clues by
  // number only; a page reads again what its person may see.
  const listeners = [];
  const tell = (ids) => listeners.forEach((listener) => listener(ids));
  const hearers = { here: [], mention: [], ring: [], letters: [] }; // who looks at which clue; a note speaks to this person; a telephone rings; the register changed
  const hear = (kind, hearer) => { hearers[kind].push(hearer); live(() => {}); };
  const pass = (told) => { if (told) hearers[told.kind].forEach((hearer) => hearer(told.ids)); };
  function live(listener) {
    listeners.push(listener);
    if (listeners.length > 1 || !window.EventSource) return;
    const channel = window.BroadcastChannel ? new BroadcastChannel("hub-live") : null;
    let leads = false;
    const spread = (ids, on, clock, told) => { light(on); if (ids) tell(ids); if (clock) later(); pass(told); if (channel) channel.postMessage({ ids, on, clock, told }); };
    const lead = (gap) => { leads = true; stream(spread, gap); };
    if (!navigator.locks || !channel) return lead(false);
    channel.onmessage = ({ data }) => {
      if (data.hello) { if (leads) channel.postMessage({ ids: null, on: stateOn }); return; }
      light(data.on);
      if (data.ids) tell(data.ids);
      if (data.clock) later();
      pass(data.told);
    };
    channel.postMessage({ hello: true }); // a new tab asks whether the stream is up
    const asked = Date.now();
    navigator.locks.request("hub-live", () => new Promise(() => lead(Date.now() - asked > 1000)));
  }
  // A demo's clock was moved: days are counted anew, but nothing that somebody is typing is lost.
  function later() {
    const typing = $("[data-dirty]") || all("input:not([type=hidden]),textarea", $("main")).some((box) => box.type !== "checkbox" && box.type !== "radio" && box.value !== box.defaultValue);
    if (typing) say("演示时间已拨快，刷新后可见"); else setTimeout(() => location.reload(), 600);
  }
  function light(on) { all("[data-live]").forEach((node) => node.classList.toggle("on", Boolean(on))); stateOn = on; }
  let stateOn = false;
  function stream(spread, gap) { // gap: another tab had the stream before; what it missed in between is read again
    let opened = gap, source = null;
    const connect = () => {
      source = new EventSource("/live");
      source.onopen = () => { spread(opened ? [] : null, true); opened = true; }; // after a gap everything is read again
      source.addEventListener("clock", () => spread(null, true, true));
      source.addEventListener("clue", (event) => spread(JSON.parse(event.data), true));
      for (const kind of Object.keys(hearers)) source.addEventListener(kind, (event) => spread(null, true, false, { kind, ids: JSON.parse(event.data) }));
      source.onerror = () => {
        if (source.readyState !== EventSource.CLOSED) return; // ended after 60 s: the browser comes back by itself
        light(false);
        setTimeout(() => { spread([], false); connect(); }, 10000); // no thread was free: poll
      };
    };
    connect();
    addEventListener("pagehide", () => source.close());
    addEventListener("pageshow", (event) => { if (event.persisted) connect(); });
  }

  async function read(path, headers) {
    const answer = await fetch(path, { headers: { "HX-Request": "true", ...headers }, credentials: "same-origin" });
    if (answer.status === 401) location.reload(); // signed out meanwhile: show the sign-in page
    return answer.ok ? answer.text() : null;
  }

  // Lists (queue, received, running state): the rows are read again and swapped; focus and mark stay.
  const region = $("#rows");
  const came = new Map(); // when new rows came: they stay lit through the refreshes that follow
  let at = null;
  async function refresh() {
    if (!region) return;
    const html = await read(region.dataset.refresh);
    if (html === null) return;
    const before = new Set(all("tr[data-no]", region).map((row) => row.dataset.no));
    const focus = region.contains(document.activeElement) ? document.activeElement : null;
    const held = focus && (focus.id || focus.getAttribute("href") || focus.getAttribute("aria-label"));
    region.innerHTML = html;
    headed(region);
    if (held) all("a,input,select,button,summary", region).find((one) => [one.id, one.getAttribute("href"), one.getAttribute("aria-label")].includes(held))?.focus({ preventScroll: true });
    times(region);
    light(stateOn);
    document.dispatchEvent(new CustomEvent("hub:rows"));
    const fresh = all("tr[data-no]", region).filter((row) => !before.has(row.dataset.no));
    const now = Date.now();
    for (const row of fresh) if (before.size) came.set(row.dataset.no, now);
    for (const row of all("tr[data-no]", region)) if (now - (came.get(row.dataset.no) || 0) < 4000) row.classList.add("fresh");
    if (before.size && fresh.length) {
      say(`新到 ${fresh.length} 条线索`);
    }
    mark();
  }
  let waiting = 0;
  const soon = () => { if (!waiting) waiting = setTimeout(() => { waiting = 0; refresh().catch(() => {}); }, 200); };
  if (region) {
    if (region.dataset.every) setInterval(soon, region.dataset.every * 1000);
    else live(soon);
    setInterval(() => { if ($("[data-pending]", region)) soon(); }, 2000);
  }

  // Keys of the queue.
  function rows() { return all("tr[data-no]"); }
  function mark() { rows().forEach((row) => row.classList.toggle("at", row.dataset.no === at)); }
  function step(by) {
    const list = rows(), index = list.findIndex((row) => row.dataset.no === at);
    const next = list[Math.min(list.length - 1, Math.max(0, index + by))];
    at = next.dataset.no;
    mark();
    $("a", next).focus({ preventScroll: true });
    next.scrollIntoView({ block: "nearest" });
  }
  const row = () => rows().find((one) => one.dataset.no === at);

  // One table of keys for every page: what is pressed, what it does, where it holds. `?` shows it (palette.js).
  const keys = [];
  function key(pressed, words, when, run, { always = false } = {}) { keys.push({ pressed, words, when, run, always }); }
  const holds = (one) => (typeof one.when === "function" ? one.when() : !one.when || $(one.when));
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || event.defaultPrevented) return;
    const writing = event.target.closest && event.target.closest("input:not([type=checkbox]):not([type=radio]),select,textarea,audio,[contenteditable],dialog");
    const found = keys.find((one) => one.pressed === event.key && (!writing || one.always) && holds(one));
    if (found) { event.preventDefault(); found.run(event); return; }
    if (writing && event.key === "Escape" && !event.target.closest("dialog")) event.target.blur();
  });
  key("j", "下一条线索", "tr[data-no]", () => step(1));
  key("k", "上一条线索", "tr[data-no]", () => step(-1));
  key("/", "检索", "[data-key='/']", () => $("[data-key='/']").focus());
  key("n", "登记来件", ".menu a[href='/new']", () => location.assign("/new"));
  key("u", "返回上一级", "[data-key='u']", () => $("[data-key='u']").click());
  key("F2", "接听来电", () => $(".menu a[href='/call']") && !$("#pad"), () => location.assign("/call#new"), { always: true });

  // A telephone rings, or a colleague asks into a call: said on every page of who takes calls; F2 opens the pad.
  if ($(".menu a[href='/call']") && !$("#pad")) hear("ring", (kinds) => {
    const asked = kinds.includes(1);
    toast(asked ? "同事请您加入通话" : "有来电：按 F2 接听", { undo: () => location.assign(asked ? "/call" : "/call#new"), words: asked ? "打开" : "接听", seconds: 30 });
  });

  // A menu that opens shuts with Escape and with a click elsewhere.
  document.addEventListener("keydown", (event) => {
    const open = event.key === "Escape" && $("details[data-shut][open]");
    if (open) { open.open = false; $("summary", open).focus(); }
  });
  document.addEventListener("click", (event) => {
    for (const open of all("details[data-shut][open]")) if (!open.contains(event.target)) open.open = false;
    const row = event.target.closest("tr[data-no]");
    if (row && !event.target.closest("a,button,input,label,.tick-col") && !String(getSelection())) $("a", row).click();
    const back = event.target.closest("[data-back]");
    if (back) { event.preventDefault(); history.back(); }
  });
  if (history.length > 1) all("[data-back]").forEach((node) => (node.hidden = false));

  times(document);
  headed(document);
  return { $, all, times, say, toast, live, hear, read, key, keys, holds, row };
})();
