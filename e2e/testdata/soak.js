// Counts the live objects in a page or worker. It runs before all other scripts.
"use strict";

globalThis.soak = (() => {
  const workers = new Set(); // not terminated
  const ports = new Map(); // WeakRefs of ports that listen and are not closed
  const funcs = new WeakSet(); // Go functions
  let go = null;
  let started = 0;

  globalThis.Worker = class extends Worker {
    constructor(...args) {
      super(...args);
      started++;
      workers.add(this);
    }
    terminate() {
      workers.delete(this);
      super.terminate();
    }
  };

  const { prototype } = MessagePort;
  const { get, set } = Object.getOwnPropertyDescriptor(prototype, "onmessage");
  const refs = new WeakMap();
  const collected = new FinalizationRegistry((ref) => ports.delete(ref));
  Object.defineProperty(prototype, "onmessage", {
    get,
    set(listener) {
      if (!refs.has(this)) {
        const ref = new WeakRef(this);
        refs.set(this, ref);
        ports.set(ref, true);
        collected.register(this, ref);
      }
      set.call(this, listener);
    },
  });
  const { close } = prototype;
  prototype.close = function () {
    ports.delete(refs.get(this));
    close.call(this);
  };

  // wasm_exec.js sets Go.
  Object.defineProperty(globalThis, "Go", {
    configurable: true,
    set(Original) {
      delete globalThis.Go;
      globalThis.Go = class extends Original {
        constructor() {
          super();
          go = this;
        }
        _makeFuncWrapper(id) {
          const func = super._makeFuncWrapper(id);
          funcs.add(func);
          return func;
        }
      };
    },
  });

  return () => {
    const held = go._values.filter((value, id) => go._goRefCounts[id] > 0);
    return {
      wasm: go._inst.exports.mem.buffer.byteLength,
      values: held.length, // JavaScript values that Go references
      funcs: held.filter((value) => funcs.has(value)).length,
      workers: workers.size,
      started,
      ports: ports.size,
    };
  };
})();
