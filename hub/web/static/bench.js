// The bench of who handles clues: many rows at once, kept views with live counts, who else is here, mentions, toasts.
"use strict";
(() => {
  const { $, all, toast, key, row, hear } = hub;
  const token = $("meta[name=csrf]")?.content;
  const region = $("#rows"), page = $("#case");
  async function json(path, options = {}) {
    const answer = await fetch(path, { credentials: "same-origin", headers: { "HX-Request": "true", "X-CSRF-Token": token }, ...options });
    return answer.ok ? answer.json() : null;
  }

  // What was just done is said in the corner, with its way back.
  for (const bar of all("[data-toast]")) {
    toast($("[role=status]", bar).textContent, { undo: $("form", bar) });
    bar.remove();
    const here = new URL(location);
    here.searchParams.delete("run");
    history.replaceState(null, "", here);
    const list = $("#rows[data-refresh]"); // a live refresh shall not say it again
    if (list) list.dataset.refresh = here.pathname + here.search;
  }

  // Rows of the queue: x ticks the row that j and k stand on, Shift takes everything in between. What is ticked stays
  // ticked when the list is read again.
  const chosen = new Set();
  let last = "";
  const boxes = () => all("#rows input[type=checkbox][name=row]"); // a claim in one click has a hidden one
  const number = (box) => box.value.split("~")[0];
  function shown() {
    for (const box of boxes()) {
      box.checked = chosen.has(number(box));
      box.closest("tr").classList.toggle("ticked", box.checked);
    }
    const bar = $("#bulk"), ticked = boxes().filter((box) => box.checked).length;
    if (bar) {
      bar.hidden = !ticked;
      $("[data-chosen-count]", bar).textContent = ticked;
    }
  }
  function choose(box, on, range) {
    const list = boxes(), from = list.findIndex((one) => number(one) === last), to = list.indexOf(box);
    const span = range && from >= 0 ? list.slice(Math.min(from, to), Math.max(from, to) + 1) : [box];
    for (const one of span) if (on) chosen.add(number(one)); else chosen.delete(number(one));
    last = number(box);
    shown();
  }
  if (region && $("#bulk")) {
    region.addEventListener("click", (event) => {
      const cell = event.target.closest(".tick-col"), box = cell && $("input[type=checkbox]", cell);
      if (box) {
        if (event.target !== box) box.checked = !box.checked;
        choose(box, box.checked, event.shiftKey);
      }
      if (event.target.closest("[data-unchoose]")) { event.preventDefault(); chosen.clear(); shown(); }
    });
    const tick = (range) => () => { const box = row() && $("input[type=checkbox][name=row]", row()); if (box) choose(box, range || !box.checked, range); };
    key("x", "选择或取消这一条", "#bulk", tick(false));
    key("X", "从上次选择到这一条", "#bulk", tick(true));
    key("b", "到批量办理", () => $("#bulk") && !$("#bulk").hidden, () => $("#bulk select, #bulk button").focus());
    addEventListener("pageshow", () => { for (const box of boxes()) if (box.checked) chosen.add(number(box)); shown(); });
    shown();
  }

  // Kept views: how many clues stand in each, again after every change.
  let counting = 0;
  async function count() {
    const views = all("[data-view]");
    if (!views.length) return;
    const found = await json("/views/counts");
    if (found) for (const view of views) {
      const n = found[view.dataset.view];
      $("[data-count]", view).textContent = n === undefined ? "" : n >= 100 ? "99+" : n;
    }
  }
  const recount = () => { clearTimeout(counting); counting = setTimeout(() => count().catch(() => {}), 600); };
  let counts = new Map();
  if (region) {
    document.addEventListener("hub:rows", () => {
      for (const view of all("[data-view]")) $("[data-count]", view).textContent = counts.get(view.dataset.view) || "";
      shown();
      recount();
      look();
    });
    new MutationObserver(() => { counts = new Map(all("[data-view]").map((view) => [view.dataset.view, $("[data-count]", view).textContent])); }).observe(region, { subtree: true, characterData: true, childList: true });
    count().catch(() => {});
  }

  // Who else looks at a clue or fills in a form on it: said on its page, marked in the queue.
  const BEAT = 20000;
  let told = "";
  function editing() {
    const typed = all("#case textarea,#acts textarea,#acts input:not([type=hidden]):not([type=checkbox]):not([type=radio])").some((box) => box.value !== box.defaultValue);
    return Boolean(typed || $(".edit[open]") || (hub.desk && hub.desk.busy()));
  }
  function said(found) {
    const line = $("#here");
    if (!line || !found) return;
    const words = (found[page.dataset.clue] || []).map(([name, writes]) => `${name}${writes ? "正在填写" : "正在查看"}`).join(" · ");
    if (line.textContent !== words) line.textContent = words;
    line.hidden = !words;
  }
  function form(leave) {
    const body = new FormData();
    body.set("csrf_token", token);
    body.set("clue", page.dataset.clue);
    if (leave) body.set("leave", "1");
    else if (editing()) body.set("editing", "1");
    return body;
  }
  const beat = async () => { told = editing() ? "e" : "v"; said(await json("/here", { method: "POST", body: form(false) })); };
  async function look() {
    const rows = all("#rows tr[data-clue]");
    if (!rows.length) return;
    const found = await json("/here?" + rows.map((one) => "c=" + one.dataset.clue).join("&"));
    for (const one of rows) {
      const mark = $("[data-here]", one), here = (found && found[one.dataset.clue]) || [];
      if (!mark) continue;
      mark.textContent = here.map(([name]) => name).join("、");
      mark.classList.toggle("writes", here.some(([, writes]) => writes));
      mark.title = here.map(([name, writes]) => `${name}${writes ? "正在填写" : "正在查看"}`).join("，");
    }
  }
  if (page && $("#here")) {
    beat().catch(() => {});
    setInterval(() => { if (!document.hidden) beat().catch(() => {}); }, BEAT);
    document.addEventListener("input", () => { if (told !== "e") beat().catch(() => {}); });
    addEventListener("pagehide", () => navigator.sendBeacon("/here", form(true)));
    hear("here", (ids) => { if (ids.includes(Number(page.dataset.clue))) beat().catch(() => {}); });
  }
  if (region && $("tr[data-clue]", region)) {
    look().catch(() => {});
    let soon = 0;
    hear("here", (ids) => { if (!soon && ids.some((id) => $(`tr[data-clue="${id}"]`, region))) soon = setTimeout(() => { soon = 0; look().catch(() => {}); }, 400); });
    setInterval(() => { if ($("[data-here]:not(:empty)", region)) look().catch(() => {}); }, BEAT * 2);
  }

  // A note speaks to this person: the number in the head grows.
  const badge = $("[data-mentions-count] b");
  if (badge && (page || (region && !region.dataset.every))) hear("mention", async () => {
    const found = await json("/mentions/count");
    if (!found) return;
    badge.hidden = !found.unseen;
    badge.firstChild.data = String(found.unseen);
    if (found.unseen) toast("有同事在备注里提到您");
  });
})();
