// The buttons in the text control the demos, and the text shows their results.
"use strict";

const all = (selector) => document.querySelectorAll(selector);
const problem = document.getElementById("problem");

function report(message) {
  problem.textContent = message;
  problem.hidden = !message;
}

// <button data-for="ID" data-set="SETTINGS" data-do="COMMAND"> sets settings, resets a run
// that is done, and calls a method of the demo, by default play.
for (const button of all("button[data-for]")) {
  button.addEventListener("click", async () => {
    const demo = document.getElementById(button.dataset.for);
    demo.scrollIntoView({ block: "nearest" });
    report("");
    try {
      if (button.dataset.set) await demo.set(JSON.parse(button.dataset.set));
      if ((await demo.state()).status === "done") await demo.reset();
      await demo[button.dataset.do ?? "play"]();
    } catch (error) {
      report(error.message);
    }
  });
}

const last = {}; // the last epoch of each demo
const write = {
  loss: ({ valLoss }) => valLoss.toFixed(4),
  psnr: ({ psnr }) => `${psnr.toFixed(1)} dB`,
  active: ({ active }) => active.toFixed(1),
  when: ({ epoch }) => `after epoch ${epoch}`,
};

for (const demo of all("sparse-autoencoder")) {
  const fields = all(`[data-of=${demo.id}][data-what]`);
  const tell = ({ history }) => {
    last[demo.id] = history.at(-1);
    if (!last[demo.id]) return;
    for (const field of fields) field.textContent = write[field.dataset.what](last[demo.id]);
    compare();
  };
  demo.addEventListener("state", ({ detail }) => tell(detail));
  demo.addEventListener("metrics", async () => tell(await demo.state()));
  demo.addEventListener("done", ({ detail }) => {
    for (const table of all(`table[data-of=${demo.id}]`)) note(table.tBodies[0], detail);
  });
  demo.addEventListener("error", ({ detail }) => report(detail.message));
}

// note adds a finished run to a table. It replaces an earlier one with the same λ.
function note(rows, { settings, history }) {
  const lambda = settings.lambda.toExponential();
  const { epoch, active, dead, psnr } = history.at(-1);
  const row = document.createElement("tr");
  row.dataset.lambda = lambda;
  for (const text of [lambda, epoch, active.toFixed(1), dead, `${psnr.toFixed(1)} dB`]) row.insertCell().textContent = text;
  rows.querySelector(".empty")?.remove();
  rows.querySelector(`[data-lambda="${lambda}"]`)?.remove();
  const next = [...rows.rows].find((other) => other.dataset.lambda > settings.lambda);
  rows.insertBefore(row, next ?? null);
}

function compare() {
  if (!last.base || !last.mirrored) return;
  const gain = last.mirrored.psnr - last.base.psnr;
  document.getElementById("comparison").textContent = gain > 0
    ? `The mirrored decoder is ${gain.toFixed(1)} dB better than the base, with ${last.mirrored.active.toFixed(0)} active units against ${last.base.active.toFixed(0)}.`
    : `So far, the mirrored decoder is ${(-gain).toFixed(1)} dB worse than the base.`;
}
