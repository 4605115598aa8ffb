// Pages in order: chosen and arranged with keys or the mouse; every change is saved at once, a stale one is refused.
"use strict";
(() => {
  const { $, all, say } = hub;
  const page = $("#batch");
  if (!page) return;
  const token = $("meta[name=csrf]").content, stacks = $("#stacks"), problem = $("#mr-problem"), paper = $("#paper"), large = $("#large");
  let at = 0, held = 0, zoom = 1, busy = false;

  const version = () => Number($("#state").dataset.version);
  const pages = () => all(".pg", stacks);
  const here = () => pages().find((one) => Number(one.dataset.page) === at);
  const stackOf = (node) => node && node.closest(".stack");
  const idOf = (stack) => Number(stack.dataset.stack);
  function complain(text) { problem.textContent = text || ""; problem.hidden = !text; if (text) problem.scrollIntoView({ block: "nearest" }); }

  async function post(path, body) {
    const answer = await fetch(path, { method: "POST", credentials: "same-origin", body: JSON.stringify(body), headers: { "Content-Type": "application/json", Accept: "application/json", "X-CSRF-Token": token } });
    const said = await answer.json().catch(() => ({}));
    if (answer.ok) return said;
    throw Object.assign(new Error(answer.status === 401 ? "登录已失效，请刷新页面" : said.error || "没有保存，请重试"), { status: answer.status });
  }
  async function change(what, given) {
    if (busy) return false;
    busy = true;
    let done = false;
    try {
      await post(`/mailroom/batches/${page.dataset.batch}/change`, { version: version(), what, ...given });
      complain("");
      done = true;
    } catch (error) { complain(error instanceof TypeError ? "连不上服务器，没有保存" : error.message); }
    await refresh();
    busy = false;
    return done;
  }
  async function take(some) {
    if (busy) return;
    busy = true;
    try {
      const said = await post(`/mailroom/batches/${page.dataset.batch}/take`, { version: version(), stacks: some || [] });
      complain(some && said.left.length ? said.left[0].why : "");
      if (said.taken) say(`${said.taken} 封已收件${!some && said.left.length ? `，${said.left.length} 份还不能收` : ""}`);
      else if (!some) complain(said.left.length ? `没有可收的信：${said.left[0].why}` : "没有可收的信");
    } catch (error) { complain(error instanceof TypeError ? "连不上服务器，没有保存" : error.message); }
    await refresh();
    busy = false;
  }
  // The stacks are read again; pictures that are there already stay, and so do the chosen page and what is being typed.
  async function refresh(seen) {
    const typing = document.activeElement && document.activeElement.matches("[data-no]") ? document.activeElement : null;
    const html = await hub.read(page.dataset.refresh + (seen ? `?seen=${seen}` : ""));
    if (!html) return; // no answer, or nothing new
    const pictures = new Map(pages().map((one) => [one.dataset.page, $("img", one)]));
    const box = document.createElement("div");
    box.innerHTML = html;
    for (const one of all(".pg", box)) {
      const old = pictures.get(one.dataset.page);
      if (old && old.complete) $("img", one).replaceWith(old);
    }
    stacks.replaceChildren(...box.childNodes);
    if (typing) {
      const again = document.getElementById(typing.id);
      if (again) { if (again.value !== typing.value && typing.value) again.value = typing.value; again.focus(); }
    }
    mark(false);
  }
  document.addEventListener("scans", () => refresh().catch(() => {}));
  setInterval(() => { if ($("[data-live]", stacks) && !busy) refresh($("#state").dataset.seen).catch(() => {}); }, 1500);

  function mark(show) {
    const one = here();
    for (const other of pages()) {
      other.classList.toggle("on", other === one);
      other.classList.toggle("held", Number(other.dataset.page) === held);
      if (other === one) other.setAttribute("aria-current", "true"); else other.removeAttribute("aria-current");
    }
    all(".stack", stacks).forEach((stack) => stack.classList.toggle("at", stack === stackOf(one)));
    all("[data-do]").forEach((button) => { button.disabled = !one || stackOf(one).classList.contains("stack-taking"); });
    large.hidden = !one;
    $("#no-page").hidden = Boolean(one);
    if (!one) return;
    const source = `/mailroom/pages/${at}/large`;
    if (large.getAttribute("src") !== source) { large.src = source; paper.scrollTo(0, 0); }
    large.alt = one.getAttribute("aria-label");
    lay();
    if (show) { one.focus({ preventScroll: true }); stackOf(one).scrollIntoView({ block: "nearest" }); one.scrollIntoView({ block: "nearest" }); }
  }
  // The large picture lies as the page will be taken in: turned, and the room beside it scrolls.
  function lay() {
    const one = here();
    if (!one) return;
    const turn = Number(one.dataset.rotation), room = Math.max(200, paper.clientWidth - 2) * [1, 1.5, 2.2, 3.2][zoom - 1];
    const wide = large.naturalWidth || 1, high = large.naturalHeight || 1, lies = turn % 180 !== 0;
    const width = lies ? room * wide / high : room, height = lies ? room : room * high / wide;
    Object.assign(large.style, { width: `${width}px`, height: `${height}px`, transform: { 0: "", 90: `translateX(${room}px) rotate(90deg)`, 180: `translate(${width}px, ${height}px) rotate(180deg)`, 270: `translateY(${width}px) rotate(-90deg)` }[turn] });
    Object.assign($("#lay").style, { width: `${room}px`, height: `${lies ? width : height}px` });
  }
  large.addEventListener("load", lay);
  addEventListener("resize", lay);
  function choose(one) { if (one) { at = Number(one.dataset.page); mark(true); } }
  function step(by) {
    const list = pages().filter((one) => stackOf(one).classList.contains("stack-open")), place = list.indexOf(here());
    choose(list[Math.max(0, Math.min(list.length - 1, place + by))] || list[0]);
  }
  function stepStack(by) {
    const list = all(".stack-open", stacks), place = list.indexOf(stackOf(here()));
    const stack = list[Math.max(0, Math.min(list.length - 1, place + by))];
    if (stack) choose($(".pg", stack));
  }
  async function assign(input) {
    const stack = stackOf(input), list = all(".stack-open", stacks), following = list[list.indexOf(stack) + 1], id = following && idOf(following);
    input.removeAttribute("aria-invalid");
    const done = await change("assign", { stack: idOf(stack), no: input.value });
    const again = $(`#no-${idOf(stack)}`);
    if (!done && again) { again.setAttribute("aria-invalid", "true"); again.focus(); return; }
    const next = id && $(`#no-${id}`);
    if (next) { next.focus(); next.select(); choose2($(".pg", stackOf(next))); } else if (again) again.blur();
  }
  function choose2(one) { if (one) { at = Number(one.dataset.page); mark(false); stackOf(one).scrollIntoView({ block: "nearest" }); } }

  stacks.addEventListener("click", (event) => {
    const one = event.target.closest(".pg");
    if (one) return choose(one);
    const file = event.target.closest("[data-file]"), id = file && Number(file.dataset.file);
    if (event.target.closest("[data-twin]")) change("twin", { file: id, same: event.target.closest("[data-twin]").dataset.twin === "same" });
    else if (event.target.closest("[data-remove]")) change("remove", { file: id });
    else if (event.target.closest("[data-take-one]")) take([idOf(stackOf(event.target))]);
    else if (event.target.closest("[data-take]")) take();
    else if (event.target.closest("[data-turn-in]")) change("in_turn", {});
  });
  stacks.addEventListener("focusin", (event) => {
    const input = event.target.closest("[data-no]");
    if (input) { const first = $(".pg", stackOf(input)); if (first && stackOf(here()) !== stackOf(input)) choose2(first); }
  });
  stacks.addEventListener("change", (event) => { if (event.target.matches("[data-no]") && !busy) assign(event.target); });

  const keys = {
    ArrowRight: () => step(1), ArrowLeft: () => step(-1), ArrowDown: () => stepStack(1), ArrowUp: () => stepStack(-1),
    s: (one) => change("split", { pages: [at] }).then(() => choose(one && here())),
    j: (one) => change("join", { stack: idOf(stackOf(one)) }),
    r: () => change("turn", { pages: [at], by: 1 }), R: () => change("turn", { pages: [at], by: -1 }),
    "[": () => change("shift", { pages: [at], by: -1 }), "]": () => change("shift", { pages: [at], by: 1 }),
    e: () => change("mark", { pages: [at], role: "envelope" }), p: () => change("mark", { pages: [at], role: "postmark" }),
    b: () => change("mark", { pages: [at], role: "page" }), x: () => change("mark", { pages: [at], role: "left_out" }),
    m: () => { held = held === at ? 0 : at; mark(true); if (held) say("已拿起这一页：移到别处按 V 放在该页之前"); },
    v: () => { if (held && held !== at) { const one = held; held = 0; change("move", { pages: [one], before: at }).then(() => { at = one; mark(true); }); } },
    n: (one) => { const input = $("[data-no]", stackOf(one)); if (input) { input.focus(); input.select(); } },
    "+": () => enlarge(1), "=": () => enlarge(1), "-": () => enlarge(-1), 0: () => enlarge(0),
  };
  function enlarge(by) { zoom = by ? Math.max(1, Math.min(4, zoom + by)) : 1; mark(false); }
  addEventListener("keydown", (event) => { // before the keys that every page has: here N is the number, not a new form
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || event.keyCode === 229) return;
    if (event.key === "F8") { event.preventDefault(); return take(); }
    if (event.target.matches("[data-no]")) {
      if (event.key === "Enter") { event.preventDefault(); assign(event.target); }
      if (event.key === "Escape") { event.preventDefault(); choose(here()); }
      return;
    }
    if (event.target.closest("input,textarea,select,dialog")) return;
    const act = keys[event.key] || keys[event.key.toLowerCase()];
    const one = here();
    const moves = event.key.startsWith("Arrow");
    if (!act || (!one && !moves)) return;
    event.preventDefault();
    event.stopPropagation();
    act(one);
  }, true);

  for (const button of all("[data-do]")) button.addEventListener("click", () => { const one = here(); if (one) keys[button.dataset.do](one); });

  // The mouse: a page dragged onto another goes before it, onto a stack to its end.
  let dragged = 0;
  stacks.addEventListener("dragstart", (event) => { const one = event.target.closest(".pg"); if (one) { dragged = Number(one.dataset.page); event.dataTransfer.setData("text/plain", String(dragged)); event.dataTransfer.effectAllowed = "move"; } });
  stacks.addEventListener("dragover", (event) => {
    if (!dragged || !event.target.closest(".stack-open")) return;
    event.preventDefault();
    const over = event.target.closest(".pg");
    pages().forEach((one) => one.classList.toggle("over", one === over));
  });
  stacks.addEventListener("drop", (event) => {
    const stack = event.target.closest(".stack-open"), over = event.target.closest(".pg"), one = dragged;
    dragged = 0;
    if (!one || !stack) return;
    event.preventDefault();
    if (over && Number(over.dataset.page) !== one) change("move", { pages: [one], before: Number(over.dataset.page) });
    else if (!over) change("move", { pages: [one], stack: idOf(stack) });
  });
  stacks.addEventListener("dragend", () => { dragged = 0; pages().forEach((one) => one.classList.remove("over")); });
  step(0);
})();
