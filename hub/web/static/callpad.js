// The call pad: saved at every change, kept in memory and sent again while the network is away, typed without a mouse.
"use strict";
(() => {
  const pad = document.getElementById("pad");
  if (!pad) return;
  const { $, all, say, times } = hub;
  const form = $("#call"), problem = $("#problem"), saved = $("#saved");
  const token = $("meta[name=csrf]").content;
  const pageName = [...crypto.getRandomValues(new Uint8Array(12))].map((n) => n.toString(16).padStart(2, "0")).join("");
  const boxes = all("[name]", form);
  const classes = JSON.parse(pad.dataset.classes);
  const node = (tag, text, kind) => { const made = document.createElement(tag); if (text) made.textContent = text; if (kind) made.className = kind; return made; };
  const composing = (event) => event.isComposing || event.keyCode === 229; // the keys of an input method are not ours

  let call = null; // the call being taken: id, version
  let chosen = { division: "", place: "", class: "" };
  let seq = 0, sent = 0, busy = false, opening = null, stopped = false, wait = 0, timer = 0, suggested = {};

  class Refused extends Error { constructor(said, status) { super(said.error || "没有保存，请重试"); this.name = said.name || ""; this.status = status; } }
  // Throws Refused for an answer of the hub that trying again does not change, anything else while it is out of reach.
  async function post(path, body, more) {
    const answer = await fetch(path, {
      method: "POST", credentials: "same-origin", body: JSON.stringify(body || {}), ...more,
      headers: { "Content-Type": "application/json", Accept: "application/json", "X-CSRF-Token": token, "HX-Request": "true" },
    });
    if (answer.ok) return answer.json();
    if (answer.status === 401) throw new Error("登录已失效：请在新窗口登录，这里的内容会继续保存");
    const said = await answer.json().catch(() => ({}));
    if (answer.status >= 500 || answer.status === 429 && !said.name) throw new Error("offline");
    throw new Refused(said, answer.status);
  }

  function values() {
    const found = { division: chosen.division, class: chosen.class };
    for (const box of boxes) if (box.value.trim()) found[box.name] = box.value;
    return found;
  }
  const typed = () => boxes.some((box) => box.tagName !== "SELECT" && box.value.trim());
  function complain(text, name) {
    problem.textContent = text || "";
    problem.hidden = !text;
    all("[aria-invalid]", form).forEach((box) => box.removeAttribute("aria-invalid"));
    const box = name && form.elements[name];
    if (box) { box.setAttribute("aria-invalid", "true"); box.focus(); }
  }
  function state(text, kind) { saved.textContent = text; saved.className = "saved " + (kind || ""); }

  // ---- the draft
  function show(draft) {
    call = draft;
    seq = sent = 0;
    stopped = false;
    for (const box of boxes) box.value = draft.values[box.name] || "";
    choose(draft.values.division || "", draft.values.place || "");
    pickClass(draft.values.class || "");
    $("#since").textContent = draft.at.slice(11, 19) + (draft.ring ? " 来电" : " 接听");
    history.replaceState(null, "", "/call");
    if (draft.urgent) urgent();
    ask();
  }
  function open(ring) {
    if (opening) return opening;
    const kept = values();
    opening = post("/call/open", { ring: ring || 0 }).then((draft) => {
      opening = null;
      if (!ring && typed()) draft.values = kept; // typed while the call was being opened
      const late = ring ? null : values();
      show(draft);
      if (late && Object.keys(late).length > 2) { put(late); changed(); }
      state("通话已开始", "ok");
      refresh();
    }, (error) => { opening = null; if (error instanceof Refused) complain(error.message); throw error; });
    return opening;
  }
  function put(found) {
    for (const box of boxes) box.value = found[box.name] || "";
    choose(found.division || "", found.place || "");
    pickClass(found.class || "");
  }
  function changed() {
    seq += 1;
    clearTimeout(timer);
    timer = setTimeout(push, 300);
    state("正在保存……");
  }
  async function push(more) {
    if (busy || stopped || sent >= seq && call) return;
    busy = true;
    const now = seq;
    try {
      if (!call) await open();
      if (seq) {
        const mine = seq;
        const answer = await post(`/call/${call.id}/draft`, { page: pageName, seq: mine, version: call.version, values: values() }, more);
        call.version = answer.version;
        sent = Math.max(sent, mine);
        wait = 0;
        state(`已保存 ${answer.saved}`, "ok");
      }
    } catch (error) {
      if (error instanceof Refused) { stopped = true; complain(error.message, error.name); state("没有保存", "off"); }
      else retry(error);
    }
    busy = false;
    if (!stopped && seq > Math.max(sent, now)) { clearTimeout(timer); timer = setTimeout(push, 300); }
  }
  function retry(error) {
    wait = Math.min(15000, wait ? wait * 2 : 1000);
    state(error.message.startsWith("登录") ? error.message : "离线，将重试（内容保留在本页）", "off");
    clearTimeout(timer);
    timer = setTimeout(push, wait);
  }
  addEventListener("online", () => { wait = 0; push(); });
  addEventListener("pagehide", () => { if (call && sent < seq) push({ keepalive: true }); });
  addEventListener("beforeunload", (event) => { if (seq && (!call || sent < seq)) event.preventDefault(); });

  form.addEventListener("input", (event) => {
    if (event.target.id === "c-place" && chosen.division && !event.target.value.startsWith(chosen.place)) choose("", "");
    if (event.target.id === "c-class") { if (chosen.class) chosen.class = ""; }
    complain("");
    changed();
    ask();
  });
  form.addEventListener("submit", (event) => event.preventDefault());

  // ---- hints
  let asking = 0, asked = 0;
  function ask() { clearTimeout(asking); asking = setTimeout(read, 600); }
  async function read() {
    const number = ++asked;
    const slow = setTimeout(() => $("#hints").replaceChildren(node("h2", "提示"), node("p", "正在核对……", "muted")), 800);
    try {
      const found = await post("/call/hints", { values: values() });
      if (number === asked) hints(found);
    } catch { /* hints only: the next change asks again */ } finally { clearTimeout(slow); }
  }
  function hints(found) {
    suggested = found;
    $("#elements").replaceChildren(...found.elements.map((one) => {
      const item = node("li", { there: "✓ ", weak: "… ", lacking: "○ " }[one.state] + one.label, one.state);
      item.append(node("span", { there: "已有", weak: "待明确", lacking: "缺少" }[one.state], "visually-hidden"));
      if (one.ask) item.append(node("small", one.ask));
      return item;
    }));
    const list = node("ul");
    const line = (text, button) => { const item = node("li", text); if (button) item.append(button); list.append(item); };
    const act = (text, run) => { const made = node("button", text, "btn btn-sm"); made.type = "button"; made.addEventListener("click", run); return made; };
    if (found.earlier.count) line(`这个号码以前有 ${found.earlier.count} 条线索：` + found.earlier.states.map(([label, n]) => `${label} ${n}`).join("、") + (found.earlier.shared ? "（多人共用的号码）" : ""));
    if (found.urgent) line(`可能是${found.urgent}：请问是否正在进行，按 F4`);
    if (found.place) line(`地点建议：${found.place.name}${found.place.sure ? "" : "（待核对）"}`, act("采用", () => usePlace(found.place)));
    for (const one of found.classes) line(`类型建议：${one.code} ${one.label}${one.words ? "（" + one.words + "）" : ""}`, act("采用", () => { pickClass(one.code); changed(); ask(); }));
    for (const one of found.alike) {
      const item = node("li", "相似线索 "), link = node("a", one.no);
      link.href = "/clues/" + one.no; link.target = "_blank"; link.rel = "noopener";
      item.append(link, node("small", " " + one.words));
      list.append(item);
    }
    $("#hints").replaceChildren(node("h2", "提示"), list.children.length ? list : node("p", "暂时没有。", "muted"));
  }

  // ---- place and class by typing
  function choose(division, place) {
    const name = division ? place : "";
    chosen.division = division;
    chosen.place = division ? (chosen.whole && name.startsWith(chosen.whole) ? chosen.whole : name) : "";
    $("#division").hidden = !division;
    $("#division").textContent = division ? (division.length > 6 ? "✓ 已到乡镇" : "✓ 已到县") : "";
    document.dispatchEvent(new CustomEvent("pad:place"));
  }
  function usePlace(item) {
    const box = $("#c-place");
    const rest = box.value.trim().match(/[^省市县区旗镇乡街道\s]{1,12}(?:村|社区|嘎查).*$/);
    chosen.whole = item.name;
    box.value = item.name + (rest && !item.name.includes(rest[0]) ? rest[0] : "");
    choose(item.code, box.value);
    chosen.place = item.name;
    changed();
    ask();
    box.focus();
    box.setSelectionRange(box.value.length, box.value.length);
  }
  function pickClass(code) {
    const found = classes.find((one) => one.code === code);
    chosen.class = found ? code : "";
    $("#c-class").value = found ? `${found.code} ${found.name}` : "";
  }
  function combo(box, list, source, pick) {
    let items = [], at = -1, number = 0, later = 0;
    const close = () => { list.hidden = true; at = -1; box.setAttribute("aria-expanded", "false"); box.removeAttribute("aria-activedescendant"); };
    const mark = (next) => {
      at = next;
      all("li", list).forEach((item, index) => item.setAttribute("aria-selected", String(index === at)));
      const item = list.children[at];
      if (item) { box.setAttribute("aria-activedescendant", item.id); item.scrollIntoView({ block: "nearest" }); }
    };
    const offer = (found) => {
      items = found;
      list.replaceChildren(...items.map((one, index) => {
        const item = node("li", one.label);
        item.id = `${list.id}-${index}`;
        item.setAttribute("role", "option");
        if (one.more) item.append(node("small", one.more));
        item.addEventListener("mousedown", (event) => { event.preventDefault(); take(index); });
        return item;
      }));
      if (!items.length) return close();
      list.hidden = false;
      box.setAttribute("aria-expanded", "true");
      mark(0);
    };
    const take = (index) => { const one = items[index]; close(); if (one) pick(one); };
    const look = async () => { const mine = ++number; const found = await source(box.value.trim()); if (mine === number && document.activeElement === box) offer(found); };
    box.addEventListener("input", () => { clearTimeout(later); later = setTimeout(look, 120); });
    box.addEventListener("blur", () => { number += 1; close(); });
    box.addEventListener("keydown", async (event) => {
      if (composing(event)) return;
      const open = !list.hidden;
      if (event.key === "ArrowDown" || event.key === "ArrowUp") {
        event.preventDefault();
        if (!open) return look();
        mark((at + (event.key === "ArrowDown" ? 1 : items.length - 1)) % items.length);
      } else if (event.key === "Escape" && open) { event.preventDefault(); event.stopPropagation(); close(); }
      else if (event.key === "Enter" && open) { event.preventDefault(); event.stopPropagation(); take(at); }
    });
  }
  combo($("#c-place"), $("#l-place"), async (text) => {
    if (chosen.division) return [];
    if (!text) return suggested.place ? [{ ...suggested.place, label: suggested.place.name, more: "建议" }] : [];
    try { return (await post("/call/places", { words: text.slice(0, 60) })).places.map((one) => ({ ...one, label: one.name })); } catch { return []; }
  }, usePlace);
  combo($("#c-class"), $("#l-class"), async (text) => {
    const word = text.toUpperCase();
    const found = text ? classes.filter((one) => one.code.startsWith(word) || one.name.includes(text) || (one.matters || [one.text]).some((matter) => matter.includes(text)))
      : (suggested.classes || []).map((one) => classes.find((known) => known.code === one.code)).filter(Boolean);
    return found.slice(0, 8).map((one) => ({ code: one.code, label: `${one.code} ${one.name}`, more: text ? "" : "建议" }));
  }, (one) => { pickClass(one.code); changed(); ask(); });
  form.addEventListener("keydown", (event) => { // Enter goes on to the next box
    if (event.key !== "Enter" || composing(event) || event.target.tagName === "TEXTAREA" || event.defaultPrevented) return;
    event.preventDefault();
    const order = all("input,select,textarea", form);
    order[(order.indexOf(event.target) + 1) % order.length].focus();
  });

  // ---- happening now
  async function urgent() {
    try {
      if (!call) await open();
      const { duty } = await post(`/call/${call.id}/urgent`);
      $("#duty ol").replaceChildren(...duty.map((one) => node("li", `${one.name}（${one.unit} ${one.role}）`)));
      if (!duty.length) $("#duty ol").replaceChildren(node("li", "本单位没有登记负责人，请电话通知上级单位"));
      $("#duty").hidden = false;
      $("[data-urgent]").setAttribute("aria-pressed", "true");
    } catch (error) { complain(error instanceof Refused ? error.message : "离线，请先电话通知值班人员，稍后再按 F4"); }
  }

  // ---- the end
  let again = "", ending = false, reading = 0;
  const done = $("#done"), follow = $("#follow");
  async function finish(how, proof) {
    if (ending) return;
    if (!call && !seq) return complain("还没有通话：直接输入或按 F2");
    const facts = form.elements.facts.value.trim();
    if (how === "invalid" && facts && again !== how) { again = how; return complain("已填写违法事实：确定是打错或骚扰，请再按一次 F9"); }
    again = "";
    ending = true;
    hold(true); // what is typed now would belong to nobody: the boxes take nothing until the call has ended
    complain("");
    state("正在结束通话……");
    const told = { ending: how, page: pageName, values: values(), proof: proof || {} };
    for (;;) {
      try {
        if (!call) await open();
        const answer = await post(`/call/${call.id}/end`, { ...told, seq: seq + 1 });
        stopped = true;
        ended(how, call.id, answer);
        break;
      } catch (error) {
        if (error instanceof Refused) {
          ending = false;
          hold(false);
          if (how === "follow_up") throw error;
          return complain(error.message, error.name);
        }
        state("离线，将重试：通话内容保留在本页，请不要关闭", "off");
        await new Promise((later) => setTimeout(later, 1500));
      }
    }
    ending = false;
    hold(false);
  }
  function hold(on) {
    for (const box of boxes) if ("readOnly" in box) box.readOnly = on;
    form.setAttribute("aria-busy", String(on));
  }
  function ended(how, number, answer) {
    blank();
    if (how === "clue") return readOut(number, answer);
    say({ consultation: "已记为咨询", follow_up: "已登记到线索 " + (answer.no || ""), invalid: "已记为打错或骚扰" }[how]);
    refresh();
  }
  function blank() {
    clearTimeout(timer);
    call = null;
    seq = sent = 0;
    stopped = false;
    put({});
    suggested = {};
    $("#duty").hidden = true;
    $("[data-urgent]").setAttribute("aria-pressed", "false");
    $("#since").textContent = "";
    state("通话已结束。下一个来电按 F2", "ok");
    ask();
  }
  async function readOut(number, answer) {
    const mine = ++reading;
    $("#done-title").textContent = "已收到，正在登记……";
    $("#done-body").replaceChildren(node("p", "内容已妥善保存。编号和查询码马上就好。"));
    $("#done-ok").disabled = true;
    if (!done.open) done.showModal();
    for (let tries = 0; mine === reading && done.open; tries += 1) {
      if (answer && answer.code) break;
      if (answer && answer.manual) { $("#done-body").replaceChildren(node("p", "这份登记需要人工阅读后编号，请告诉来电人稍后回电告知。")); return; }
      if (tries === 20) $("#done-body").replaceChildren(node("p", "登记比平时慢。可以先挂断，半小时内在“今日来电”里按“读查询码”。"));
      await new Promise((later) => setTimeout(later, tries < 20 ? 250 : 2000));
      try { answer = await post(`/call/${number}/outcome`); } catch { answer = null; }
    }
    if (mine !== reading || !done.open) return;
    $("#done-title").textContent = "已登记，请读给来电人";
    $("#done-body").replaceChildren(
      node("p", "线索编号", "muted"), node("p", answer.no || "编号稍后告知", "read-out"),
      node("p", "查询码", "muted"), node("p", answer.code, "read-out code"),
      node("p", "“您的举报已经登记，七个工作日内告知您是否受理。请记下查询码，凭码可以查询进度，请不要告诉他人。”", "say"));
    done.dataset.call = number;
    $("#done-ok").disabled = false;
    $("#done-ok").focus();
    refresh();
  }
  $("#done-ok").addEventListener("click", async () => {
    try { await post(`/call/${done.dataset.call}/told`); say("已记录：编号和查询码已口头告知"); done.close(); }
    catch (error) { say(error instanceof Refused ? error.message : "离线，请稍后再按一次"); }
    refresh();
  });
  $("#done-later").addEventListener("click", () => done.close());
  done.addEventListener("close", () => { reading += 1; $("#c-caller").focus(); refresh(); });

  const proof = () => ({ query_code: $("#f-code").value, name: $("#f-name").value, contact: $("#f-contact").value, kind: $("#f-kind").value });
  function askProof() {
    if (!call && !seq) return complain("还没有通话：直接输入或按 F2");
    $("#follow-form").reset();
    if (form.elements.name.value) $("#f-name").value = form.elements.name.value;
    if (form.elements.caller.value) $("#f-contact").value = form.elements.caller.value;
    unproved();
    $("#follow-problem").hidden = true;
    follow.showModal();
    $("#f-code").focus();
  }
  function unproved() { follow.dataset.proved = ""; $("#follow-found").hidden = true; $("#follow-ok").firstChild.textContent = "核对 "; }
  $("#follow-form").addEventListener("input", (event) => { if (event.target.id !== "f-kind") unproved(); });
  $("#follow-form").addEventListener("submit", async (event) => {
    event.preventDefault();
    $("#follow-problem").hidden = true;
    try {
      if (!call) await open();
      if (!follow.dataset.proved) {
        const found = await post(`/call/${call.id}/prove`, { proof: proof() });
        $("#follow-found").textContent = `已核对：${found.no}，${found.state}。确认来电人的要求，再按 Enter 登记。`;
        $("#follow-found").hidden = false;
        follow.dataset.proved = "1";
        $("#follow-ok").firstChild.textContent = "登记跟进 ";
        $("#f-kind").focus();
      } else { await finish("follow_up", proof()); follow.close(); }
    } catch (error) {
      $("#follow-problem").textContent = error instanceof Refused ? error.message : "离线，请稍后再试";
      $("#follow-problem").hidden = false;
    }
  });
  $("#f-kind").addEventListener("keydown", (event) => { if (event.key === "Enter" && !composing(event)) { event.preventDefault(); $("#follow-form").requestSubmit(); } });
  $("#follow-no").addEventListener("click", () => follow.close());

  // ---- keys (in the one table of hub.js, so that "?" shows them), lists
  const start = (how) => (how === "follow_up" ? askProof() : finish(how));
  const KEYS = [["F8", "线索登记", "clue"], ["F6", "记为咨询", "consultation"], ["F7", "跟进已有线索", "follow_up"], ["F9", "打错或骚扰", "invalid"]];
  const press = (run) => (event) => { if (!composing(event) && !event.repeat && !$("dialog[open]")) run(event); };
  hub.key("F2", "接听来电；通话中 Shift+F2 另开一个", "#pad", press((event) => {
    const ring = $("[data-ring]:not([data-back-call])");
    if (call && typed() && !ring && !event.shiftKey) return say("当前通话还没有结束；按 Shift+F2 另开一个");
    take(ring ? Number(ring.dataset.ring) : 0);
  }), { always: true });
  hub.key("F3", "请同事加入通话", "#company-ask:not([disabled])", press(() => $("#company-ask").click()), { always: true });
  hub.key("F4", "正在发生", "#pad", press(urgent), { always: true });
  for (const [pressed, words, how] of KEYS) hub.key(pressed, words, "#pad", press(() => start(how)), { always: true });
  async function take(ring) {
    if (call && sent < seq) await push();
    if (call && sent < seq) return complain("当前通话还没有保存，请稍候");
    call = null;
    seq = sent = 0;
    put({});
    try { await open(ring); } catch (error) { if (!(error instanceof Refused)) { seq = 1; retry(error); } }
    $(ring ? "#c-name" : "#c-caller").focus();
  }
  pad.addEventListener("click", (event) => {
    const found = event.target.closest("[data-end],[data-urgent],[data-ring],[data-read]");
    if (!found) return;
    if (found.dataset.end) start(found.dataset.end);
    else if (found.dataset.ring) take(Number(found.dataset.ring));
    else if (found.dataset.read) readOut(Number(found.dataset.read), null);
    else urgent();
  });
  pad.addEventListener("submit", async (event) => {
    if (!event.target.matches("[data-note]")) return;
    event.preventDefault();
    const box = $("#note");
    try { await post("/call/notes", { words: box.value }); box.value = ""; box.blur(); await refresh(); say("交接已保存"); }
    catch (error) { say(error instanceof Refused ? error.message : "离线，请稍后再保存"); }
  });
  async function refresh() {
    const list = $("#lists");
    if (list.contains(document.activeElement) && document.activeElement !== list || $("#note").value) return;
    const html = await hub.read("/call/lists").catch(() => null);
    if (html === null) return;
    const before = $("[data-ring]:not([data-back-call])", list);
    list.innerHTML = html;
    const ring = $("[data-ring]:not([data-back-call])", list);
    if (ring && !before) say("有来电：按 F2 接听");
    times(list);
  }
  setInterval(() => { if (!document.hidden) refresh(); }, 3000);
  hub.hear("ring", refresh); // at once; the interval is for where no stream is free
  hub.pad = { post, node, complain, refresh, Refused, typed, call: () => call, open: () => open(), show, division: () => chosen.division };

  const kept = pad.dataset.draft ? JSON.parse(pad.dataset.draft) : null;
  if (kept) { show(kept); state("已恢复未结束的通话", "ok"); $("#c-facts").focus(); }
  else { ask(); $("#c-caller").focus(); if (location.hash === "#new") take(Number(($("[data-ring]:not([data-back-call])") || { dataset: {} }).dataset.ring || 0)); }
})();
