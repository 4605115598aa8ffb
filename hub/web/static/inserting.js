// Words put into boxes by a key: "@" offers the colleagues who may see the clue, "/" one's phrases. A list box under the
// text: the caret stays in the text, arrows move, Enter or Tab takes, Escape shuts.
"use strict";
(() => {
  const { $, all, say } = hub;
  let kept = null; // phrases and macros, read when first asked for
  const read = async () => {
    if (!kept) {
      const answer = await fetch("/phrases/list", { credentials: "same-origin", headers: { "HX-Request": "true" } });
      kept = answer.ok ? await answer.json() : { phrases: [], macros: [] };
    }
    return kept;
  };
  const box = document.createElement("div");
  box.className = "offers";
  box.hidden = true;
  box.innerHTML = '<ul role="listbox" id="offers" aria-label="可插入的内容"></ul><p class="visually-hidden" role="status"></p>';
  document.body.append(box);
  const list = $("ul", box);
  let area = null, start = 0, offers = [], at = 0, asked = 0;

  function shut() {
    box.hidden = true;
    if (area) for (const name of ["aria-activedescendant", "aria-controls", "aria-haspopup"]) area.removeAttribute(name);
    area = null;
  }
  function mark() {
    all("[role=option]", list).forEach((option, number) => {
      option.setAttribute("aria-selected", String(number === at));
      if (number === at) { option.scrollIntoView({ block: "nearest" }); area.setAttribute("aria-activedescendant", option.id); }
    });
  }
  function show(target, from, found) {
    if (!found.length) { shut(); return; }
    if (area && area !== target) shut();
    [area, start, offers, at] = [target, from, found, 0];
    list.replaceChildren(...found.map((one, number) => {
      const option = document.createElement("li"), name = document.createElement("b"), more = document.createElement("span");
      option.id = "offer-" + number;
      option.setAttribute("role", "option");
      name.textContent = one.name;
      more.textContent = one.more;
      option.append(name, more);
      return option;
    }));
    for (const [name, value] of [["aria-controls", "offers"], ["aria-autocomplete", "list"], ["aria-haspopup", "listbox"]]) area.setAttribute(name, value);
    $("[role=status]", box).textContent = `${found.length} 项可插入，上下键选择，回车插入`;
    box.hidden = false;
    const frame = area.getBoundingClientRect(), width = Math.min(420, Math.max(260, frame.width));
    box.style.setProperty("left", `${Math.max(8, Math.min(frame.left, innerWidth - width - 8)) + scrollX}px`);
    box.style.setProperty("width", `${width}px`);
    const below = innerHeight - frame.bottom;
    box.style.setProperty("top", `${(below > 180 || below > frame.top ? frame.bottom + 2 : frame.top - Math.min(box.offsetHeight, 240) - 2) + scrollY}px`);
    mark();
  }
  function take(number) {
    const one = offers[number], target = area;
    if (!one) return;
    const end = target.selectionStart;
    target.setRangeText(one.text, start, end, "end");
    shut();
    target.focus();
    target.dispatchEvent(new Event("input", { bubbles: true }));
  }
  // Words in braces stand for what the clue's page shows; what is not known stays for the person to see.
  function filled(text) {
    const day = new Date(Date.now() + 8 * 3600e3).toISOString().slice(0, 10), facts = all("#facts .facts b");
    const known = { 今天: day, 线索编号: $("h1")?.firstChild?.data?.trim(), 承办单位: facts[0]?.textContent, 承办人: facts.length > 2 ? facts[1]?.textContent : "", 收到日期: $("#facts time")?.dateTime?.slice(0, 10) };
    return text.replace(/[{｛]([^{}｛｝]{1,8})[}｝]/g, (whole, name) => known[name] || whole);
  }
  async function offer(target) {
    const text = target.value.slice(0, target.selectionStart), turn = ++asked;
    const mention = target.dataset.mentions && /(^|[^A-Za-z0-9._+-])@([^\s@]{0,20})$/.exec(text);
    if (mention) {
      const word = mention[2].toLowerCase(), people = all("option", document.getElementById(target.dataset.mentions));
      const found = people.filter((one) => one.value.toLowerCase().startsWith(word) || one.textContent.includes(mention[2]));
      return show(target, text.length - mention[2].length - 1, found.slice(0, 8).map((one) => ({ name: one.textContent, more: "@" + one.value, text: `@${one.value} ` })));
    }
    const slash = target.matches("[data-phrases]") && /(^|[\s，。；、：])\/([^\s/]{0,20})$/.exec(text);
    if (!slash) { if (area === target) shut(); return; }
    const { phrases } = await read();
    if (turn !== asked) return;
    const found = phrases.filter((one) => one.name.includes(slash[2]) || one.text.includes(slash[2]));
    if (!phrases.length && !slash[2]) say("还没有常用语：在“常用语”里添加");
    show(target, text.length - slash[2].length - 1, found.slice(0, 8).map((one) => ({ name: one.name, more: one.text, text: filled(one.text) })));
  }
  const boxes = "textarea[data-phrases],textarea[data-mentions]";
  document.addEventListener("input", (event) => { if (event.target.matches(boxes) && !event.isComposing) offer(event.target).catch(() => {}); });
  document.addEventListener("compositionend", (event) => { if (event.target.matches(boxes)) offer(event.target).catch(() => {}); });
  document.addEventListener("keydown", (event) => {
    if (!area || event.isComposing) return;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") { at = (at + (event.key === "ArrowDown" ? 1 : offers.length - 1)) % offers.length; mark(); }
    else if (event.key === "Enter" || event.key === "Tab") take(at);
    else if (event.key === "Escape") shut();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }, true);
  list.addEventListener("pointerdown", (event) => {
    const option = event.target.closest("[role=option]");
    if (option) { event.preventDefault(); take(Number(option.id.split("-")[1])); }
  });
  document.addEventListener("focusout", (event) => { if (event.target === area) setTimeout(() => { if (area && document.activeElement !== area) shut(); }, 100); });
  addEventListener("resize", shut);

  // Macros: the form of an act filled in at once, and kept from what stands in it now.
  async function macros(form) {
    const bar = $("[data-macros]", form);
    if (!bar || bar.dataset.ready) return;
    bar.dataset.ready = "1";
    const mine = (await read()).macros.filter((one) => one.act === form.dataset.actForm), choose = $("select", bar);
    for (const one of mine) choose.append(new Option(one.name, one.name));
    choose.hidden = !mine.length;
    $("label", bar).hidden = !mine.length;
    bar.hidden = false;
    choose.addEventListener("change", () => {
      const one = mine.find((macro) => macro.name === choose.value);
      for (const [name, value] of Object.entries(one ? one.values : {})) {
        const inputs = all(`[name="${CSS.escape(name)}"]`, form);
        for (const input of inputs) if (["radio", "checkbox"].includes(input.type)) input.checked = input.value === value; else input.value = filled(value);
        inputs[0]?.dispatchEvent(new Event("input", { bubbles: true }));
        inputs.filter((input) => input.checked)[0]?.dispatchEvent(new Event("change", { bubbles: true }));
      }
      if (one) say(`已套用“${one.name}”，请核对后提交`);
    });
    const ask = $("[data-ask-keep]", bar), named = $(".keep-macro", bar), input = $("input", named);
    const done = () => { named.hidden = true; ask.hidden = false; input.value = ""; ask.focus(); };
    const save = () => { if (input.value.trim()) keep(form, input.value.trim()).then((ok) => ok && done()).catch(() => say("没有保存")); };
    ask.addEventListener("click", () => { ask.hidden = true; named.hidden = false; input.focus(); });
    $("[data-keep]", bar).addEventListener("click", save);
    input.addEventListener("keydown", (event) => {
      if (event.key === "Enter") { event.preventDefault(); save(); }
      if (event.key === "Escape") { event.stopPropagation(); done(); }
    });
  }
  async function keep(form, name) {
    const body = new FormData();
    body.set("csrf_token", $("meta[name=csrf]").content);
    body.set("act", form.dataset.actForm);
    body.set("name", name);
    for (const [box, value] of new FormData(form)) if (typeof value === "string" && value && !["csrf_token", "version", "seen"].includes(box)) body.set("value." + box, value);
    const answer = await fetch("/phrases", { method: "POST", body, credentials: "same-origin" });
    if (answer.ok) { kept = null; say(`已保存“${name}”`); return true; }
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    say($("[role=alert]", page)?.textContent || "没有保存");
    return false;
  }
  const look = () => { const form = $("[data-act-form]"); if (form) macros(form).catch(() => {}); };
  const acts = $("#acts");
  if (acts) { new MutationObserver(look).observe(acts, { childList: true }); look(); }
})();
