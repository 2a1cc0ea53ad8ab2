// Starts the program as the page. The compiled module stays in saeModule:
// the page posts it to its worker, which so need not compile it again.
"use strict";

addEventListener("unhandledrejection", (event) => saeFailed(event.reason));
addEventListener("error", ({ error }) => error && saeFailed(error));

// Fetched, and started, while the program downloads: the list of data sets and the
// first worker, unless that fails, which it then will for the program too.
globalThis.saeDatasets = fetch("data/index.json");
saeDatasets.catch(() => {});
let newestWorker;
let firstWorker = startWorker();
firstWorker.onerror = (event) => {
  event.preventDefault();
  firstWorker = null;
};

// What the worker says before the program listens is in its saeHeard.
function startWorker() {
  const worker = newestWorker = new Worker("worker.js");
  worker.saeHeard = [];
  worker.onmessage = ({ data }) => worker.saeHeard.push(data);
  return worker;
}

// Returns a worker that has the program, the first one unless that was taken or failed.
globalThis.saeTakeWorker = () => {
  const worker = firstWorker ?? startWorker();
  if (!firstWorker) worker.postMessage(saeModule);
  firstWorker = null;
  return worker;
};

// Loads ECharts, when the first chart is due. Resolves once it is there or has failed.
let charts = null;
globalThis.saeLoadCharts = () => charts ??= new Promise((resolve) => {
  const script = Object.assign(document.createElement("script"), { src: "echarts.js", integrity: "" });
  script.onload = script.onerror = resolve;
  document.head.append(script);
});

// Tells that the program did not start: once it has, it reports errors by itself.
function saeFailed(reason) {
  const line = document.getElementById("boot");
  if (!line) return;
  globalThis.saeAsked?.refuse();
  line.textContent = `The demo did not start: ${reason?.message ?? reason}. Reload the page; it needs a browser with WebAssembly.`;
  line.hidden = false;
  saeWhy().then((why) => {
    if (why) line.textContent = `The demo did not start: ${why}.`;
  });
}

// Tells that the program ended, and leaves to the next visit of this tab what it needs to
// bring the run back. saeIfItEnds is kept by the program.
function saeEnded() {
  newestWorker?.postMessage({ type: "pause" });
  newestWorker?.postMessage({ type: "save" });
  const saved = new Promise((resolve) => {
    newestWorker?.addEventListener("message", ({ data }) => { if (data.type === "saved") resolve(); });
    setTimeout(resolve, 1000); // there may be nothing to save
  });
  const { left = "", says = "" } = globalThis.saeIfItEnds ?? {};
  try {
    if (left) sessionStorage.setItem("sae-left", left);
  } catch {} // then the run is offered
  const line = document.getElementById("boot") ?? Object.assign(document.createElement("p"), { className: "boot" });
  const reload = Object.assign(document.createElement("button"), { className: "button", type: "button", textContent: "Reload" });
  reload.addEventListener("click", () => saved.then(() => location.reload()));
  document.body.append(line); // out of what the program has shown
  line.setAttribute("role", "alert");
  line.replaceChildren(`The demo stopped because of an error in its program. ${says} `, reload);
  line.hidden = false;
}

// Returns what an earlier visit of this tab has left, once.
function saeTakeLeft() {
  try {
    const left = sessionStorage.getItem("sae-left");
    sessionStorage.removeItem("sae-left");
    return left ?? "";
  } catch {
    return "";
  }
}

// Storage may be out of reach: in a sandboxed frame, or when switched off.
function saeRememberTheme(theme) {
  try {
    localStorage.setItem("sae-theme", theme);
  } catch {}
}

// The renderer evaluates its part in JavaScript, which the page's policy forbids:
// renderer.js is that part, and so nothing is left to evaluate.
globalThis.eval = () => {};

// Compiles the program while it downloads, if the server gives its type. A copy that
// is cut off or damaged may come from a cache: it is fetched once more, past that.
async function compileProgram() {
  if (saeNoWasm()) throw new Error(saeNoWasm());
  const { name, integrity } = { name: "sae.wasm", integrity: "" };
  // The browser would hold back a file with an integrity until it has all of it, so that is
  // checked beside the compilation, where a page may compute hashes.
  const beside = integrity && isSecureContext;
  const download = async (cache) => {
    const response = await fetch(name, { integrity: beside ? "" : integrity, cache }).catch((error) => {
      throw new Error(`sae.wasm could not be fetched: ${error.message}`);
    });
    if (!response.ok) throw new Error(`sae.wasm: HTTP status ${response.status}, want 200`);
    return response;
  };
  const check = async (copy) => {
    const hash = new Uint8Array(await crypto.subtle.digest("SHA-384", await copy.arrayBuffer()));
    if (integrity !== `sha384-${btoa(String.fromCharCode(...hash))}`) throw new Error("it is not what the page was built with");
  };
  const compile = async (response) => {
    const checked = beside && check(response.clone());
    const module = response.headers.get("content-type") === "application/wasm"
      ? WebAssembly.compileStreaming(response)
      : response.arrayBuffer().then(WebAssembly.compile);
    return (await Promise.all([module, checked]))[0];
  };
  try {
    return await compile(await download("default"));
  } catch {
    const response = await download("reload");
    return compile(response).catch((error) => {
      throw new Error(`sae.wasm is incomplete or damaged: ${error.message}`);
    });
  }
}

(async () => {
  const program = compileProgram();
  program.then((module) => { // the worker starts beside the page
    globalThis.saeModule = module;
    firstWorker?.postMessage(module);
  }, () => {}); // told below, once the program is awaited
  try {
    // The other scripts: those that a frame has asked for, or those of the page.
    await (globalThis.saeScripts ?? new Promise((resolve) => addEventListener("DOMContentLoaded", resolve)));
  } catch {
    return; // the frame tells
  }
  const go = new Go();
  const { _resume } = go;
  let ended = false;
  const end = () => {
    go._scheduledTimeouts.clear(); // what it still waits for leads nowhere
    if (ended) return;
    ended = true;
    saeEnded();
  };
  // What is thrown through the program, rather than into it, leaves it in the middle of
  // what it did: it has ended, and does not know.
  go._resume = () => {
    if (ended) return end();
    try {
      _resume.call(go);
    } catch (error) {
      if (!go.exited) console.error(error);
      end();
    }
  };
  if (!("vuguRender" in globalThis)) throw new Error("renderer.js did not run");
  await go.run(await instantiateProgram(await program, go.importObject));
  end();
})();
