// Small helpers for dense pages. No network beyond the origin; works without any of this, only less live.
"use strict";
(() => {
  const $ = (query, root = document) => root.querySelector(query);
  const all = (query, root = document) => [...root.querySelectorAll(query)];
  const pad = (n) => String(n).padStart(2, "0");

  function localTimes(root) {
    const today = new Date(Date.now() + 8 * 3600e3).toISOString().slice(0, 10);
    for (const node of all("time[data-time]", root)) {
      const at = new Date(new Date(node.dateTime).getTime() + 8 * 3600e3); // China Standard Time for everybody
      const day = at.toISOString().slice(0, 10);
      node.textContent = (day === today ? "今天" : day.slice(5)) + " " + pad(at.getUTCHours()) + ":" + pad(at.getUTCMinutes());
      node.title = at.toISOString().slice(0, 19).replace("T", " ");
    }
    for (const node of all("time[data-due]", root)) {
      const days = Math.round((Date.parse(node.dateTime) - Date.parse(today)) / 86400e3);
      node.title = days < 0 ? `已超期 ${-days} 天` : `还有 ${days} 天（自然日）`;
      if (days < 0) node.classList.add("chip", "chip-red");
      else if (days <= 2) node.classList.add("chip", "chip-amber");
    }
  }

  function say(text) {
    const p = document.createElement("p");
    p.textContent = text;
    $("#toast").append(p);
    setTimeout(() => p.remove(), 4000);
  }

  // Live refresh: the stream only says that something changed; the page reads again what it may see.
  const region = $("#rows") || $("#side");
  async function refresh() {
    if (!region || region.contains(document.activeElement) && /INPUT|SELECT|TEXTAREA/.test(document.activeElement.tagName)) return;
    const answer = await fetch(region.dataset.refresh, { headers: { "HX-Request": "true", "HX-Target": region.id } });
    if (!answer.ok) return;
    const before = new Set(all("tr[data-no]", region).map((row) => row.dataset.no));
    const open = all("details[open]", region).length;
    if (open) return;
    region.innerHTML = await answer.text();
    localTimes(region);
    const table = $("table[data-counts]", region);
    if (table) {
      const [total, open_] = table.dataset.counts.split(",");
      all("#live-state b").forEach((b, i) => (b.textContent = i ? open_ : total));
    }
    const fresh = all("tr[data-no]", region).filter((row) => !before.has(row.dataset.no));
    fresh.forEach((row) => row.classList.add("fresh"));
    if (before.size && fresh.length) say(`新到 ${fresh.length} 条线索`);
    mark();
  }
  let waiting = 0;
  const soon = () => { clearTimeout(waiting); waiting = setTimeout(() => refresh().catch(() => {}), 150); };
  if (region && window.EventSource) {
    const connect = () => {
      const stream = new EventSource("/live");
      stream.addEventListener("clue", soon);
      stream.onerror = () => { if (stream.readyState === EventSource.CLOSED) setTimeout(() => { soon(); connect(); }, 10000); };
      addEventListener("pagehide", () => stream.close());
    };
    connect();
  }

  // Evidence: a span lights its words, its box, and its second.
  function light(part, segment) {
    all(".lit").forEach((node) => node.classList.remove("lit"));
    const box = $("#part-" + part);
    if (!box) return null;
    const nodes = all(`[data-line="${segment}"]`, box);
    nodes.forEach((node) => node.classList.add("lit"));
    (nodes.find((node) => node.tagName === "LI") || box).scrollIntoView({ block: "center", behavior: "smooth" });
    return box;
  }
  function words(target, start, end) {
    if (!target) return;
    const text = target.textContent, chars = [...text];
    target.textContent = chars.slice(0, start).join("");
    const m = document.createElement("mark");
    m.textContent = chars.slice(start, end).join("");
    target.append(m, chars.slice(end).join(""));
    m.scrollIntoView({ block: "center", behavior: "smooth" });
  }
  function seek(box, second) {
    const audio = $("audio", box);
    if (!audio) return;
    audio.currentTime = Math.max(0, Number(second));
    audio.play().catch(() => {});
  }
  document.addEventListener("click", (event) => {
    const span = event.target.closest(".span");
    if (span) {
      const box = light(span.dataset.part, span.dataset.segment);
      all("mark").forEach((m) => m.replaceWith(m.textContent));
      if (box) {
        const line = $(`li[data-line="${span.dataset.segment}"] [data-text]`, box) || $("[data-text]", box);
        words(line, Number(span.dataset.start), Number(span.dataset.end));
        if (span.dataset.seek) seek(box, span.dataset.seek);
      }
      return;
    }
    const turn = event.target.closest(".seek, .turns .txt");
    if (turn) {
      const line = turn.closest("li");
      const box = turn.closest(".part");
      let second = Number(line.dataset.start);
      if (turn.classList.contains("txt") && window.getSelection) { // where in the turn was clicked
        const at = getSelection();
        const length = [...turn.textContent].length || 1;
        if (at && at.anchorNode && turn.contains(at.anchorNode)) second += (Number(line.dataset.stop) - second) * (at.anchorOffset / length);
      }
      seek(box, second);
      return;
    }
    const rect = event.target.closest("rect[data-line]");
    if (rect) { light(rect.closest(".part").dataset.part, rect.dataset.line); return; }
    const line = event.target.closest(".page li[data-line]");
    if (line && !event.target.closest(".edit")) light(line.closest(".part").dataset.part, line.dataset.line);
    if (event.target.closest("[data-back]")) { event.preventDefault(); history.back(); }
  });
  all(".part audio").forEach((audio) => audio.addEventListener("timeupdate", () => {
    for (const line of all(".turns li", audio.closest(".part"))) {
      const now = audio.currentTime >= Number(line.dataset.start) && audio.currentTime < Number(line.dataset.stop);
      line.classList.toggle("lit", now && !audio.paused);
    }
  }));

  // Keyboard on the queue.
  let at = -1;
  function mark() { all("tr[data-no]").forEach((row, i) => row.classList.toggle("at", i === at)); }
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || /INPUT|SELECT|TEXTAREA|BUTTON|A|AUDIO|SUMMARY/.test(event.target.tagName)) return;
    const rows = all("tr[data-no]");
    if (event.key === "/" && $("[data-key='/']")) { event.preventDefault(); $("[data-key='/']").focus(); }
    else if (event.key === "n") location.href = "/new";
    else if (rows.length && (event.key === "j" || event.key === "k")) {
      at = Math.min(rows.length - 1, Math.max(0, at + (event.key === "j" ? 1 : -1)));
      mark();
      rows[at].scrollIntoView({ block: "nearest" });
    } else if (event.key === "Enter" && rows[at]) $("a", rows[at]).click();
  });

  // Drafts of forms stay in this browser tab until sent.
  for (const form of all("form[data-autosave]")) {
    const name = "draft:" + form.dataset.autosave;
    try {
      const kept = JSON.parse(sessionStorage.getItem(name) || "{}");
      for (const [key, value] of Object.entries(kept)) if (form.elements[key] && !form.elements[key].value) form.elements[key].value = value;
      form.addEventListener("input", () => {
        const values = {};
        for (const box of form.elements) if (box.name && !["file", "hidden"].includes(box.type)) values[box.name] = box.value;
        sessionStorage.setItem(name, JSON.stringify(values));
      });
      form.addEventListener("submit", () => sessionStorage.removeItem(name));
    } catch { /* private mode: no drafts */ }
  }

  // Uploads show how far they are.
  for (const form of all("form[data-upload]")) form.addEventListener("submit", (event) => {
    event.preventDefault();
    const request = new XMLHttpRequest(), bar = $("#progress");
    bar.hidden = false;
    request.upload.onprogress = (e) => { bar.value = (100 * e.loaded) / e.total; };
    request.onload = () => { document.open(); document.write(request.responseText); document.close(); };
    request.onerror = () => { bar.hidden = true; say("连接中断：请再次点上传，不会重复登记。"); };
    request.open("POST", form.action || location.href);
    request.send(new FormData(form));
  });

  localTimes(document);
})();
