// The register: typed with the keyboard alone; a line is saved with the last Enter and stands in the list at once.
"use strict";
(() => {
  const { $, all, say } = hub;
  const form = $("#mr-form"), joint = $(".mr-joint");
  if (joint) joint.addEventListener("toggle", () => { if (joint.open) $("textarea", joint).focus(); });
  if (!form) return;
  const problem = $("#mr-problem"), saved = $("#mr-saved"), list = $("#mr-list"), returned = $("#mr-returned");
  const composing = (event) => event.isComposing || event.keyCode === 229;
  const boxes = () => all("input:not([type=hidden]):not([type=checkbox]),select", form).filter((box) => box.offsetParent);
  const key = () => [...crypto.getRandomValues(new Uint8Array(16))].map((n) => n.toString(16).padStart(2, "0")).join("");
  let last = 0, busy = false;

  function complain(text, name) {
    problem.textContent = text || "";
    problem.hidden = !text;
    if (text) saved.textContent = "";
    all("[aria-invalid]").forEach((box) => box.removeAttribute("aria-invalid"));
    const box = name && (form.elements[name] || $(`[name=${name}]`, returned));
    if (box) { box.setAttribute("aria-invalid", "true"); const fold = box.closest("details"); if (fold) fold.open = true; box.focus(); }
  }
  async function post(from) {
    const answer = await fetch(from.action, { method: "POST", credentials: "same-origin", headers: { Accept: "application/json" }, body: new URLSearchParams(new FormData(from)) });
    if (answer.status === 401) throw new Error("登录已失效：请在新窗口登录，再按 F8，内容仍在");
    const said = await answer.json().catch(() => ({}));
    if (!answer.ok) throw Object.assign(new Error(said.error || "没有保存，请重试"), { box: said.name });
    return said;
  }
  async function save() {
    if (busy) return;
    busy = true;
    try {
      const made = await post(form);
      complain("");
      const day = form.elements.stamped.value, to = form.elements.addressee.value;
      form.reset();
      form.elements.key.value = key();
      form.elements.stamped.value = day;
      form.elements.addressee.value = to; // the same desk for most of a pile; one key clears it
      joint.open = false;
      last = made.id;
      saved.textContent = `${made.no} 已登记`;
      form.elements.reporter_name.focus();
      refresh(made.no).catch(() => {}); // the next line can be typed and saved meanwhile
    } catch (error) { // the network is away: the line stays as typed, its key makes a second try the same line
      complain(error instanceof TypeError ? "连不上服务器，没有保存。网络恢复后再按 F8，不会重复登记" : error.message, error.box);
    }
    busy = false;
  }
  async function refresh(no) {
    const html = await hub.read(list.dataset.refresh);
    if (html === null) return;
    list.innerHTML = html;
    const count = $(".tabs b"), open = $("[data-open]", list);
    if (count && open) count.textContent = open.dataset.open;
    const row = no && all("tr", list).find((one) => one.textContent.includes(no));
    if (row) row.classList.add("fresh");
  }
  const others = () => { if (list.contains(document.activeElement)) setTimeout(others, 2000); else refresh().catch(() => {}); };
  hub.hear("letters", others); // colleagues enter, scan and forward too
  form.addEventListener("submit", (event) => { event.preventDefault(); save(); });
  form.addEventListener("reset", () => { complain(""); setTimeout(() => form.elements.reporter_name.focus()); });
  returned.addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      const made = await post(returned);
      complain("");
      returned.elements.reference.value = "";
      returned.elements.key.value = key();
      saved.textContent = `${made.no} 退信已登记，改用下一种方式告知`;
      refresh(made.no).catch(() => {});
    } catch (error) { complain(error instanceof TypeError ? "连不上服务器，没有保存" : error.message, error.box); }
  });
  form.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || composing(event) || event.ctrlKey || event.target.tagName === "BUTTON" || event.target.tagName === "TEXTAREA" || event.target.tagName === "SUMMARY") return;
    event.preventDefault();
    if (event.target.type === "checkbox") return;
    const row = boxes(), at = row.indexOf(event.target);
    if (at === row.length - 1) save(); else row[at + 1].focus();
  });
  document.addEventListener("keydown", (event) => {
    if (composing(event) || event.ctrlKey || event.altKey || event.metaKey) return;
    const act = {
      F2: () => form.elements.reporter_name.focus(),
      F3: () => { joint.open = !joint.open; (joint.open ? $("textarea", joint) : form.elements.reporter_name).focus(); }, // at once: the next key is meant for it
      F4: () => { form.elements.opened.checked = !form.elements.opened.checked; },
      F6: () => { if (last) location.assign(`/mailroom/letters/${last}`); else say("还没有刚登记的来信"); },
      F7: () => returned.elements.reference.focus(),
      F8: () => (document.activeElement === returned.elements.reference ? returned.requestSubmit() : save()),
      F9: () => { const link = $("a[href$='/covers']", list); if (link) open(last ? `/mailroom/covers?no=${last}` : link.href, "_blank", "noopener"); },
    }[event.key];
    if (act) { event.preventDefault(); act(); }
  });
  addEventListener("beforeunload", (event) => { if (boxes().some((box) => ["reporter_name", "reporter_address", "reporter_phone", "postal_no", "enclosures"].includes(box.name) && box.value.trim())) event.preventDefault(); });
  form.elements.reporter_name.focus();
})();
