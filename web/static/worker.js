// Runs the program as the training worker. The first message is the compiled
// module; the program takes over onmessage and says when it is ready.
"use strict";
importScripts("wasm_exec.js", "program.js");

// What the program prints last tells why it ended.
let printed = "";
const decoder = new TextDecoder();
const writeSync = fs.writeSync;
fs.writeSync = (descriptor, buffer) => {
  printed = (printed + decoder.decode(buffer)).slice(-4000);
  return writeSync.call(fs, descriptor, buffer);
};

function died(reason) {
  postMessage({ type: "died", body: JSON.stringify({ reason }) });
}

onmessage = async ({ data: module }) => {
  globalThis.saeModule = module; // for workers that this one starts
  const go = new Go();
  try {
    await go.run(await instantiateProgram(module, go.importObject));
    died(/^(?:panic|fatal error): (.*)/m.exec(printed)?.[1] ?? "its program ended");
  } catch (error) {
    died(error.message);
  }
};
