// Ctrl+K: pages, clues, kept views and the acts open on this page, by a few letters. "?": the keys of this page, from the
// one table that also handles them (hub.key).
"use strict";
(() => {
  const { $, all, key, keys, holds } = hub;
  if (!$(".menu") || !window.HTMLDialogElement) return;
  const store = "recent-clues"; // numbers only, in this tab
  const recent = () => { try { return JSON.parse(sessionStorage.getItem(store) || "[]"); } catch { return []; } };
  const here = /^\/clues\/([\d-]+)$/.exec(location.pathname);
  if (here && $("#case")) try { sessionStorage.setItem(store, JSON.stringify([here[1], ...recent().filter((no) => no !== here[1])].slice(0, 8))); } catch { /* private mode */ }

  function dialog(name, label, html) {
    const made = document.createElement("dialog");
    made.className = name;
    made.setAttribute("aria-label", label);
    made.innerHTML = html;
    made.addEventListener("click", (event) => { if (event.target === made) made.close(); }); // beside it
    document.body.append(made);
    return made;
  }

  // What can be reached from here.
  const unique = (found) => [...new Map(found.map((one) => [one.kind + one.name, one])).values()];
  function fixed() {
    const pages = all(".menu a[href]").map((a) => ({ kind: "页面", name: a.textContent.trim(), go: () => location.assign(a.href) }));
    pages.push(...all(".who a[href]").map((a) => ({ kind: "页面", name: a.title || a.textContent.trim(), go: () => location.assign(a.href) })));
    const acts = all("#acts a[data-act]").map((a) => ({ kind: "办理", name: (a.firstElementChild?.tagName === "SPAN" ? a.firstElementChild : a.firstChild).textContent.trim(), more: $("small", a)?.textContent || "", go: () => { $("#acts .menu-acts")?.removeAttribute("open"); a.click(); } }));
    const parts = all(".jump a").map((a) => ({ kind: "本页", name: a.firstChild.textContent.trim(), go: () => a.click() }));
    const clues = recent().filter((no) => !here || no !== here[1]).map((no) => ({ kind: "看过的线索", name: no, go: () => location.assign("/clues/" + no) }));
    return unique([...acts, ...parts, ...pages, ...clues, { kind: "帮助", name: "按键", more: "?", go: help }]);
  }
  let palette = null, offers = [], at = 0, views = null, found = [], asked = 0;
  function mark() {
    all("[role=option]", palette).forEach((option, number) => {
      option.setAttribute("aria-selected", String(number === at));
      if (number === at) { option.scrollIntoView({ block: "nearest" }); $("input", palette).setAttribute("aria-activedescendant", option.id); }
    });
  }
  function show() {
    const words = $("input", palette).value.trim().toLowerCase().split(/\s+/);
    const wanted = (one) => words.every((word) => (one.kind + one.name + (one.more || "")).toLowerCase().includes(word));
    offers = [...found, ...[...(views || []), ...fixed()].filter(wanted)].slice(0, 40);
    at = 0;
    $("ul", palette).replaceChildren(...offers.map((one, number) => {
      const option = document.createElement("li"), kind = document.createElement("small"), name = document.createElement("b"), more = document.createElement("span");
      option.id = "go-" + number;
      option.setAttribute("role", "option");
      [kind.textContent, name.textContent, more.textContent] = [one.kind, one.name, one.more || ""];
      option.append(kind, name, more);
      return option;
    }));
    $("[role=status]", palette).textContent = offers.length ? `${offers.length} 项` : "没有找到";
    $(".none", palette).hidden = offers.length > 0;
    if (offers.length) mark(); else $("input", palette).removeAttribute("aria-activedescendant");
  }
  async function ask(path) {
    const answer = await fetch(path, { credentials: "same-origin", headers: { "HX-Request": "true" } });
    return answer.ok ? answer.json() : null;
  }
  async function look() {
    const text = $("input", palette).value.trim(), turn = ++asked;
    found = [];
    if (views === null) {
      views = [];
      const kept = await ask("/palette");
      views = (kept ? kept.views : []).map((one) => ({ kind: "视图", name: one.name, go: () => location.assign("/queue?saved=" + one.id) }));
    }
    if (/^[\d-]{6,40}$/.test(text)) {
      const told = await ask("/palette?no=" + encodeURIComponent(text));
      if (turn === asked && told) found = told.clues.map((one) => ({ kind: "线索", name: one.no, more: [one.state, one.place].filter(Boolean).join(" · "), go: () => location.assign("/clues/" + one.no) }));
    }
    if (turn === asked) show();
  }
  function go(number) {
    const one = offers[number];
    if (!one) return;
    palette.close();
    one.go();
  }
  function open() {
    if (!palette) {
      palette = dialog("palette", "查找页面、线索和办理", '<input class="input" role="combobox" aria-expanded="true" aria-controls="go-list" aria-autocomplete="list" aria-label="页面、线索编号、办理、视图" placeholder="页面、线索编号、办理、视图…" autocomplete="off" spellcheck="false" maxlength="60"><p class="visually-hidden" role="status"></p><ul role="listbox" id="go-list" aria-label="结果"></ul><p class="none muted" hidden>没有找到。线索可输入编号的前六位以上。</p>');
      $("input", palette).addEventListener("input", () => { show(); look().catch(() => {}); });
      palette.addEventListener("keydown", (event) => {
        if (event.isComposing) return;
        if (event.key === "ArrowDown" || event.key === "ArrowUp") { at = (at + (event.key === "ArrowDown" ? 1 : offers.length - 1)) % Math.max(1, offers.length); mark(); event.preventDefault(); }
        if (event.key === "Enter") { event.preventDefault(); go(at); }
        event.stopPropagation();
      });
      $("ul", palette).addEventListener("click", (event) => { const option = event.target.closest("[role=option]"); if (option) go(Number(option.id.split("-")[1])); });
    }
    if (palette.open) return;
    $("input", palette).value = "";
    found = [];
    palette.showModal();
    show();
    look().catch(() => {});
  }
  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && !event.shiftKey && !event.altKey && event.key.toLowerCase() === "k") { event.preventDefault(); open(); }
  });

  let helped = null;
  const OTHERS = [
    ["Ctrl K", "找页面、线索、办理"], ["Enter", "打开标记的线索；提交"], ["Esc", "收起填写框、菜单；离开输入框"], ["Tab", "下一个按钮或输入框"],
  ];
  const IN_TEXT = [["@", "在备注里提到同事", "[data-mentions]"], ["/", "在文字框里插入常用语", "[data-phrases]"]];
  function help() {
    if (!helped) {
      helped = dialog("help", "按键", '<h2>按键</h2><table><caption class="visually-hidden">本页可用的按键</caption><tbody></tbody></table><form method="dialog"><button class="btn">关闭</button></form>');
      helped.addEventListener("keydown", (event) => { if (event.key === "?") helped.close(); });
    }
    const rows = [...keys.filter(holds).map((one) => [one.pressed, one.words]), ...OTHERS, ...IN_TEXT.filter((one) => $(one[2]))];
    $("tbody", helped).replaceChildren(...rows.map(([pressed, words]) => {
      const row = document.createElement("tr"), head = document.createElement("th"), cell = document.createElement("td");
      head.scope = "row";
      head.append(...pressed.split(" ").flatMap((one) => { const mark = document.createElement("kbd"); mark.textContent = one === "X" ? "Shift x" : one; return [mark, " "]; }));
      cell.textContent = words;
      row.append(head, cell);
      return row;
    }));
    if (!helped.open) helped.showModal();
  }
  key("?", "显示这张表", null, help);

  const button = document.createElement("button");
  button.type = "button";
  button.className = "btn btn-sm help-button";
  button.textContent = "?";
  button.title = "按键";
  button.setAttribute("aria-label", "按键");
  button.addEventListener("click", help);
  $(".who")?.prepend(button);
})();
