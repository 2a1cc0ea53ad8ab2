// Runs the program as the training worker. The first message is the compiled
// module; the program takes over onmessage and says when it is ready. What comes
// before that waits in saeEarly.
"use strict";
importScripts("wasm_exec.js", "program.js");
if (navigator.gpu) importScripts("webgpu.js");

// What the program prints when it ends tells why; much follows that.
let printed = "", cause = "";
const decoder = new TextDecoder();
const writeSync = fs.writeSync;
fs.writeSync = (descriptor, buffer) => {
  printed = (printed + decoder.decode(buffer)).slice(-4000);
  cause ||= /^(?:panic|fatal error): (.*)\n/m.exec(printed)?.[1] ?? "";
  return writeSync.call(fs, descriptor, buffer);
};

function died(reason) {
  postMessage({ type: "died", body: JSON.stringify({ reason }) });
}

globalThis.saeEarly = [];
onmessage = async ({ data: module }) => {
  globalThis.saeModule = module; // for workers that this one starts
  onmessage = ({ data }) => saeEarly.push(data);
  const go = new Go();
  try {
    await go.run(await instantiateProgram(module, go.importObject));
    died(cause || "its program ended");
  } catch (error) {
    died(error.message);
  }
};
