// Reading over: a line and its box find one another, Tab stops at doubtful lines, Enter corrects; scan and text in one window.
"use strict";
(() => {
  const { $, all } = hub;
  const reader = $("#reader");
  if (!reader) return;
  if (reader.hasAttribute("data-waits")) setTimeout(() => { if (!$(".rd-edit")) location.reload(); }, 3000);
  const text = $("#text"), scan = $("#scan"), problem = $("#rd-problem");
  const leave = () => { if (reader.dataset.after) location.assign(reader.dataset.after); };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || event.keyCode === 229) return;
    if (event.key === "F9") { event.preventDefault(); leave(); }
    if (event.key === "F8") { event.preventDefault(); if (!$(".rd-edit")) $("#release").requestSubmit(); }
  });
  if (!text) return;
  const token = $("meta[name=csrf]").content, lines = all("li[data-line]", text);
  let at = null, zoom = 1, mended = 0;

  const boxOf = (line) => $(`rect[data-part="${line.dataset.part}"][data-line="${line.dataset.line}"]`, scan);
  function count() { $("#doubts").textContent = lines.filter((line) => line.classList.contains("bad")).length; $("#mended").textContent = mended; }
  function choose(line, focus = true) {
    if (!line) return;
    all(".on").forEach((node) => node.classList.remove("on"));
    at = line;
    line.classList.add("on");
    const button = $(".rd-line", line), box = boxOf(line);
    if (focus) button.focus({ preventScroll: true });
    line.scrollIntoView({ block: "nearest" });
    if (!box) return;
    box.classList.add("on");
    const seen = scan.getBoundingClientRect(), here = box.getBoundingClientRect();
    const out = here.top < seen.top + 20 || here.bottom > seen.bottom - 20 || here.left < seen.left || here.right > seen.right;
    if (out) scan.scrollBy({ top: here.top - seen.top - seen.height / 3, left: here.left - seen.left - 20 });
  }
  function doubtful(by) {
    const bad = lines.filter((line) => line.classList.contains("bad"));
    const place = at ? lines.indexOf(at) : by > 0 ? -1 : lines.length;
    return by > 0 ? bad.find((line) => lines.indexOf(line) > place) : bad.reverse().find((line) => lines.indexOf(line) < place);
  }
  function edit(line) {
    if ($(".rd-edit")) return;
    const button = $(".rd-line", line), form = document.createElement("form"), input = document.createElement("input"), save = document.createElement("button");
    form.className = "rd-edit";
    input.className = "input input-sm";
    input.value = $(".rd-words", line).textContent;
    input.maxLength = 5000;
    input.setAttribute("aria-label", "更正后的文字");
    save.className = "btn btn-sm btn-primary";
    save.textContent = "保存";
    form.append(input, save);
    button.hidden = true;
    line.append(form);
    input.focus();
    input.select();
    const close = () => { form.remove(); button.hidden = false; choose(line); };
    form.addEventListener("keydown", (event) => { if (event.key === "Escape") { event.stopPropagation(); close(); } });
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const words = input.value.trim(), list = line.closest("ol");
      if (!words) return;
      save.disabled = true;
      try {
        const answer = await fetch(`/clues/${reader.dataset.clue}/parts/${line.dataset.part}/segments/${line.dataset.line}`, {
          method: "POST", redirect: "manual", credentials: "same-origin", body: new URLSearchParams({ text: words, version: list.dataset.version, csrf_token: token }),
        });
        if (answer.type !== "opaqueredirect" && !answer.ok) throw new Error(answer.status === 409 ? "这份文字刚被他人更正过，请刷新后再改" : answer.status === 404 ? "承办人已领取，收发室不能再更正" : "没有保存，请重试");
        list.dataset.version = Number(list.dataset.version) + 1;
        $(".rd-words", line).textContent = words;
        if (!line.classList.contains("mended")) mended += 1;
        line.classList.remove("bad");
        line.classList.add("mended");
        boxOf(line)?.classList.remove("bad");
        const note = $("small", button) || button.appendChild(document.createElement("small"));
        note.textContent = "已更正";
        problem.hidden = true;
        count();
        close();
        choose(doubtful(1) || line);
      } catch (error) {
        problem.textContent = error instanceof TypeError ? "连不上服务器，没有保存，请再按 Enter" : error.message;
        problem.hidden = false;
        save.disabled = false;
      }
    });
  }
  function enlarge(by) {
    zoom = by ? Math.max(1, Math.min(4, zoom + by)) : 1;
    scan.className = `rd-scan z${zoom}`;
    if (at) choose(at, false);
  }
  text.addEventListener("click", (event) => { const line = event.target.closest("li[data-line]"); if (!line || event.target.closest(".rd-edit")) return; if ($(".rd-edit")) $(".rd-edit input").focus(); else if (line === at) edit(line); else choose(line); });
  scan.addEventListener("click", (event) => { const box = event.target.closest("rect"); if (box) choose(lines.find((line) => line.dataset.part === box.dataset.part && line.dataset.line === box.dataset.line)); });
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || event.keyCode === 229 || event.target.closest(".rd-edit,dialog")) return;
    const inside = event.target === document.body || event.target.closest("#text,#scan,main");
    if (event.key === "Tab" && inside) { // past the last doubtful line Tab goes on through the page as everywhere
      const next = doubtful(event.shiftKey ? -1 : 1);
      if (next) { event.preventDefault(); choose(next); }
      return;
    }
    const place = at ? lines.indexOf(at) : -1;
    const act = {
      ArrowDown: () => choose(lines[Math.min(lines.length - 1, place + 1)]), ArrowUp: () => choose(lines[Math.max(0, place - 1)]),
      "+": () => enlarge(1), "=": () => enlarge(1), "-": () => enlarge(-1), 0: () => enlarge(0),
    }[event.key];
    if (act && !event.target.closest("a,input,select")) { event.preventDefault(); act(); }
  });
  count();
  choose(doubtful(1) || lines[0]);
})();
