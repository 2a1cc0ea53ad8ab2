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
  unpackFunctions(module, instance.exports.mem);
  kernels.memory = instance.exports.mem;
  globalThis.saeKernels = kernels;
  globalThis.saeTeam = team;
  return instance;
};

// Writes the table of functions that Go's runtime needs into the program's memory, from
// what tools/pack has made of it. runtime/symtab.go documents the table.
function unpackFunctions(module, { buffer }) {
  const [section] = WebAssembly.Module.customSections(module, "functions");
  if (!section) return; // the program is not packed
  const packed = new Uint8Array(section), bytes = new Uint8Array(buffer), words = new Uint32Array(buffer);
  let at = 0;
  const number = () => {
    for (let value = 0, unit = 1; ; unit *= 128) {
      const byte = packed[at++];
      value += (byte & 127) * unit;
      if (byte < 128) return value;
    }
  };
  const count = number(), entry = number();
  const names = number(), sequences = number(), table = number(), maps = number(), buckets = number();

  // First where each function is, then the functions, each of so many words.
  const size = 18, start = 2 * (count + 1);
  for (let i = 0; i < count; i++) {
    words[table / 4 + 2 * i] = entry + i;
    words[table / 4 + 2 * i + 1] = 4 * (start + i * size);
    words[(buckets + 320 * i) / 4] = i;
  }
  words[table / 4 + 2 * count] = entry + count;
  const field = (index, value) => {
    for (let i = 0, word = table / 4 + start + index; i < count; i++, word += size) words[word] = value(i);
  };
  field(0, (i) => entry + i);

  // Functions of libraries have no name here, but their number in the module.
  const imports = WebAssembly.Module.imports(module).length;
  const end = number() + at;
  const given = new TextDecoder().decode(packed.subarray(at, end)).split("\0");
  at = end;
  let text = "";
  field(1, (i) => {
    const offset = text.length, name = given[i];
    text += (name.length > 1 ? name : `${name ? "runtime" : "library"}.${imports + i}`) + "\0";
    return offset;
  });
  bytes.set(new TextEncoder().encode(text), names);

  field(2, number); // size of the arguments
  field(3, number); // what runs deferred functions
  field(7, () => 2); // how many sequences
  const noMap = 2 ** 32 - 1, mapCount = 5;
  field(10, () => number() + mapCount * 2 ** 24); // what is special, and how many maps

  // What functions refer to, each kind one after the other: 1 for nothing, 0 for what comes
  // next, followed by its length, or the number of one before.
  let next;
  const references = (index, nothing) => {
    const offsets = [0, nothing];
    field(index, () => {
      const reference = number();
      if (reference > 0) return offsets[reference];
      const offset = next;
      next += number();
      offsets.push(offset);
      return offset;
    });
  };
  const copy = (from, to) => bytes.set(packed.subarray(at, at += next - from), to + from);
  next = 1; // 0 is nothing
  references(4, 0); // the size of the stack
  references(12, 0); // which map is in use
  copy(1, sequences);
  next = 0;
  references(13, noMap); // arguments
  references(14, noMap); // local variables
  references(15, noMap); // objects on the stack
  field(16, () => noMap); // inlined functions
  references(17, noMap); // deferred functions
  copy(0, maps);
}
