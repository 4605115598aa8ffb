// The case desk: acts open in place, Escape closes them; places, photos and officers are filled in with less typing.
// Everything works without it: acts are links, forms are forms.
"use strict";
(() => {
  const { $, all, say, read } = hub;
  const desk = $("#acts");
  const shut = (event) => {
    const menu = $(".menu-acts[open]");
    if (menu && !(event && menu.contains(event.target))) menu.open = false;
  };
  if (desk) {
    if ($("[data-done]")) { // once said, not said again after a reload
      const here = new URL(location);
      here.searchParams.delete("done");
      history.replaceState(null, "", here);
    }
    const typed = () => { const form = $("[data-act-form]", desk); return Boolean(form && form.dataset.dirty); };
    desk.addEventListener("input", (event) => { const form = event.target.closest("[data-act-form]"); if (form) form.dataset.dirty = "1"; });
    async function open(link) {
      if (typed() && !confirm("已填写的内容还没有提交，要放弃吗？")) return;
      const html = await read(link.href.split("#")[0]);
      if (html === null) { location.assign(link.href); return; }
      const fresh = new DOMParser().parseFromString(html, "text/html");
      desk.innerHTML = $("#acts", fresh).innerHTML;
      enrich(desk);
      const form = $("#act", desk);
      if (!form) return;
      const first = $("input:not([type=hidden]):not([type=file]),select,textarea", form);
      (first || form).focus({ preventScroll: true });
      form.scrollIntoView({ block: "nearest" });
    }
    function close() {
      const form = $("#act", desk);
      if (!form) return false;
      if (typed() && !confirm("已填写的内容还没有提交，要放弃吗？")) return true;
      const act = $("[data-act-form]", form)?.dataset.actForm;
      form.remove();
      const here = new URL(location);
      here.searchParams.delete("act");
      here.hash = "";
      history.replaceState(null, "", here);
      all("[data-act][aria-current]", desk).forEach((node) => node.removeAttribute("aria-current"));
      ($(`[data-act="${act}"]`, desk) || $("[data-act]", desk))?.focus();
      return true;
    }
    document.addEventListener("click", (event) => {
      shut(event);
      const link = event.target.closest("#acts a[data-act]");
      if (link && !event.ctrlKey && !event.metaKey && !event.shiftKey) { event.preventDefault(); open(link).catch(() => location.assign(link.href)); return; }
      const button = event.target.closest("#acts [data-close]");
      if (button && !/\/acts\//.test(location.pathname)) { event.preventDefault(); close(); }
      const clock = event.target.closest("[data-open-clock]");
      if (clock) {
        const box = $("#clock-" + clock.dataset.openClock);
        if (box) { event.preventDefault(); box.open = true; box.scrollIntoView({ block: "nearest" }); $("summary", box).focus({ preventScroll: true }); }
      }
    });
    document.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
      if (event.key === "Escape" && !event.target.closest("dialog") && !event.defaultPrevented) {
        if ($(".menu-acts[open]")) { shut(); $(".menu-acts > summary").focus(); } else if (!event.target.closest("select")) close();
        return;
      }
    });
    hub.key("a", "办理主要步骤", "#acts [data-key='a']", () => open($("[data-key='a']", desk)).catch(() => {}));
    hub.key("m", "其他办理", "#acts .menu-acts", () => { const menu = $(".menu-acts", desk); menu.open = true; ($("a", menu) || $("summary", menu)).focus(); });
    addEventListener("beforeunload", (event) => { if (typed() && !desk.dataset.sent) event.preventDefault(); });
    desk.addEventListener("submit", () => { desk.dataset.sent = "1"; });
  }

  // Of several notices the one that belongs to what is chosen; all of them while nothing is.
  function previews(root) {
    for (const figure of all("figure[data-box]", root)) {
      const boxes = all(`[name="${figure.dataset.box}"]`, root), picked = boxes.find((box) => box.type === "radio" ? box.checked : box.value);
      figure.hidden = Boolean(picked) && picked.value !== figure.dataset.value;
    }
  }
  document.addEventListener("change", (event) => { const form = event.target.closest("[data-act-form]"); if (form) previews(form); });
  function enrich(root) {
    previews(root);
    const spares = all(".officer[data-spare]", root);
    spares.forEach((row) => row.classList.add("folded"));
    if (spares.length && !$("[data-more]", root)) {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "btn btn-sm";
      button.dataset.more = "";
      button.textContent = "再加一人";
      button.addEventListener("click", () => {
        const next = $(".officer.folded", root);
        if (next) { next.classList.remove("folded"); $("input", next).focus(); }
        if (!$(".officer.folded", root)) button.remove();
      });
      spares[spares.length - 1].after(button);
    }
    const locate = $("[data-locate]", root);
    if (locate && navigator.geolocation && isSecureContext) locate.hidden = false;
  }
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-locate] button");
    if (!button) return;
    const said = $("[role=status]", button.parentElement);
    said.textContent = "正在定位…";
    navigator.geolocation.getCurrentPosition((found) => {
      const put = (name, value) => { const box = document.getElementById(name); if (box) { box.value = value; box.dispatchEvent(new Event("input", { bubbles: true })); } };
      put("x-longitude", found.coords.longitude.toFixed(6));
      put("x-latitude", found.coords.latitude.toFixed(6));
      const system = document.getElementById("x-crs-WGS84");
      if (system) system.checked = true;
      said.textContent = `已填入 WGS84 坐标，精度约 ${Math.round(found.coords.accuracy)} 米`;
    }, () => { said.textContent = "没有取得位置：请允许定位，或手工填写"; }, { enableHighAccuracy: true, timeout: 15000 });
  });
  // A known certificate fills in its holder and its end, a known name the certificate.
  document.addEventListener("input", (event) => {
    const row = event.target.closest(".officer");
    if (row) {
      const [name, certificate, until] = all("input", row);
      const known = all("#known-certificates option").find((option) => event.target === name ? option.dataset.name === name.value : option.value === certificate.value);
      if (known) {
        if (!name.value) name.value = known.dataset.name;
        if (!certificate.value) certificate.value = known.value;
        if (!until.value) until.value = known.dataset.until;
      }
    }
  });
  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-photos]")) {
      const list = $("[data-chosen]", event.target.parentElement);
      list.replaceChildren(...[...event.target.files].map((file) => {
        const item = document.createElement("li");
        item.textContent = `${file.name}（${Math.max(1, Math.round(file.size / 1024))} KB）`;
        return item;
      }));
    }
  });
  if (location.hash) {
    const target = document.getElementById(location.hash.slice(1));
    if (target && target.matches("details")) target.open = true;
  }
  if (desk) {
    enrich(desk);
    const wrong = $("[aria-invalid=true]", desk);
    if (wrong) wrong.focus();
    else if ($("#act", desk)) $("input:not([type=hidden]):not([type=file]),select,textarea", $("#act", desk))?.focus({ preventScroll: true });
  }
  hub.desk = { enrich, busy: () => Boolean(desk && $("#act", desk)) };
})();
