// The buttons in the text drive the demos; the text tells what came of it.
"use strict";

const problem = document.getElementById("problem");
const report = (error) => problem.textContent = error.message;

for (const button of document.querySelectorAll("button[data-for]")) {
  button.addEventListener("click", async () => {
    const demo = document.getElementById(button.dataset.for);
    demo.scrollIntoView({ block: "nearest" });
    try {
      if (button.dataset.set) await demo.set(JSON.parse(button.dataset.set));
      await demo[button.dataset.do ?? "play"]();
      problem.textContent = "";
    } catch (error) {
      report(error);
    }
  });
}

for (const output of document.querySelectorAll("output")) {
  const demo = document.getElementById(output.dataset.of);
  demo.addEventListener("state", ({ detail: { history } }) => tell(output, history.at(-1)));
  demo.addEventListener("metrics", async () => tell(output, (await demo.state()).history.at(-1)));
  demo.addEventListener("error", ({ detail }) => report(detail));
}

function tell(output, epoch) {
  if (!epoch) return;
  output.value = output.dataset.what === "active"
    ? `${epoch.active.toFixed(1)} units are active after epoch ${epoch.epoch}`
    : `${epoch.valLoss.toFixed(4)} after epoch ${epoch.epoch}`;
}
