// Scans on their way: hashed here, announced by list, sent piece by piece. The hub says where each file stands, so that a
// reload, a cut network or the same folder dropped again sends nothing twice.
"use strict";
(() => {
  const { $, say } = hub;
  const page = $("#batch");
  if (!page) return;
  const token = $("meta[name=csrf]").content, piece = Number(page.dataset.piece), most = Number(page.dataset.most);
  const endings = page.dataset.endings.split(","), largest = Number(page.dataset.largest);
  const bar = $("#sent"), words = $("#sent-words"), refused = $("#refused"), drop = $("#drop");
  const waiting = []; // files dropped and not stored yet: kept here until the hub has them
  let total = 0, stored = 0, octets = 0, sentOctets = 0, running = false;

  class Refused extends Error {}
  const pause = (ms) => new Promise((go) => { const timer = setTimeout(go, ms); addEventListener("online", () => { clearTimeout(timer); go(); }, { once: true }); });
  // Asks until there is an answer; only a refusal of the hub ends it.
  async function post(path, body, type) {
    for (let wait = 1000; ; wait = Math.min(15000, wait * 2)) {
      let answer = null;
      try {
        answer = await fetch(path, { method: "POST", credentials: "same-origin", body, headers: { "Content-Type": type, Accept: "application/json", "X-CSRF-Token": token } });
      } catch { /* the network is away */ }
      if (answer && answer.ok) return answer.json();
      if (answer && answer.status < 500 && answer.status !== 429 && answer.status !== 401) throw new Refused((await answer.json().catch(() => ({}))).error || "没有上传");
      tell(answer && answer.status === 401 ? "登录已失效：请在新窗口登录，上传会接着进行" : "网络中断，恢复后接着传…");
      await pause(wait);
    }
  }
  function tell(text) {
    const done = octets ? Math.min(100, 100 * sentOctets / octets) : 0;
    bar.value = done;
    $("#sending").hidden = !running;
    words.textContent = text || `已保存 ${stored} / ${total} 个文件，${Math.floor(done)} %`;
  }
  function complain(name, why) {
    const item = document.createElement("li");
    item.textContent = `${name}：${why}`;
    refused.append(item);
  }
  function add(files) {
    refused.replaceChildren();
    let taken = 0;
    const list = [...files].filter((file) => !/^(\.|thumbs\.db$|desktop\.ini$)/i.test(file.name));
    list.sort((a, b) => (a.folder + "/" + a.name).localeCompare(b.folder + "/" + b.name, "zh-CN", { numeric: true }));
    for (const one of list) {
      const low = one.name.toLowerCase();
      if (!endings.some((end) => low.endsWith(end))) complain(one.name, "不是扫描件，没有上传");
      else if (!one.file.size) complain(one.name, "是空文件，没有上传");
      else if (one.file.size > largest) complain(one.name, "超过大小上限，没有上传");
      else if (waiting.length + stored >= most) complain(one.name, `一批最多 ${most} 个，请放入下一批`);
      else { waiting.push(one); total += 1; octets += one.file.size; taken += 1; }
    }
    if (taken && !running) run();
  }
  async function run() {
    running = true;
    tell();
    while (waiting.length) {
      const one = waiting[0];
      let counted = 0;
      try {
        const sha = one.sha || (one.sha = await sha256(one.file));
        const told = JSON.stringify({ files: [{ name: one.name, folder: one.folder, size: one.file.size, sha256: sha }] });
        let at = (await post(`/mailroom/batches/${page.dataset.batch}/files`, told, "application/json")).files[0];
        let again = 0;
        while (at.state === "sending") {
          if (at.have < counted) again += 1;
          if (again > 2) throw new Refused("文件在上传途中被改动");
          sentOctets += at.have - counted; counted = at.have;
          tell();
          at = await post(`/mailroom/files/${at.id}/pieces?start=${at.have}`, one.file.slice(at.have, at.have + piece), "application/octet-stream");
        }
        stored += 1;
      } catch (error) {
        complain(one.name, error instanceof Refused ? error.message : "读取失败：文件可能已被移动或改动");
        total -= 1;
      }
      sentOctets += one.file.size - counted;
      waiting.shift();
      tell();
      if (stored % 10 === 0) document.dispatchEvent(new CustomEvent("scans"));
    }
    running = false;
    $("#sending").hidden = false;
    tell(stored ? `${stored} 个文件已保存` : " ");
    document.dispatchEvent(new CustomEvent("scans"));
    if (stored) say(`${stored} 个文件已保存`);
  }
  const plain = (files) => [...files].map((file) => ({ file, name: file.name, folder: (file.webkitRelativePath || "").split("/").slice(0, -1).join("/") }));
  // Folders that are dropped are walked; a browser gives their entries a hundred at a time.
  async function walk(entry, folder) {
    if (entry.isFile) return [await new Promise((ok, no) => entry.file(ok, no))].map((file) => ({ file, name: file.name, folder }));
    const reader = entry.createReader(), found = [];
    for (;;) {
      const some = await new Promise((ok, no) => reader.readEntries(ok, no));
      if (!some.length) return found;
      for (const one of some) found.push(...await walk(one, folder ? `${folder}/${entry.name}` : entry.name));
    }
  }
  async function dropped(transfer) {
    const entries = [...transfer.items || []].map((item) => item.webkitGetAsEntry && item.webkitGetAsEntry()).filter(Boolean);
    if (!entries.some((entry) => entry.isDirectory)) return add(plain(transfer.files));
    const found = [];
    for (const entry of entries) found.push(...await walk(entry, ""));
    add(found);
  }
  for (const id of ["pick", "pick-folder"]) {
    const input = $("#" + id);
    input.addEventListener("change", () => { add(plain(input.files)); input.value = ""; });
  }
  const isFiles = (event) => event.dataTransfer && [...event.dataTransfer.types].includes("Files");
  document.addEventListener("dragover", (event) => { if (isFiles(event)) { event.preventDefault(); drop.classList.add("over"); } });
  document.addEventListener("dragleave", (event) => { if (!event.relatedTarget) drop.classList.remove("over"); });
  document.addEventListener("drop", (event) => {
    if (!isFiles(event)) return;
    event.preventDefault();
    drop.classList.remove("over");
    dropped(event.dataTransfer).catch(() => say("文件夹读取失败，请用“选文件夹”"));
  });
  addEventListener("beforeunload", (event) => { if (running) event.preventDefault(); });
})();
