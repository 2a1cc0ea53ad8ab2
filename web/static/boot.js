// Starts the program as the page. The compiled module stays in saeModule:
// the page posts it to its worker, which so need not compile it again.
"use strict";

addEventListener("unhandledrejection", (event) => saeFailed(event.reason));
addEventListener("error", ({ error }) => error && saeFailed(error));

// Fetched, and started, while the program downloads: the list of data sets and the
// first worker, unless that fails, which it then will for the program too.
globalThis.saeDatasets = fetch("data/index.json");
saeDatasets.catch(() => {});
globalThis.saeStartWorker = () => new Worker("worker.js");
globalThis.saeWorker = saeStartWorker();
saeWorker.onerror = (event) => {
  event.preventDefault();
  globalThis.saeWorker = null;
};

// Tells that the program did not start or, once the page is running, that it ended:
// all other errors it reports by itself.
function saeFailed(reason, running = false) {
  let line = document.getElementById("boot");
  if (!line && !running) return;
  if (!line) {
    line = Object.assign(document.createElement("p"), { className: "boot" });
    line.setAttribute("role", "alert");
    document.body.append(line);
  }
  const what = running ? "The demo stopped" : "The demo did not start";
  const remedy = running ? "Reload the page; a run that was saved is offered again." : "Reload the page; it needs a browser with WebAssembly.";
  line.textContent = `${what}: ${reason?.message ?? reason}. ${remedy}`;
  line.hidden = false;
  saeWhy().then((why) => {
    if (why) line.textContent = `${what}: ${why}.`;
  });
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
  const download = async (cache) => {
    const response = await fetch("sae.wasm", { integrity: "", cache }).catch((error) => {
      throw new Error(`sae.wasm could not be fetched: ${error.message}`);
    });
    if (!response.ok) throw new Error(`sae.wasm: HTTP status ${response.status}, want 200`);
    return response;
  };
  const compile = async (response) => response.headers.get("content-type") === "application/wasm"
    ? WebAssembly.compileStreaming(response)
    : WebAssembly.compile(await response.arrayBuffer());
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
  program.catch(() => {}); // told below, once the program is awaited
  try {
    // The other scripts: those that a frame has asked for, or those of the page.
    await (globalThis.saeScripts ?? new Promise((resolve) => addEventListener("DOMContentLoaded", resolve)));
  } catch {
    return; // the frame tells
  }
  const go = new Go();
  globalThis.saeModule = await program;
  await go.run(await instantiateProgram(saeModule, go.importObject));
  go._resume = () => go._scheduledTimeouts.clear(); // what it still waits for leads nowhere
  saeFailed("its program ended", true);
})();
