// benchTrain(cfg) trains a network on the same worker and kernels as the page
// and tells how fast: cfg is {layers, latentIndex, l1, batch, epochs, warmup,
// images, data: Uint8Array(images*3072), lr, beta1, beta2, eps, budgetMs};
// the result {imagesPerSecond, loss, imagesUsed, epochMs, kernel}.
"use strict";

const module = WebAssembly.compileStreaming(fetch("sae.wasm"));

window.benchTrain = async ({ data, ...cfg }) => {
  const worker = new Worker("worker.js");
  try {
    return await new Promise((resolve, reject) => {
      worker.onerror = (event) => reject(new Error(event.message));
      worker.onmessage = ({ data: message }) => {
        switch (message.type) {
          case "ready":
            worker.postMessage({ type: "bench", id: 1, body: JSON.stringify(cfg), buffers: [data.slice().buffer] });
            break;
          case "reply":
            message.error ? reject(new Error(message.error)) : resolve(JSON.parse(message.body));
            break;
          case "died":
            reject(new Error(JSON.parse(message.body).reason));
        }
      };
      module.then((compiled) => worker.postMessage(compiled), reject);
    });
  } finally {
    worker.terminate();
  }
};

const networks = [
  [3072, 128, 32, 128, 3072],
  [3072, 512, 128, 512, 3072],
];

document.getElementById("run").onclick = async ({ target: button }) => {
  const rows = document.getElementById("rows");
  const status = document.getElementById("status");
  button.disabled = true;
  rows.replaceChildren();
  try {
    const images = 1280, batch = 128;
    const data = new Uint8Array(images * 3072);
    for (let i = 0; i < data.length; i += 65536) crypto.getRandomValues(data.subarray(i, i + 65536));
    for (const layers of networks) {
      status.textContent = `Training ${layers.join("-")}`;
      const result = await benchTrain({
        layers, latentIndex: (layers.length - 1) / 2, l1: 1e-5, batch, epochs: 3, warmup: 1,
        images, data, lr: 1e-3, beta1: 0.9, beta2: 0.999, eps: 1e-7, budgetMs: 30000,
      });
      const cells = [layers.join("-"), batch, Math.round(result.imagesPerSecond), result.loss.toFixed(4), result.kernel];
      const row = rows.insertRow();
      for (const text of cells) row.insertCell().textContent = text;
    }
    status.textContent = "Done";
  } catch (error) {
    status.textContent = `The benchmark stopped: ${error.message}`;
  } finally {
    button.disabled = false;
  }
};
