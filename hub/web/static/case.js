// The clue page: words seek the recording, evidence lights its words, its box and its second, changes come in live.
"use strict";
(() => {
  const { $, all, times, say, live, read } = hub;
  const page = $("#case");
  if (!page) return;

  function unlight() {
    all(".lit").forEach((node) => node.classList.remove("lit"));
    all("mark").forEach((mark) => {
      const parent = mark.parentNode;
      mark.replaceWith(...mark.childNodes);
      parent.normalize();
    });
  }
  function light(part, segment) {
    unlight();
    const box = $("#part-" + part);
    if (!box) return null;
    all(`[data-line="${segment}"]`, box).forEach((node) => node.classList.add("lit"));
    return box;
  }
  function show(node) {
    if (node) node.scrollIntoView({ block: "center", behavior: matchMedia("(prefers-reduced-motion:reduce)").matches ? "auto" : "smooth" });
  }
  // Marks characters [start, end) of a text; offsets count code points, as the server does.
  function words(target, start, end) {
    const walker = document.createTreeWalker(target, NodeFilter.SHOW_TEXT), nodes = [];
    while (walker.nextNode()) nodes.push(walker.currentNode);
    let position = 0, first = null;
    for (const node of nodes) {
      const chars = [...node.data], from = Math.max(0, start - position), to = Math.min(chars.length, end - position);
      position += chars.length;
      if (from >= to) continue;
      const range = document.createRange(), before = chars.slice(0, from).join("").length;
      range.setStart(node, before);
      range.setEnd(node, before + chars.slice(from, to).join("").length);
      const mark = document.createElement("mark");
      range.surroundContents(mark);
      first = first || mark;
    }
    return first;
  }
  function seek(box, second) {
    const audio = $("audio", box);
    if (!audio) return;
    audio.currentTime = Math.max(0, Number(second));
    audio.play().catch(() => say("浏览器没有播放：请点播放键"));
  }
  document.addEventListener("click", (event) => {
    const target = event.target;
    const span = target.closest(".span");
    if (span) {
      const box = light(span.dataset.part, span.dataset.segment);
      if (!box) return;
      const text = $(`li[data-line="${span.dataset.segment}"] [data-text]`, box) || $("[data-text]", box);
      const mark = text && words(text, Number(span.dataset.start), Number(span.dataset.end));
      show(mark || box);
      const rect = $(`rect[data-line="${span.dataset.segment}"]`, box);
      if (rect && innerWidth > 1100) show(rect);
      if (span.dataset.seek) seek(box, span.dataset.seek);
      return;
    }
    const word = target.closest(".seek, .w");
    if (word) { seek(word.closest(".part"), word.dataset.seek); return; }
    const rect = target.closest("rect[data-line]");
    if (rect) {
      const box = light(rect.closest(".part").dataset.part, rect.dataset.line);
      show($(`li[data-line="${rect.dataset.line}"]`, box));
      return;
    }
    const line = target.closest(".page li[data-line]");
    if (line && !target.closest(".edit")) light(line.closest(".part").dataset.part, line.dataset.line);
  });
  // Opened from a search (#find=words: a fragment, so that they reach no log): the first place is lit, its box or second
  // with it. Blanks and full-width forms make no difference; a place may run on into the next line.
  function find(wanted) {
    const plain = (text) => [...text].map((sign) => sign.normalize("NFKC").toLowerCase()).map((sign) => (sign.trim() ? sign : ""));
    const asked = plain(wanted).join("");
    if (!asked) return;
    for (const box of all(".originals .part")) {
      let flat = "";
      const places = []; // of each character: element and offset in code points
      for (const text of all("[data-text]", box)) {
        plain(text.textContent).forEach((sign, at) => { for (const _ of sign) places.push([text, at]); flat += sign; });
      }
      const at = flat.indexOf(asked);
      if (at < 0) continue;
      const from = [...flat.slice(0, at)].length, size = [...asked].length, first = places[from];
      let last = from;
      while (last + 1 < from + size && places[last + 1][0] === first[0]) last++;
      const line = first[0].closest("[data-line]");
      if (line) light(box.dataset.part, line.dataset.line);
      else unlight();
      const mark = words(first[0], first[1], places[last][1] + 1);
      const word = mark && mark.closest(".w"), audio = $("audio", box);
      if (word && audio) audio.currentTime = Number(word.dataset.seek);
      const rect = line && $(`rect[data-line="${line.dataset.line}"]`, box);
      show(mark || box);
      if (rect && innerWidth > 1100) show(rect);
      return;
    }
  }
  function fromSearch() {
    if (!location.hash.startsWith("#find=")) return;
    const wanted = location.hash.slice(6);
    history.replaceState(null, "", location.pathname + location.search); // the words do not stay in the address
    try { find(decodeURIComponent(wanted)); } catch { /* not a fragment of ours */ }
  }
  fromSearch();
  addEventListener("hashchange", fromSearch);

  // The word that is being heard.
  document.addEventListener("timeupdate", (event) => {
    const audio = event.target, box = audio.closest && audio.closest(".part");
    if (!box) return;
    const now = audio.currentTime;
    for (const word of all(".w", box)) word.classList.toggle("now", !audio.paused && now >= Number(word.dataset.seek) && now < Number(word.dataset.until));
  }, true);
  document.addEventListener("toggle", (event) => {
    if (event.target.matches && event.target.matches(".edit[open]")) $("input:not([type=hidden]),textarea", event.target)?.focus();
  }, true);

  // Live: what changed is replaced, except where somebody is typing or listening.
  const busy = (node) => $(".edit[open]", node) || (node.contains(document.activeElement) && document.activeElement.matches("input,select,textarea"));
  // The same button of another version of the page: who works with the keyboard is not thrown back to the top.
  const same = (node) => [node.tagName, node.id, node.getAttribute("href"), node.form?.getAttribute("action"), node.form?.elements.suggestion?.value, node.closest("[data-field]")?.dataset.field, node.textContent.trim()].join("|");
  function swap(box, html) {
    const held = box.contains(document.activeElement) ? same(document.activeElement) : "";
    box.innerHTML = html;
    if (held) all("a,button,summary,[tabindex]", box).find((node) => same(node) === held)?.focus({ preventScroll: true });
  }
  async function refresh() {
    const html = await read(page.dataset.refresh, { "HX-Target": "case" });
    if (html === null) return;
    const fresh = new DOMParser().parseFromString(html, "text/html");
    const place = $(".originals");
    for (const part of all(".part", fresh)) {
      const old = document.getElementById(part.id);
      if (!old) {
        all(":scope > p", place).forEach((node) => node.remove());
        place.append(part);
      } else if (old.dataset.rev !== part.dataset.rev && !busy(old)) {
        const playing = $("audio", old), next = $("audio", part);
        if (playing && next && playing.getAttribute("src") === next.getAttribute("src")) {
          $("header", old).replaceWith($("header", part));
          $(".content", old).replaceWith($(".content", part));
          old.dataset.rev = part.dataset.rev;
        } else old.replaceWith(part);
      }
    }
    const side = $("#side"), open = $(".own[open]", side);
    if (!open && !busy(side)) {
      const scrolled = side.scrollTop, opened = all("details[open][id]", side).map((node) => node.id), note = $("#note-text", side)?.value;
      swap(side, $("#side", fresh).innerHTML);
      if (note && $("#note-text", side)) $("#note-text", side).value = note; // not sent yet
      for (const id of opened) { const box = document.getElementById(id); if (box) box.open = true; }
      side.scrollTop = scrolled;
    } else if (side.innerHTML !== $("#side", fresh).innerHTML) notice();
    const jump = $(".jump", fresh);
    if (jump && !busy($(".jump"))) $(".jump").innerHTML = jump.innerHTML; // counts of clocks, notices, relatives
    for (const id of ["facts", "state"].concat(busy($("#waiting")) ? [] : ["waiting"])) document.getElementById(id).innerHTML = $("#" + id, fresh).innerHTML;
    const acts = $("#acts"), now = $("#acts", fresh);
    if (hub.desk && hub.desk.busy()) { // somebody is filling in a form: it stays, and the act itself will say what changed
      const bar = $(".actbar", acts);
      if (bar && $(".actbar", now)?.dataset.version !== bar.dataset.version) notice();
    } else if (!$(".menu-acts[open]", acts)) swap(acts, now.innerHTML);
    times(document);
  }
  let told = false;
  function notice() { if (!told) { told = true; say("这条线索有新的变化，保存或收起填写框后刷新可见"); } }
  let waiting = 0;
  live((ids) => {
    if (ids.length && !ids.includes(Number(page.dataset.clue))) return;
    if (!waiting) waiting = setTimeout(() => { waiting = 0; refresh().catch(() => {}); }, 200);
  });
})();
