// Says why the demo does not start where that is not its own doing: the browser, a
// policy that the server or a proxy adds, or scripts that the server sends under a type
// with which browsers do not run them. Where not even this runs, the page says so itself.
"use strict";

(() => {
  document.documentElement.dataset.scripts = "";

  const policy = "a Content-Security-Policy that the server sends does not allow";
  let forbidden = ""; // the first of the site's own files
  document.addEventListener("securitypolicyviolation", ({ disposition, blockedURI, effectiveDirective }) => {
    if (disposition === "enforce" && blockedURI.startsWith(origin)) forbidden ||= `${policy} ${nameOf(blockedURI)}: ${effectiveDirective} has to have 'self'`;
  });

  const nameOf = (address) => new URL(address).pathname.split("/").pop();

  // Why there is no WebAssembly, found out with the smallest of modules; "" where there is.
  let noWasm;
  globalThis.saeNoWasm = () => noWasm ??= (() => {
    if (!("WebAssembly" in globalThis)) return "this browser has no WebAssembly, or it is switched off";
    try {
      new WebAssembly.Module(new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0]));
      return "";
    } catch {
      return `${policy} WebAssembly: script-src has to have 'wasm-unsafe-eval'`;
    }
  })();

  // Resolves to the reason, "" where it is none of these.
  globalThis.saeWhy = async () => {
    if (saeNoWasm() || forbidden) return saeNoWasm() || forbidden;
    const scripts = new Set([...document.scripts].map(({ src }) => src).filter(Boolean));
    for (const name of ["worker.js", "wasm_exec.js", "program.js"]) scripts.add(new URL(name, location).href);
    const answers = await Promise.all([...scripts].map(async (address) => {
      const response = await fetch(address).catch(() => null); // the program tells of that
      response?.body?.cancel();
      if (!response) return "";
      if (!response.ok) return `${nameOf(address)}: HTTP status ${response.status}, want 200`;
      const type = response.headers.get("content-type")?.split(";")[0].trim();
      return /(?:ecma|java|j|live)script/i.test(type) ? "" : `the server sends ${nameOf(address)} ${type ? `as ${type}` : "without a type"}; scripts have to come as text/javascript`;
    }));
    return answers.find(Boolean) ?? "";
  };

  // From here on, boot.js or frame.js tells, where that runs.
  addEventListener("DOMContentLoaded", async () => {
    const line = document.getElementById("boot");
    if (!line || "saeFailed" in globalThis || "saeEmbedded" in globalThis) return;
    globalThis.saeAsked?.refuse();
    line.textContent = `The demo did not start: ${await saeWhy() || "its scripts did not load"}. Reload the page.`;
    line.hidden = false;
  });
})();
