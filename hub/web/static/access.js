// Security keys (WebAuthn), and identity that vanishes after its time.
"use strict";
(() => {
  const token = document.querySelector("meta[name=csrf]")?.content || "";
  const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
  const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  const send = async (url, body) => {
    const answer = await fetch(url, {
      method: "POST", credentials: "same-origin",
      headers: { "X-CSRF-Token": token, "Content-Type": "application/json", Accept: "application/json" },
      body: JSON.stringify(body || {}),
    });
    const told = await answer.json();
    if (!answer.ok) throw new Error(told.error || "验证没有成功，请重试");
    return told;
  };
  const problem = (message) => {
    const box = document.getElementById("key-problem");
    if (box) { box.textContent = message; box.hidden = false; }
  };
  const guard = (button, work) => button.addEventListener("click", async () => {
    if (!window.PublicKeyCredential) { problem("这个浏览器不支持安全密钥，或页面不是经 HTTPS 打开。"); return; }
    button.disabled = true;
    try { await work(); } catch (error) {
      problem(error.name === "NotAllowedError" ? "操作被取消或超时，请重试。" : error.message);
    }
    button.disabled = false;
  });
  const known = (list) => (list || []).map((one) => ({ ...one, id: bytes(one.id) }));

  document.querySelectorAll("[data-key-answer]").forEach((button) => guard(button, async () => {
    const options = await send(button.dataset.keyOptions);
    const made = await navigator.credentials.get({ publicKey: {
      ...options, challenge: bytes(options.challenge), allowCredentials: known(options.allowCredentials),
    } });
    const r = made.response;
    await send(button.dataset.keyAnswer, { id: made.id, rawId: text(made.rawId), type: made.type, clientExtensionResults: {}, response: {
      authenticatorData: text(r.authenticatorData), clientDataJSON: text(r.clientDataJSON), signature: text(r.signature),
      userHandle: r.userHandle ? text(r.userHandle) : null,
    } });
    location.assign(button.dataset.next);
  }));

  document.querySelectorAll("[data-key-add]").forEach((button) => guard(button, async () => {
    const options = await send(button.dataset.keyOptions);
    const made = await navigator.credentials.create({ publicKey: {
      ...options, challenge: bytes(options.challenge), user: { ...options.user, id: bytes(options.user.id) },
      excludeCredentials: known(options.excludeCredentials),
    } });
    const told = await send(button.dataset.keyAdd, { name: document.getElementById("key-name")?.value || "", answer: {
      id: made.id, rawId: text(made.rawId), type: made.type, clientExtensionResults: {},
      response: { attestationObject: text(made.response.attestationObject), clientDataJSON: text(made.response.clientDataJSON) },
    } });
    if (!told.codes.length) { location.assign(button.dataset.next); return; }
    const box = document.getElementById("key-codes");
    box.hidden = false;
    box.querySelector("ul").replaceChildren(...told.codes.map((code) => {
      const item = document.createElement("li"), inner = document.createElement("code");
      inner.textContent = code; item.append(inner); return item;
    }));
    box.querySelector("a").focus();
  }));

  document.querySelectorAll("[data-vanish]").forEach((box) => {
    const until = performance.now() + Number(box.dataset.vanish) * 1000;
    const tick = () => {
      const left = Math.ceil((until - performance.now()) / 1000);
      const shown = box.querySelector(".left");
      if (left > 0) { if (shown) shown.textContent = left; setTimeout(tick, 500); return; }
      const gone = document.createElement("p");
      gone.className = "muted"; gone.setAttribute("role", "status"); gone.textContent = "显示时间已到，身份信息已收起。";
      box.replaceWith(gone);
    };
    tick();
  });
  window.addEventListener("pageshow", (event) => { if (event.persisted) document.querySelectorAll("[data-vanish]").forEach((box) => box.remove()); });
})();
