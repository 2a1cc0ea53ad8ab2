// Starts the program as the page. The compiled module stays in saeModule:
// the page posts it to its worker, which so need not compile it again.
"use strict";

// What the program asks for by its address.
globalThis.saeFiles = { worker: "worker.js", datasets: "data/index.json" };

addEventListener("unhandledrejection", (event) => saeFailed(event.reason));

function saeFailed(reason) {
  const line = document.getElementById("boot");
  if (!line) return; // the page is running; it reports its own errors
  line.textContent = `The demo did not start: ${reason?.message ?? reason}. Reload the page; it needs a browser with WebAssembly.`;
  line.hidden = false;
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

(async () => {
  const go = new Go();
  globalThis.saeModule = await WebAssembly.compileStreaming(fetch("sae.wasm", { integrity: "" }));
  await go.run(await instantiateProgram(saeModule, go.importObject));
})();
