// The actions of the soak's monkey in the page. Their arguments are random numbers from 0 to
// 1. They return the errors of window.sae.
"use strict";

window.monkey = (() => {
  const among = (list, random) => list[Math.floor(random * list.length)];
  const visible = (selector) => [...(document.querySelector("dialog[open]") ?? document).querySelectorAll(selector)]
    .filter((element) => element.checkVisibility() && element.getBoundingClientRect().width > 0);
  const tell = (element, ...events) => events.forEach((event) => element.dispatchEvent(new Event(event, { bubbles: true })));
  const refusal = (promise) => promise.then(() => "", (error) => error.message);
  const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
  const until = async (test) => {
    for (const end = Date.now() + 60_000; !test();) {
      if (Date.now() > end) throw new Error(`waited in vain for ${test}; ${JSON.stringify(sae.state()).slice(0, 300)}`);
      await pause(20);
    }
  };
  const controls = () => visible(`button:enabled, a[href^="#"], input[type=checkbox]:enabled, input[type=radio]:enabled`);
  const visit = async (place, part) => {
    location.hash = place;
    await until(() => document.getElementById(part).childElementCount > 0);
  };
  const views = [["features", "features"], ["explore", "explorer"], ["compare", "runs"], ["data", "data"], ["model", "model"], ["share", "share"], ["train", "loss"]];
  const press = (label) => [...document.querySelectorAll("button")].find((button) => button.innerText === label || button.ariaLabel === label)?.click();

  // Records of CIFAR-10, with half a record at the end if bad.
  const records = (random, bad) => new File([Uint8Array.from({ length: 300 * 3073 + (bad ? 1500 : 0) }, (_, i) => i % 3073 ? (i * i * (1 + random)) >> 7 : i / 3073 % 10)], "data_batch_1.bin");

  const useSynthetic = async () => {
    await visit("data", "data");
    const synthetic = document.querySelector("#data input[value=synthetic]");
    await pause(200); // an earlier click may load another one
    await until(() => !synthetic.disabled);
    synthetic.click();
    await until(() => sae.state().dataset.name === "Synthetic" && sae.state().status !== "loading");
  };

  return {
    count: () => controls().length,
    // Where to click to hit the control.
    control(random) {
      const control = among(controls(), random);
      if (!control) return [0, 0];
      control.scrollIntoView({ block: "center" });
      const { x, y, width, height } = control.getBoundingClientRect();
      return [x + width / 2, y + height / 2];
    },
    slide(random, where) {
      const slider = among(visible("input[type=range]:enabled"), random);
      if (!slider) return "";
      slider.value = +slider.min + where * (slider.max - slider.min);
      tell(slider, "input", "change");
      return "";
    },
    choose(random, which) {
      const select = among(visible("select:enabled"), random);
      if (!select) return "";
      select.selectedIndex = Math.floor(which * select.options.length);
      tell(select, "change");
      return "";
    },
    type(random, what) {
      const field = among(visible("input[type=text]:enabled:not([readonly])"), random);
      if (!field) return "";
      field.value = among(["", "12", "64,32", "1e-5", "abc", "💥", "-1", "x".repeat(500)], what);
      tell(field, "input", "change");
      return "";
    },
    visit: (random) => visit(...among(views, random)).then(() => ""),
    scroll(random) {
      scrollTo(0, random * document.documentElement.scrollHeight);
      return "";
    },
    play: () => refusal(sae.play()),
    pause: () => refusal(sae.pause()),
    step: () => refusal(sae.step()),
    reset: () => refusal(sae.reset()),
    set: (random, which) => refusal(sae.set(among([
      { lambda: among([0, 1e-6, 1e-5, 1e-4, 3e-4], which) }, { latent: among([4, 8, 16, 64], which) },
      { hidden: among(["", "16", "64,32", "512,128"], which) }, { experiment: among([1, 2, 3, 4], which) },
      { workers: among([1, 2, "auto"], which) }, { batch: among([32, 128], which) }, { epochs: among([2, 5, 20], which) },
      { seed: Math.floor(which * 1000) }, { subset: among([0, 256], which) }, { latent: -1 }, { bogus: which },
    ], random))),
    finish: () => refusal(sae.set({ hidden: "16", latent: 8, epochs: 2, workers: 1 }).then(() => sae.play())),
    loadDataset: (random, which) => refusal(sae.loadDataset(among([records(random), window.fewClasses, records(random, true)], which))),
    exportImport: (random) => refusal(sae.export(among(["checkpoint", "npz", "onnx", "tfjs"], random)).then((model) => sae.import(model))),
    pass(random) {
      const image = Uint8Array.from({ length: 3072 }, (_, i) => i * random);
      return refusal(sae.reconstruct(image).then(() => sae.encode(image)).then((code) => sae.decode(code)));
    },
    listen(random) {
      const events = Array.from({ length: 20 }, () => sae.on(among(["metrics", "epoch", "state", "error"], random), () => {}));
      setTimeout(() => events.forEach((unsubscribe) => unsubscribe()), 1000);
      return "";
    },
    // Uses the most memory of all actions.
    async largest() {
      await useSynthetic();
      for (const settings of [{ experiment: 4, latent: 256 }, { experiment: 3, latent: 1024 }, { experiment: 2, latent: 1024 }]) {
        await sae.set({ ...settings, hidden: "512,128", batch: 128, subset: 0, workers: 2 });
        for (const format of ["checkpoint", "npz", "onnx", "tfjs"]) {
          await sae.import(await sae.export(format));
          await sae.step();
        }
      }
      await visit("explore", "explorer");
      press("Draw the map");
      document.querySelector("#explorer .map").scrollIntoView(); // it is drawn only when it is visible
      await until(() => document.querySelector("#explorer .map .plot canvas"));
    },
    // Fills the timeline.
    async longest() {
      await useSynthetic();
      await sae.set({ experiment: 1, hidden: "16", latent: 64, batch: 32, subset: 256, workers: 1, epochs: 10000 });
      await sae.play();
    },
    // Deletes all runs but the last few, because runs are stored on purpose.
    prune(few) {
      for (const button of [...document.querySelectorAll("#runs .actions button:last-child")].slice(0, -few || undefined)) button.click();
    },
    // Resets the page.
    async tidy() {
      document.querySelector("dialog[open]")?.close();
      await sae.pause();
      await useSynthetic();
      await sae.set({ experiment: 2, lambda: 1e-5, hidden: "512,128", latent: 64, epochs: 20, batch: 128, lr: 1e-3, decay: 1, init: "glorot", activation: "relu", seed: 1, workers: 1, subset: 0 });
      await sae.reset();
      for (const button of document.querySelectorAll("[aria-expanded=true]")) button.click();
      for (const view of views) {
        await visit(...view);
        for (const label of ["Close the unit", "As encoded", "Fewer units", "First pictures", "Dismiss", "Dismiss the message"]) press(label);
        for (const [label, on] of [["mean image", true], ["PCA-64", false], ["log", false], ["hide dead units", false]]) {
          const box = [...document.querySelectorAll("label")].find(({ innerText }) => innerText.trim() === label)?.querySelector("input");
          if (box && box.checked !== on) box.click();
        }
        for (const name of ["quantity", "sort", "pace"]) document.querySelector(`input[name=${name}]`)?.click();
      }
      await visit("compare", "runs");
      await until(() => {
        this.prune(0);
        return sae.state().status === "idle" && document.querySelectorAll("#runs tbody tr").length === 0;
      });
      press("Dismiss the message");
      // Hidden views keep what they showed last, so each is shown once.
      for (const view of views) {
        await visit(...view);
        for (const panel of document.querySelectorAll(".panel, section")) {
          panel.scrollIntoView();
          await pause(100);
        }
      }
      scrollTo(0, 0);
    },
  };
})();
