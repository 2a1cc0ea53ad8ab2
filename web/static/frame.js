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
//
// A hello may have {theme: "light" or "dark"} as payload, what the page around looks
// like, and comes again, through the port, when that changes.
"use strict";

// Its parameters. Some hosts redirect embed.html to another address and lose the query on
// the way, which no browser does with the fragment: the element puts them into both, as
// "#light?latent=8".
globalThis.saeEmbedded = /\?.*/.exec(location.hash)?.[0] ?? location.search;

(() => {
  const query = new URLSearchParams(saeEmbedded);
  const paint = (theme) => {
    if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
    return theme;
  };
  const fixed = ["light", "dark"].includes(paint(query.get("theme")));
  const follow = (theme) => fixed || paint(theme);
  follow(/^#([^?]*)/.exec(location.hash)?.[1]); // before the first message, so that nothing flashes

  const parsed = new Promise((resolve) => addEventListener("DOMContentLoaded", resolve));

  // The program.

  let loaded = null; // a promise, once the reader or the host has asked
  const load = () => {
    if (!loaded) {
      loaded = start();
      tell();
    }
    return loaded;
  };

  async function start() {
    await parsed;
    try {
      if (origin === "null") throw new Error("the sandbox attribute of its frame has to have allow-scripts and allow-same-origin");
      const button = document.getElementById("load");
      button.disabled = true;
      button.querySelector("span").textContent = "Loading";
      globalThis.saeScripts = Promise.all([
        { src: "wasm_exec.js", integrity: "" },
        { src: "program.js", integrity: "" },
        { src: "renderer.js", integrity: "" },
      ].map(run));
      const failed = new Promise((_, reject) => addEventListener("unhandledrejection", ({ reason }) => reject(reason), { once: true }));
      await Promise.race([failed, Promise.all([saeScripts, run({ src: "boot.js", integrity: "" })])]);
      await Promise.race([failed, begun()]);
      const stopped = new Promise((_, reject) => sae.on("error", ({ message }) => {
        if (sae.state().status === "error") reject(new Error(message));
      }));
      await Promise.race([failed, stopped, sae.ready]);
      subscribe();
    } catch (cause) {
      const error = new Error(origin !== "null" && await saeWhy() || cause.message);
      const line = document.getElementById("boot");
      if (line) { // else the program has taken the page over, and says what it lacks
        document.getElementById("load").hidden = true;
        line.textContent = `The demo does not start: ${error.message}.`;
        line.hidden = false;
      }
      throw error;
    }
  }

  const run = (file) => new Promise((resolve, reject) => {
    const script = Object.assign(document.createElement("script"), file);
    script.onload = resolve;
    script.onerror = () => reject(new Error(`${file.src} could not be loaded`));
    document.head.append(script);
  });

  async function begun() {
    while (!("sae" in globalThis)) await new Promise((resolve) => setTimeout(resolve, 20));
  }

  // Tells the host, once, what has come of loading.
  let told = null; // the port that knows
  function tell() {
    const once = (say) => {
      if (!port || told === port) return;
      told = port;
      say();
    };
    loaded?.then(() => once(() => {
      post("ready", sae.state());
      const notice = document.querySelector(".notice:not([hidden]) p");
      if (notice) post("error", { message: notice.innerText });
    }), ({ message }) => once(() => post("error", { message })));
  }

  // Messages.

  let port = null;
  const post = (type, payload, id) => port?.postMessage({ source: "sae", v: 1, id, type, payload });

  const commands = {
    hello: (payload) => {
      follow(payload?.theme);
      return { v: 1 };
    },
    play: () => load().then(() => sae.play()),
    pause: () => load().then(() => sae.pause()),
    step: () => load().then(() => sae.step()),
    reset: () => load().then(() => sae.reset()),
    set: (payload) => {
      checkSettings(payload);
      return load().then(() => sae.set(payload));
    },
    state: () => loaded ? loaded.then(() => sae.state()) : { status: "idle", loaded: false },
    export: (payload) => {
      const format = payload?.format;
      if (!isShort(format)) throw new Error(`export: format ${shown(format)}: want the name of a format`);
      return load().then(() => sae.export(format));
    },
  };

  // Far more than there is any need for.
  const maxSettings = 40, maxLength = 200, maxWaiting = 64;
  let waiting = 0; // commands that are not answered yet

  const isShort = (value) => typeof value === "string" && value.length <= maxLength;
  const shown = (value) => typeof value === "object" && value !== null ? "of an object" : String(value).slice(0, maxLength);

  function checkSettings(settings) {
    if (typeof settings !== "object" || settings === null || Array.isArray(settings)) throw new Error("set: want an object of settings, such as {latent: 32}");
    const entries = Object.entries(settings);
    if (entries.length > maxSettings || entries.some(([name, value]) => name.length > maxLength || typeof value === "string" && value.length > maxLength)) {
      throw new Error(`set: want at most ${maxSettings} settings of at most ${maxLength} characters`);
    }
    for (const [name, value] of entries) {
      if (!["string", "number", "boolean"].includes(typeof value)) throw new Error(`set: ${name}: want a number, true, false or text`);
    }
  }

  async function receive({ data }) {
    if (data?.source !== "sae") return;
    let { v, id, type, payload } = data;
    waiting++;
    try {
      if (id !== undefined && !Number.isFinite(id) && !isShort(id)) {
        id = undefined;
        throw new Error(`message id: want a number or at most ${maxLength} characters`);
      }
      if (v !== 1) throw new Error(`message version ${shown(v)}: want 1`);
      if (typeof type !== "string" || !Object.hasOwn(commands, type)) throw new Error(`message type ${shown(type)}: want one of ${Object.keys(commands).join(", ")}`);
      if (waiting > maxWaiting) throw new Error(`${type}: ${maxWaiting} commands are waiting already; await their answers`);
      const result = await commands[type](payload);
      post("done", result, id);
    } catch (error) {
      post("error", { message: error.message }, id);
    } finally {
      waiting--;
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
    receive({ data });
    if (data.v === 1) parsed.then(tellHeight);
    tell();
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
    sae.on("epoch", (epoch) => post("epoch", epoch));
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

  parsed.then(() => {
    const start = () => load().then(() => ["1", "true"].includes(query.get("autoplay")) && sae.play()).catch(() => {});
    document.getElementById("load").addEventListener("click", start);
    new ResizeObserver(tellHeight).observe(document.body);
    if (query.get("load") === "auto") start();
  });
})();
