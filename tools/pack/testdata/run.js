// Runs a program in Node as the page runs it.
"use strict";
const path = require("node:path");
const [goRoot, programScript, file] = process.argv.slice(2);
Object.assign(globalThis, { require, fs: require("node:fs"), path });
require(path.join(goRoot, "lib", "wasm", "wasm_exec.js"));
require(path.resolve(programScript));

(async () => {
  const go = new Go();
  go.exit = process.exit;
  await go.run(await instantiateProgram(await WebAssembly.compile(fs.readFileSync(file)), go.importObject));
})();
