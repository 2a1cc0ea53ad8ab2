// Runs a Go program in a worker, with the command's arguments, environment and output.
// The program can read files.
"use strict";
importScripts("wasm_exec.js", "program.js", "webgpu.js");

// call sends a request to the command and waits for the answer.
function call(method, url, body) {
  const request = new XMLHttpRequest();
  request.open(method, url, false);
  request.responseType = "arraybuffer";
  request.send(body);
  if (request.status !== 200) {
    throw Object.assign(new Error(url), { code: request.status === 404 ? "ENOENT" : "EIO" });
  }
  return new Uint8Array(request.response);
}

const json = (bytes) => JSON.parse(new TextDecoder().decode(bytes));

const open = new Map(); // files by descriptor
let lastDescriptor = 2;

const files = {
  open(name) {
    const file = { stat: files.stat(name), position: 0, content: new Uint8Array() };
    if (!file.stat.isDirectory()) file.content = call("GET", `content?name=${encodeURIComponent(name)}`);
    open.set(++lastDescriptor, file);
    return lastDescriptor;
  },
  close: (descriptor) => open.delete(descriptor),
  stat(name) {
    const { dir, size, modified } = json(call("GET", `stat?name=${encodeURIComponent(name)}`));
    return {
      dev: 0, ino: 0, mode: dir ? 0o40555 : 0o100444, nlink: 1, uid: 0, gid: 0, rdev: 0,
      size, blksize: 4096, blocks: 0, atimeMs: modified, mtimeMs: modified, ctimeMs: modified,
      isDirectory: () => dir,
    };
  },
  lstat: (name) => files.stat(name),
  fstat: (descriptor) => open.get(descriptor).stat,
  readdir: (name) => json(call("GET", `list?name=${encodeURIComponent(name)}`)),
  read(descriptor, buffer, offset, length, position) {
    const file = open.get(descriptor);
    const start = position ?? file.position;
    const part = file.content.subarray(start, start + length);
    buffer.set(part, offset);
    if (position === null) file.position += part.length;
    return part.length;
  },
  write: (descriptor, buffer, offset, length) => fs.writeSync(descriptor, buffer.subarray(offset, offset + length)),
};
for (const [name, operation] of Object.entries(files)) {
  fs[name] = (...args) => {
    const callback = args.pop();
    let result;
    try {
      result = operation(...args);
    } catch (error) {
      return callback(error);
    }
    callback(null, result);
  };
}
fs.writeSync = (descriptor, buffer) => {
  call("POST", `output?descriptor=${descriptor}`, buffer.slice());
  return buffer.length;
};

(async () => {
  const { args, env, folder } = json(call("GET", "program"));
  process.cwd = () => folder;
  const go = new Go();
  go.argv = args;
  go.env = env;
  go.exit = (code) => call("POST", `exit?code=${code}`);
  const module = await WebAssembly.compileStreaming(fetch("program.wasm"));
  await go.run(await instantiateProgram(module, go.importObject));
})().catch((error) => {
  call("POST", "output?descriptor=2", `${error.stack}\n`);
  call("POST", "exit?code=2");
});
