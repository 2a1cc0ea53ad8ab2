// benchTrain(cfg) trains a network on the same workers and kernels as the page
// and tells how fast: cfg is {layers, latentIndex, l1, batch, epochs, warmup,
// images, data: Uint8Array(images*3072), lr, beta1, beta2, eps, threads,
// budgetMs, device: "gpu" for the graphics card}; the result {imagesPerSecond,
// loss, imagesUsed, epochMs, kernel, card, workers, weights}.
"use strict";

const module = WebAssembly.compileStreaming(fetch("sae.wasm", { integrity: "" }));
let stop = () => {}; // ends the command under way

// ask starts a worker, has it carry out one command, and ends it.
async function ask(type, body, buffers = []) {
  const worker = new Worker("worker.js");
  try {
    return await new Promise((resolve, reject) => {
      stop = () => reject(new Error("stopped"));
      worker.onerror = (event) => reject(new Error(event.message));
      worker.onmessage = ({ data: message }) => {
        switch (message.type) {
          case "ready":
            worker.postMessage({ type, id: 1, body: JSON.stringify(body), buffers }, buffers);
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
}

window.benchTrain = ({ data, ...cfg }) => ask("bench", cfg, [data.slice().buffer]);

const networks = {
  S: [3072, 128, 32, 128, 3072],
  M: [3072, 512, 128, 512, 3072],
  L: [3072, 1024, 512, 128, 512, 1024, 3072],
};
const rounds = 3;

// benchTeams() measures training by network, batch and number of workers, or on
// the graphics card, each configuration once per round, and calls show with all
// results after each.
window.benchTeams = async (configurations, show = () => {}) => {
  const results = configurations.map((configuration) => ({ ...configuration, speeds: [] }));
  for (let round = 0; round < rounds; round++) {
    for (const result of results) {
      const images = (result.device === "gpu" ? 80 : 10) * result.batch;
      const data = new Uint8Array(images * 3072);
      for (let i = 0; i < data.length; i += 65536) crypto.getRandomValues(data.subarray(i, i + 65536));
      const layers = networks[result.network];
      show(results, result);
      const { imagesPerSecond, kernel, workers, card } = await benchTrain({
        layers, latentIndex: (layers.length - 1) / 2, l1: 1e-5, batch: result.batch,
        epochs: 2, warmup: 2, // the browser takes some twenty steps to compile well, the longer the more workers share its cores
        images, data, lr: 1e-3, beta1: 0.9, beta2: 0.999, eps: 1e-7, threads: result.workers, device: result.device, budgetMs: 4000,
      });
      Object.assign(result, { kernel, workers, card });
      result.speeds.push(imagesPerSecond);
    }
  }
  show(results);
  return results;
};

window.benchConfigurations = async () => {
  const teams = [1, 2, 4, 8].filter((workers) => workers === 1 || workers <= navigator.hardwareConcurrency);
  const rows = [["S", 128], ["M", 32], ["M", 128], ["M", 512], ["L", 128]];
  const card = await navigator.gpu?.requestAdapter() ? [{ workers: 1, device: "gpu" }] : [];
  return rows.flatMap(([network, batch]) => [...teams.map((workers) => ({ workers })), ...card].map((trained) => ({ network, batch, ...trained })));
};

const who = ({ device, card, workers }) => device === "gpu" ? card || "graphics card" : workers === 1 ? "1 worker" : `${workers} workers`;

const median = (values) => {
  const sorted = [...values].sort((a, b) => a - b);
  return (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2;
};

// The picture.

function showTeams(results) {
  const groups = Map.groupBy(results.filter(({ speeds }) => speeds.length), ({ network, batch }) => `${networks[network].join("-")}, batch ${batch}`);
  const element = (tag, properties) => Object.assign(document.createElement(tag), properties);
  const rows = [...groups].flatMap(([title, teams]) => {
    const fastest = Math.max(...teams.flatMap(({ speeds }) => speeds));
    return [element("h3", { textContent: title }), ...teams.flatMap((team) => {
      const { speeds } = team;
      const track = element("span", { className: "track" });
      const part = (className, from, to) => {
        const bar = element("i", { className });
        bar.style.left = `${(100 * from) / fastest}%`;
        bar.style.width = `${(100 * (to - from)) / fastest}%`;
        track.append(bar);
      };
      part("value", 0, median(speeds));
      part("spread", Math.min(...speeds), Math.max(...speeds));
      const ratio = median(speeds.map((speed, round) => speed / teams[0].speeds[round]));
      return [
        element("span", { className: "label", textContent: who(team) }),
        track,
        element("span", {
          className: "number",
          textContent: `${Math.round(median(speeds)).toLocaleString("en")}${team === teams[0] ? "" : `   × ${ratio.toFixed(2)}`}`,
        }),
      ];
    })];
  });
  const section = document.getElementById("training");
  section.hidden = false;
  section.querySelector(".bars").replaceChildren(...rows);
}

const runButton = document.getElementById("run");
const stopButton = document.getElementById("stop");
stopButton.onclick = () => stop();
runButton.onclick = async () => {
  const status = document.getElementById("status");
  runButton.disabled = true;
  stopButton.hidden = false;
  document.getElementById("training").hidden = true;
  try {
    await benchTeams(await benchConfigurations(), (results, next) => {
      showTeams(results);
      if (next) status.textContent = `${networks[next.network].join("-")}, batch ${next.batch}, ${who(next)} …`;
    });
    status.textContent = "Done.";
  } catch (error) {
    status.textContent = error.message === "stopped" ? "Stopped." : `The benchmark stopped: ${error.message}`;
  } finally {
    runButton.disabled = false;
    stopButton.hidden = true;
  }
};
