// Beside the call pad: a colleague is asked in, or reads along; the plan of the place that was chosen.
"use strict";
(() => {
  if (!hub.pad) return;
  const { $, say } = hub;
  const { post, node, complain, refresh, Refused } = hub.pad;
  const company = $("#company"), along = $("#along");
  const LABELS = { caller: "来电号码", name: "举报人姓名", mode: "举报方式", dialect: "语言", place: "违法行为发生地", respondent: "违法主体", facts: "主要违法事实", area: "涉及面积", occurred: "发生时间", class: "违法类型", evidence: "证据材料", routes: "如何联系", hours: "方便时段" };
  const words = (name, value) => { // a choice in the words of its box
    const option = [...($(`#c-${name}`)?.options || [])].find((one) => one.value === value);
    return option ? option.textContent : value;
  };

  // ---- asking
  $("#company-ask").addEventListener("click", () => {
    if (!hub.pad.call() && !hub.pad.typed()) return complain("还没有通话：直接输入或按 F2");
    $("#company-problem").hidden = true;
    company.showModal();
    $("#company-who").focus();
  });
  const refused = (error) => { $("#company-problem").textContent = error instanceof Refused ? error.message : "离线，请稍后再试"; $("#company-problem").hidden = false; };
  $("#company-form").addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      if (!hub.pad.call()) await hub.pad.open();
      const { name } = await post(`/call/${hub.pad.call().id}/company`, { colleague: Number($("#company-who").value) });
      company.close();
      say(`已请${name}加入：请在电话机上接通`);
    } catch (error) { refused(error); }
  });
  $("#company-who").addEventListener("keydown", (event) => { if (event.key === "Enter") { event.preventDefault(); $("#company-form").requestSubmit(); } });
  for (const dialog of [company, along]) $("[data-shut]", dialog).addEventListener("click", () => dialog.close());

  // ---- reading along
  let number = 0, later = 0;
  async function read() {
    clearTimeout(later);
    if (!along.open) return;
    try {
      const told = await post(`/call/${number}/along`);
      $("#along-title").textContent = `${told.by}的通话`;
      $("#along-words").textContent = `${told.since} 开始，填写到 ${told.saved}`;
      const rows = Object.keys(LABELS).filter((name) => told.values[name]).flatMap((name) => [node("dt", LABELS[name]), node("dd", words(name, told.values[name]))]);
      $("#along-values").replaceChildren(...rows);
    } catch (error) {
      if (error instanceof Refused) { $("#along-words").textContent = error.message; $("#along-take").disabled = true; return; }
      $("#along-words").textContent = "离线，将重试";
    }
    later = setTimeout(read, 2000);
  }
  $("#lists").addEventListener("click", (event) => {
    const found = event.target.closest("[data-along]");
    if (!found) return;
    number = Number(found.dataset.along);
    $("#along-values").replaceChildren();
    $("#along-take").disabled = false;
    along.showModal();
    read();
  });
  $("#along-take").addEventListener("click", async () => {
    if (hub.pad.call() && hub.pad.typed()) { $("#along-words").textContent = "您自己的通话还没有结束，请先结束或另开一个窗口"; return; }
    try {
      hub.pad.show(await post(`/call/${number}/take-over`));
      along.close();
      say("已接过通话，请继续填写");
      $("#c-facts").focus();
    } catch (error) { $("#along-words").textContent = error instanceof Refused ? error.message : "离线，请再按一次"; }
    refresh();
  });

  // ---- where the chosen place lies
  let shown = "";
  async function around() {
    const county = hub.pad.division().slice(0, 6);
    if (county === shown) return;
    shown = county;
    const card = $("#around");
    if (!county) { card.hidden = true; return; }
    try {
      const told = await post("/call/plan", { division: county });
      if (county !== shown) return;
      card.hidden = !told.html;
      $("#around-title").textContent = told.name;
      $("#around-plan").innerHTML = told.html; // our own markup
      $("#around-words").textContent = `${told.open} 条线索在办，其中 ${told.pinned} 条有坐标（圆点）。示意图，没有底图。`;
    } catch { shown = ""; } // a picture only: the next choice asks again
  }
  document.addEventListener("pad:place", around);
  around();
})();
