// Instantiates the program, in any of its roles, with what it imports beside
// Go's own functions.
"use strict";

globalThis.instantiateProgram = async (module, importObject) => {
  // The SIMD kernels are a second WebAssembly module, which the program
  // carries. It works on the program's own memory and so can be instantiated
  // only once the program has one: package simd then does it, with the memory
  // that it finds in saeKernels, and puts the module's exports there.
  const kernels = { memory: null, exports: null };
  importObject.simd = {};
  for (const { module: from, name } of WebAssembly.Module.imports(module)) {
    if (from !== "simd") continue;
    // Fifteen parameters are more than any kernel takes. Written out, they cost
    // a fifth of what (...args) does.
    importObject.simd[name] = (a, b, c, d, e, f, g, h, i, j, k, l, m, n, o) =>
      kernels.exports[name](a, b, c, d, e, f, g, h, i, j, k, l, m, n, o);
  }

  // The exchange of a team of workers: a port to each of the others. A buffer
  // travels to the peer and, once its content is copied, back to be used again:
  // a fresh one of megabytes costs milliseconds.
  let peers = []; // by rank
  const team = { connect, arrived: null };

  function connect(ports) {
    for (const peer of peers) peer?.port.close();
    peers = ports.map((port) => {
      if (!port) return null;
      const peer = { port, waiting: [], spare: new Map(), wanted: false };
      port.onmessage = ({ data: { buffer, used } }) => {
        if (used) {
          peer.spare.get(buffer.byteLength).push(buffer);
          return;
        }
        peer.waiting.push(buffer);
        if (peer.wanted) {
          peer.wanted = false;
          team.arrived();
        }
      };
      return peer;
    });
  }

  const bytes = (address, length) => new Uint8Array(kernels.memory.buffer, address, length);

  importObject.team = {
    send(to, address, length) {
      const { port, spare } = peers[to];
      if (!spare.has(length)) spare.set(length, []);
      const buffer = spare.get(length).pop() ?? new ArrayBuffer(length);
      new Uint8Array(buffer).set(bytes(address, length));
      port.postMessage({ buffer, used: false }, [buffer]);
    },
    // Returns 1, or 0 where there is nothing yet; team.arrived then tells.
    receive(from, address, length) {
      const peer = peers[from];
      const buffer = peer.waiting.shift();
      peer.wanted = !buffer;
      if (!buffer) return 0;
      if (buffer.byteLength !== length) throw new Error(`member ${from} sent ${buffer.byteLength} bytes, want ${length}`);
      bytes(address, length).set(new Uint8Array(buffer));
      peer.port.postMessage({ buffer, used: true }, [buffer]);
      return 1;
    },
  };

  const instance = await WebAssembly.instantiate(module, importObject);
  kernels.memory = instance.exports.mem;
  globalThis.saeKernels = kernels;
  globalThis.saeTeam = team;
  return instance;
};
