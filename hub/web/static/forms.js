// Forms: drafts stay in this browser tab until sent; files are listed, checked for size and sent with progress.
"use strict";
(() => {
  const { $, all, say } = hub;

  for (const form of all("form[data-autosave]")) {
    const name = "draft:" + form.dataset.autosave;
    const boxes = () => [...form.elements].filter((box) => box.name && !["file", "hidden", "submit"].includes(box.type));
    try {
      const kept = JSON.parse(sessionStorage.getItem(name) || "{}");
      for (const box of boxes()) {
        if (!(box.name in kept)) continue;
        if (box.type === "checkbox") box.checked = box.checked || Boolean(kept[box.name]);
        else if (!box.value) box.value = kept[box.name];
      }
      form.addEventListener("input", () => {
        const values = {};
        for (const box of boxes()) values[box.name] = box.type === "checkbox" ? box.checked : box.value;
        sessionStorage.setItem(name, JSON.stringify(values));
      });
      form.addEventListener("hub:sent", () => sessionStorage.removeItem(name));
    } catch { /* private mode: no drafts */ }
  }

  const mb = (octets) => octets >= 1048576 ? (octets / 1048576).toFixed(1) + " MB" : Math.max(1, Math.round(octets / 1024)) + " KB";
  for (const form of all("form[data-upload]")) {
    const input = $("input[type=file]", form), problem = $("#problem"), button = $(".btn-primary", form), bar = $("#progress");
    const complain = (text) => {
      problem.textContent = text;
      problem.hidden = !text;
      if (text) problem.scrollIntoView({ block: "nearest" });
    };
    const tooLarge = () => {
      const total = [...(input ? input.files : [])].reduce((sum, file) => sum + file.size, 0);
      return total > Number(form.dataset.max) ? `文件合计 ${mb(total)}，超过上限 ${mb(Number(form.dataset.max))}，没有上传` : "";
    };
    if (input) {
      const list = $(".chosen", form);
      input.addEventListener("change", () => {
        list.replaceChildren(...[...input.files].map((file) => {
          const item = document.createElement("li"), name = document.createElement("span"), size = document.createElement("span");
          name.textContent = file.name;
          size.textContent = mb(file.size);
          item.append(name, size);
          return item;
        }));
        complain(tooLarge());
      });
      const drop = $(".drop", form);
      if (drop) {
        for (const kind of ["dragover", "dragenter"]) drop.addEventListener(kind, (event) => { event.preventDefault(); drop.classList.add("over"); });
        for (const kind of ["dragleave", "drop"]) drop.addEventListener(kind, () => drop.classList.remove("over"));
        drop.addEventListener("drop", (event) => {
          event.preventDefault();
          input.files = event.dataTransfer.files;
          input.dispatchEvent(new Event("change"));
        });
      }
    }
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (tooLarge()) return complain(tooLarge());
      complain("");
      const request = new XMLHttpRequest();
      button.disabled = true;
      if (input && input.files.length) bar.hidden = false;
      request.upload.onprogress = (e) => { if (e.lengthComputable) bar.value = (100 * e.loaded) / e.total; };
      request.onload = () => {
        if (request.status === 200 && request.responseURL) {
          form.dispatchEvent(new Event("hub:sent"));
          return location.assign(request.responseURL);
        }
        button.disabled = false;
        bar.hidden = true;
        const page = new DOMParser().parseFromString(request.responseText, "text/html");
        const said = $("#problem", page) || $("h1", page);
        all("[aria-invalid]", form).forEach((box) => box.removeAttribute("aria-invalid"));
        const wrong = all("[aria-invalid=true]", page).map((box) => document.getElementById(box.id)).filter(Boolean);
        wrong.forEach((box) => box.setAttribute("aria-invalid", "true"));
        complain((said && said.textContent.trim()) || "没有保存，请重试");
        if (wrong.length) wrong[0].focus();
      };
      request.onerror = () => {
        button.disabled = false;
        bar.hidden = true;
        complain("连接中断：请再点一次，不会重复登记。");
        say("连接中断");
      };
      request.open("POST", location.href);
      request.send(new FormData(form));
    });
  }
})();

// A browser shows a date in its own language's order (11/12/2026): beside each box stands what is meant, year first, with the
// day of the week.
(() => {
  const { all } = hub;
  const DAYS = "日一二三四五六";
  const meant = (value) => {
    const day = new Date(value.slice(0, 10) + "T00:00:00Z");
    return Number.isNaN(day.getTime()) ? "" : `${value.replace("T", " ")} 周${DAYS[day.getUTCDay()]}`;
  };
  function tell(box) {
    let said = box.nextElementSibling;
    if (!said || !said.matches(".date-said")) {
      said = document.createElement("small");
      said.className = "date-said num muted";
      said.id = `${box.id || box.name}-said`;
      box.after(said);
      if (box.id) box.setAttribute("aria-describedby", [box.getAttribute("aria-describedby"), said.id].filter(Boolean).join(" "));
    }
    const words = meant(box.value);
    if (said.textContent !== words) said.textContent = words;
  }
  const look = () => all("input[type=date],input[type=datetime-local]").forEach(tell);
  for (const kind of ["input", "change"]) document.addEventListener(kind, (event) => { if (event.target.matches("input[type=date],input[type=datetime-local]")) tell(event.target); });
  document.addEventListener("reset", () => setTimeout(look), true);
  look();
  const main = document.getElementById("main");
  if (main) new MutationObserver((seen) => { if (seen.some((one) => [...one.addedNodes].some((node) => node.querySelector?.("input[type=date],input[type=datetime-local]")))) look(); }).observe(main, { childList: true, subtree: true });
})();
