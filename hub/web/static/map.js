// Plans: a mark opens its rows; mark and row point at each other. Without this the list beside the picture does it all.
"use strict";
(() => {
  const { all } = hub;
  const pair = (key) => all("[data-mark],[data-mark-row]").filter((one) => (one.dataset.mark || one.dataset.markRow) === key);
  const light = (event, on) => {
    const one = event.target.closest && event.target.closest("[data-mark],[data-mark-row]");
    if (one) pair(one.dataset.mark || one.dataset.markRow).forEach((other) => other.classList.toggle("plan-on", on));
  };
  document.addEventListener("pointerover", (event) => light(event, true));
  document.addEventListener("pointerout", (event) => light(event, false));
  document.addEventListener("focusin", (event) => light(event, true));
  document.addEventListener("focusout", (event) => light(event, false));
  document.addEventListener("click", (event) => {
    const mark = event.target.closest && event.target.closest(".plan [data-href]");
    if (mark) location.assign(mark.dataset.href);
  });
})();
