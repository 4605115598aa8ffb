// The citizens' pages work without this. With it: a draft of the report on this device, the place by a button, the
// chosen files listed, an upload that may be tried again, the code saved or copied.
"use strict";
(() => {
  const $ = (query, root = document) => root.querySelector(query);
  const all = (query, root = document) => [...root.querySelectorAll(query)];
  const DRAFT = "12336:draft";
  const KEPT = ["place", "respondent", "facts", "evidence", "occurred"]; // never who reports: the phone may be shared
  let saving = 0;
  const mb = (octets) => octets >= 1048576 ? (octets / 1048576).toFixed(1) + " MB" : Math.max(1, Math.round(octets / 1024)) + " KB";

  function draft(form) {
    const state = $("#draft-state"), clear = $("#draft-clear");
    const boxes = KEPT.map((name) => form.elements[name]).filter(Boolean);
    let kept = null;
    try { kept = JSON.parse(localStorage.getItem(DRAFT) || "null"); } catch { return; }
    const tell = (text) => { state.textContent = text; state.parentElement.hidden = !text; };
    if (kept) {
      let filled = false;
      for (const box of boxes) if (!box.value && kept[box.name]) { box.value = kept[box.name]; filled = true; }
      if (filled) tell("已恢复上次没有提交的草稿。");
    }
    form.addEventListener("input", () => {
      clearTimeout(saving);
      saving = setTimeout(() => {
        const values = Object.fromEntries(boxes.filter((box) => box.value).map((box) => [box.name, box.value]));
        try { localStorage.setItem(DRAFT, JSON.stringify(values)); tell("草稿已存在本机（不含姓名和联系方式）。"); } catch { /* full or forbidden */ }
      }, 400);
    });
    clear.addEventListener("click", () => {
      clearTimeout(saving);
      localStorage.removeItem(DRAFT);
      for (const box of boxes) box.value = "";
      tell("");
    });
  }

  function mode(form) {
    const contacts = $("#contacts");
    const show = () => {
      const chosen = form.elements.mode.value;
      contacts.hidden = chosen === "" || chosen === "anonymous";
      all("input, select", contacts).forEach((box) => { box.disabled = chosen === "anonymous"; });
    };
    all("input[name=mode]", form).forEach((box) => box.addEventListener("change", show));
    show();
  }

  function place(form) {
    const button = $("#locate"), said = $("#located");
    if (!button || !navigator.geolocation) return;
    button.hidden = false;
    button.addEventListener("click", () => {
      said.textContent = "正在定位…";
      navigator.geolocation.getCurrentPosition(({ coords }) => {
        form.elements.lat.value = coords.latitude.toFixed(6);
        form.elements.lon.value = coords.longitude.toFixed(6);
        form.elements.accuracy.value = Math.round(coords.accuracy);
        said.textContent = `已记下现在的位置，误差约 ${Math.round(coords.accuracy)} 米。请确认您就在现场。`;
      }, (error) => {
        said.textContent = error.code === 1 ? "没有允许定位，请用文字写明地点。" : "没有定到位，请用文字写明地点。";
      }, { enableHighAccuracy: true, timeout: 15000 });
    });
  }

  function files(form) {
    const list = $(".chosen", form), inputs = all("input[type=file]", form);
    for (const input of inputs) input.addEventListener("change", () => {
      list.replaceChildren(...inputs.flatMap((one) => [...one.files]).map((file) => {
        const item = document.createElement("li"), name = document.createElement("span"), size = document.createElement("span");
        name.textContent = file.name;
        size.textContent = mb(file.size);
        item.append(name, size);
        return item;
      }));
    });
    return () => inputs.flatMap((one) => [...one.files]);
  }

  function complain(text) {
    let box = $("#problem");
    if (!box) {
      box = document.createElement("p");
      box.id = "problem";
      box.className = "problem";
      box.setAttribute("role", "alert");
      $("h1").after(box);
    }
    box.textContent = text;
    box.scrollIntoView({ block: "center" });
  }

  // Sent by script for the progress bar and so that a broken line loses nothing: the form stays, the same key goes again.
  function send(form, chosen) {
    const button = $(".btn-primary", form), bar = $("progress", form);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const total = chosen().reduce((sum, file) => sum + file.size, 0);
      if (total > Number(form.dataset.max)) return complain(`文件合计 ${mb(total)}，超过 ${mb(Number(form.dataset.max))}。请减少文件，或缩短视频。`);
      const request = new XMLHttpRequest();
      button.disabled = true;
      if (total) bar.hidden = false;
      request.upload.onprogress = (e) => { if (e.lengthComputable) bar.value = (100 * e.loaded) / e.total; };
      request.onload = () => {
        const page = new DOMParser().parseFromString(request.responseText, "text/html"), main = $("main", page);
        if (!main) { button.disabled = false; return complain("没有提交成功，请再点一次。"); }
        document.title = page.title;
        $("main").replaceWith(document.adoptNode(main));
        if (request.responseURL && request.responseURL !== location.href) history.replaceState(null, "", request.responseURL);
        begin();
        scrollTo(0, 0);
        ($("#problem") || $("h1")).focus?.();
      };
      request.onerror = () => {
        button.disabled = false;
        bar.hidden = true;
        complain("网络中断，内容还在。请到信号好的地方再点一次“提交”，不会重复登记。");
      };
      request.open("POST", location.href);
      request.send(new FormData(form));
    });
  }

  function done(code) {
    clearTimeout(saving); // what was typed just before must not come back as a draft
    try { localStorage.removeItem(DRAFT); } catch { /* private mode */ }
    const text = `12336 查询码：${code.textContent.trim()}\n${code.dataset.about}\n`;
    const save = $("#save"), copy = $("#copy"), print = $("#print");
    save.href = URL.createObjectURL(new Blob([text], { type: "text/plain" }));
    save.hidden = print.hidden = false;
    print.addEventListener("click", () => window.print());
    if (navigator.clipboard) {
      copy.hidden = false;
      copy.addEventListener("click", () => navigator.clipboard.writeText(code.textContent.trim()).then(() => { copy.textContent = "已复制"; }, () => {}));
    }
  }

  function begin() {
    const form = $("form[data-send]"), code = $("#code");
    if (form) {
      const chosen = files(form);
      if (form.dataset.send === "report") { draft(form); mode(form); place(form); }
      send(form, chosen);
    }
    if (code) done(code);
    const wrong = $("[aria-invalid=true]");
    if (wrong) wrong.scrollIntoView({ block: "center" });
  }
  begin();
})();
