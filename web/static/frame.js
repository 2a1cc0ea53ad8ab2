// The page in a frame of another page: a poster until the reader wants the demo,
// and messages to and from the page around it.
//
// Messages are {source: "sae", v: 1, id, type, payload}. The host's first is
// "hello", by postMessage with a MessagePort; all others go through that port.
//
//   in   hello, play, pause, step, reset, set, state, export
//   out  ready, state, metrics (at most four a second), height, error,
//        done: the run is over; with the id of a command, that is carried out,
//        with its result as payload. A command that fails is answered by error.
"use strict";

globalThis.saeEmbedded = true;

(() => {
  const query = new URLSearchParams(location.search);
  const theme = query.get("theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;

  // The program.

  let loaded = null; // a promise, once the reader or the host has asked
  const load = () => loaded ??= (async () => {
    if (origin === "null") throw new Error("its frame is sandboxed; the sandbox attribute needs allow-scripts and allow-same-origin");
    const button = document.getElementById("load");
    button.disabled = true;
    button.querySelector("span").textContent = "Loading";
    for (const src of ["echarts.js", "wasm_exec.js", "program.js", "renderer.js", "boot.js"]) {
      await new Promise((resolve, reject) => {
        const script = Object.assign(document.createElement("script"), { src });
        script.onload = resolve;
        script.onerror = () => reject(new Error(`${src} could not be loaded`));
        document.head.append(script);
      });
    }
    while (!("sae" in globalThis)) await new Promise((resolve) => setTimeout(resolve, 20));
    await sae.ready;
    subscribe();
    post("ready", sae.state());
    const notice = document.querySelector(".notice:not([hidden]) p");
    if (notice) post("error", { message: notice.innerText });
  })().catch((error) => {
    const line = document.getElementById("boot");
    if (line) {
      line.textContent = `The demo did not start: ${error.message}. Reload the page.`;
      line.hidden = false;
    }
    post("error", { message: error.message });
    throw error;
  });

  // Messages.

  let port = null;
  const post = (type, payload, id) => port?.postMessage({ source: "sae", v: 1, id, type, payload });

  const commands = {
    play: () => load().then(() => sae.play()),
    pause: () => load().then(() => sae.pause()),
    step: () => load().then(() => sae.step()),
    reset: () => load().then(() => sae.reset()),
    set: (payload) => load().then(() => sae.set(payload)),
    state: () => loaded ? loaded.then(() => sae.state()) : { status: "idle", loaded: false },
    export: (payload) => load().then(() => sae.export(payload?.format)),
  };
  const maxSettings = 40, maxLength = 200; // of a set command: far more than there are

  async function receive({ data }) {
    if (data?.source !== "sae") return;
    const { v, id, type, payload } = data;
    try {
      if (v !== 1) throw new Error(`message version ${v}: want 1`);
      if (!Object.hasOwn(commands, type)) throw new Error(`message type ${String(type).slice(0, maxLength)}: want one of hello, ${Object.keys(commands).join(", ")}`);
      if (type === "set") {
        const entries = Object.entries(payload ?? {});
        if (entries.length > maxSettings || entries.some(([name, value]) => name.length > maxLength || String(value).length > maxLength)) {
          throw new Error(`set: want at most ${maxSettings} settings of at most ${maxLength} characters`);
        }
      }
      const result = await commands[type](payload);
      post("done", result, id);
    } catch (error) {
      post("error", { message: error.message }, id);
    }
  }

  // Only the page around this frame may drive it, and only from the origin that
  // the browser says it has.
  addEventListener("message", ({ source, origin, data, ports }) => {
    if (source !== parent || parent === window || data?.source !== "sae" || data.type !== "hello" || ports.length !== 1) return;
    const host = location.ancestorOrigins?.[0];
    if (host && host !== "null" && host !== origin) return;
    port?.close();
    port = ports[0];
    port.onmessage = receive;
    if (data.v !== 1) {
      post("error", { message: `message version ${data.v}: want 1` }, data.id);
      return;
    }
    post("done", { v: 1 }, data.id);
    tellHeight();
    if (loaded) loaded.then(() => post("ready", sae.state()), () => {});
  });

  // One demo trains at a time on a page: the last that was started.
  let others = null;
  try {
    others = new BroadcastChannel("sae-training");
    others.onmessage = () => {
      if ("sae" in globalThis && sae.state().status === "training") sae.pause();
    };
  } catch {} // in a sandboxed frame

  function subscribe() {
    let status = sae.state().status, timer = 0, newest = null;
    sae.on("state", (state) => {
      if (state.status === "training" && status !== "training") others?.postMessage("started");
      if (state.status === "done" && status !== "done") post("done", state);
      status = state.status;
      post("state", state);
    });
    sae.on("metrics", (metrics) => {
      newest = metrics;
      timer ||= setTimeout(() => {
        timer = 0;
        post("metrics", newest);
      }, 250);
    });
    sae.on("error", (error) => post("error", error));
  }

  const tellHeight = () => post("height", { height: Math.ceil(document.body.getBoundingClientRect().height) });

  addEventListener("DOMContentLoaded", () => {
    const start = () => load().then(() => query.get("autoplay") === "1" && sae.play()).catch(() => {});
    document.getElementById("load").addEventListener("click", start);
    new ResizeObserver(tellHeight).observe(document.body);
    if (query.get("load") === "auto") start();
  });
})();
