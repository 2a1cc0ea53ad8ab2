// Instantiates the program together with functions that lead to its SIMD
// kernels. The kernels are a second WebAssembly module, which the program
// carries. It works on the program's own memory and so can be instantiated
// only once the program has one: package simd then does it, with the memory
// that it finds in saeKernels, and puts the module's exports there.
"use strict";

globalThis.instantiateProgram = async (module, importObject) => {
  const kernels = { memory: null, exports: null };
  importObject.simd = {};
  for (const { module: from, name } of WebAssembly.Module.imports(module)) {
    if (from !== "simd") continue;
    // Fifteen parameters are more than any kernel takes. Written out, they cost
    // a fifth of what (...args) does.
    importObject.simd[name] = (a, b, c, d, e, f, g, h, i, j, k, l, m, n, o) =>
      kernels.exports[name](a, b, c, d, e, f, g, h, i, j, k, l, m, n, o);
  }
  const instance = await WebAssembly.instantiate(module, importObject);
  kernels.memory = instance.exports.mem;
  globalThis.saeKernels = kernels;
  return instance;
};
