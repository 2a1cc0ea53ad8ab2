// Works through the core of the demo in a browser and prints what it saw as JSON:
//
//	node engines.mjs ENGINE BROWSER SITE HOST FOLDER
//
// ENGINE is chromium, firefox, firefox-simd (Firefox without relaxed SIMD), firefox-hides
// (Firefox with resistFingerprinting, and other steps) or webkit. BROWSER is the path of the
// program, or of WebKit's driver. SITE is the address of the site, and HOST that of a page
// of another origin that embeds it. Screenshots are written to FOLDER. The result of a step
// is "yes" or what went wrong.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import puppeteer from "puppeteer-core";

const [engine, browser, site, host, folder] = process.argv.slice(2);
const desktop = [1440, 900], phone = [390, 844];

// The ways to drive a browser. Each returns a page with functions to open an address,
// evaluate a function in the document, click on a selector, and so on.

// puppet drives Chromium and Firefox.
async function puppet() {
  const launched = await puppeteer.launch({
    browser: engine === "chromium" ? "chrome" : "firefox",
    executablePath: browser,
    headless: true,
    args: engine === "chromium" ? ["--disable-gpu", "--disable-quic", "--disable-component-update", ...process.getuid?.() === 0 ? ["--no-sandbox"] : []] : [],
    extraPrefsFirefox: {
      "firefox-simd": { "javascript.options.wasm_relaxed_simd": false },
      "firefox-hides": { "privacy.resistFingerprinting": true },
    }[engine] ?? {},
  });
  const problems = [];
  const page = await launched.newPage();
  page.on("pageerror", (error) => problems.push(error.message));
  page.on("console", (message) => message.type() === "error" && problems.push(message.text()));
  return {
    version: (await launched.version()).replace(/^.*\//, ""),
    problems: async () => problems,
    open: (address) => page.goto(address),
    evaluate: (fn, ...args) => page.evaluate(fn, ...args),
    click: (selector, hold) => page.click(selector, { delay: hold }),
    resize: ([width, height]) => page.setViewport({ width, height }),
    screenshot: () => page.screenshot(),
    close: () => launched.close(),
  };
}

// webDriver drives WebKit, by W3C WebDriver, on its own display.
async function webDriver() {
  const children = [];
  const start = (command, args, options) => {
    const child = spawn(command, args, { stdio: ["ignore", "ignore", "inherit", "pipe"], ...options });
    children.push(child);
    return child;
  };
  const stop = () => children.reverse().forEach((child) => child.kill());
  process.on("exit", stop);
  const display = start("Xvfb", ["-displayfd", "3", "-screen", "0", "1600x1200x24", "-nolisten", "tcp"]);
  const [number] = await once(display.stdio[3], "data");
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  await new Promise((closed) => server.close(closed));
  start(browser, [`--port=${port}`], { env: { ...process.env, DISPLAY: `:${String(number).trim()}` } });

  const command = async (method, path, body) => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, { method, body: body && JSON.stringify(body) });
    const { value } = await response.json();
    if (value?.error) throw new Error(`${value.error}: ${value.message}`);
    return value;
  };
  for (let tries = 0; ; tries++) {
    try {
      await command("GET", "/status");
      break;
    } catch (error) {
      if (tries === 100) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  const { sessionId, capabilities } = await command("POST", "/session", { capabilities: {} });
  const session = (method, path, body) => command(method, `/session/${sessionId}${path}`, body);
  await session("POST", "/timeouts", { script: 90_000 });
  const evaluate = async (fn, ...args) => {
    const { value, error } = await session("POST", "/execute/async", {
      script: `const [args, done] = arguments;
        (async () => (${fn})(...args))().then((value) => done({ value }), (error) => done({ error: String(error?.message ?? error) }));`,
      args: [args],
    });
    if (error) throw new Error(error);
    return value;
  };
  const problems = [];
  const collect = async () => problems.push(...await evaluate(() => window.problems?.splice(0) ?? []));
  return {
    version: capabilities.browserVersion,
    problems: async () => (await collect(), problems),
    async open(address) {
      await collect();
      await session("POST", "/url", { url: address });
      await evaluate(() => {
        window.problems = [];
        addEventListener("error", ({ message }) => problems.push(message));
        addEventListener("unhandledrejection", ({ reason }) => problems.push(String(reason)));
        const { error } = console;
        console.error = (...words) => (problems.push(words.join(" ")), error(...words));
      });
    },
    evaluate,
    async click(selector, hold) {
      const origin = await session("POST", "/element", { using: "css selector", value: selector });
      await session("POST", "/actions", { actions: [{ type: "pointer", id: "mouse", actions: [
        { type: "pointerMove", origin, x: 0, y: 0 }, { type: "pointerDown", button: 0 },
        { type: "pause", duration: hold }, { type: "pointerUp", button: 0 },
      ] }] });
    },
    resize: ([width, height]) => session("POST", "/window/rect", { width, height }),
    screenshot: async () => Buffer.from(await session("GET", "/screenshot"), "base64"),
    async close() {
      await command("DELETE", `/session/${sessionId}`);
      stop();
    },
  };
}

const page = await (engine === "webkit" ? webDriver() : puppet());
const seen = { version: page.version, steps: {}, problems: [] };

// step performs a step and records "yes", or what went wrong.
async function step(name, act) {
  try {
    await act();
    seen.steps[name] = "yes";
  } catch (error) {
    seen.steps[name] = error.message;
  }
}

function expect(what, ok) {
  if (!ok) throw new Error(`expected ${what}`);
}

// until waits until a function in the document returns a truthy value.
async function until(fn, ...args) {
  for (const end = Date.now() + 120_000; Date.now() < end; await new Promise((resolve) => setTimeout(resolve, 20))) {
    const value = await page.evaluate(fn, ...args);
    if (value) return value;
  }
  throw new Error(`waited in vain for ${fn}`);
}

async function openDemo() {
  await page.open(`${site}?experiment=2`); // without parameters, it is a first visit
  await until(() => "sae" in window);
  await page.evaluate(() => sae.ready);
}

// press waits until the play button has the label and clicks it, slowly enough that the page
// renders meanwhile.
async function press(label) {
  await until((label) => document.querySelector("button.play:enabled span")?.innerText === label, label);
  await page.click("button.play", 300);
}

async function screenshot(name) {
  await writeFile(join(folder, `${engine}-${name}.png`), await page.screenshot());
}

// kept waits until a run of four latent units is stored and returns "kept", or why none will
// be.
const kept = () => new Promise((resolve) => {
  location.hash = "compare";
  const lead = document.querySelector("#runs .lead");
  if (!lead) return resolve(false);
  const refusal = /for this visit only: (.*?)\. Settings/.exec(lead.innerText);
  if (refusal) return resolve(refusal[1]);
  indexedDB.open("sae-runs").onsuccess = ({ target: { result: database } }) => {
    database.transaction("records").objectStore("records").getAll().onsuccess = ({ target: { result } }) => {
      database.close();
      resolve(result.some(({ run }) => JSON.parse(run).settings.latent === 4) && "kept");
    };
  };
});

const done = () => sae.state().status === "done";
const losses = () => JSON.stringify(sae.state().history.slice(0, 2));

// hides checks that the page does not use pixels that Firefox falsifies.
async function hides() {
  await openDemo();
  const picture = [...await readFile(join(folder, "two-colours.png"))];
  await step("Says that a picture cannot be read", async () => {
    await page.evaluate((bytes) => {
      const files = new DataTransfer();
      files.items.add(new File([new Uint8Array(bytes)], "two-colours.png", { type: "image/png" }));
      const input = document.getElementById("picture-file");
      input.files = files.files;
      input.dispatchEvent(new Event("change"));
    }, picture);
    await until(() => /two-colours|read from a canvas/.test(document.querySelector(".notice").innerText) || /your/i.test(document.querySelector(".answer")?.innerText));
    const notice = await page.evaluate(() => document.querySelector(".notice:not([hidden])")?.innerText);
    expect(`a notice that pixels are hidden, not ${notice}`, /scrambles what pages read from a canvas/.test(notice));
  });
  await step("Says that a chart cannot be saved as a picture", async () => {
    await page.evaluate(() => sae.set({ hidden: "16", latent: 4, epochs: 1 }).then(() => sae.play()));
    await until(done);
    await page.evaluate(() => document.querySelector("#loss").scrollIntoView()); // a chart is drawn where it is seen
    await until(() => document.querySelector(".loss .save button") !== null);
    await page.evaluate(() => {
      window.saved = [];
      HTMLAnchorElement.prototype.click = function () { saved.push(this.download); };
      const press = (as) => [...document.querySelectorAll(".loss .save button")].find(({ textContent }) => textContent === as).click();
      ["PNG", "CSV"].forEach(press);
    });
    await until(() => !document.querySelector(".toast").hidden);
    const [toast, files] = await page.evaluate(() => [document.querySelector(".toast").innerText, saved.join()]);
    expect(`a message, not ${toast}`, /The chart could not be saved as a picture: this browser scrambles/.test(toast));
    expect(`the CSV alone, not ${files}`, files === "loss.csv");
  });
  await screenshot("notice");
}

async function core() {
  await page.resize(desktop);
  await step("Opens", async () => {
    await openDemo();
    const { status, kernel } = await page.evaluate(() => sae.state());
    expect(`an idle demo, not one that is ${status}`, status === "idle");
    seen.kernel = kernel;
  });
  // The reference run, also for other browsers.
  await step("Trains", async () => {
    await page.evaluate(() => sae.set({ epochs: 2, workers: 1 }));
    await press("Train");
    await until(done);
    seen.losses = await page.evaluate(losses);
    seen.imagesPerSecond = await page.evaluate(() => sae.state().imagesPerSecond);
  });
  await screenshot("desktop");
  if (engine === "firefox-simd") return;

  await step("Pauses, steps and goes on", async () => {
    await page.evaluate(() => sae.set({ epochs: 10_000 }).then(() => sae.reset()));
    await press("Train");
    await until(() => sae.state().batch > 0 || sae.state().epoch > 0);
    await press("Pause");
    await until(() => sae.state().status === "paused");
    await page.evaluate(() => sae.step());
    await page.evaluate(() => sae.set({ epochs: Math.max(2, sae.state().epoch + 1) }));
    await press("Train");
    await until(done);
    expect("the same losses as without a pause", await page.evaluate(losses) === seen.losses);
  });
  await step("Trains with two workers", async () => {
    await page.evaluate(() => sae.reset().then(() => sae.set({ epochs: 2, workers: 2 })).then(() => sae.play()));
    await until(done);
    const workers = await page.evaluate(() => sae.state().workers);
    expect(`two workers, not ${workers}`, workers === 2);
    expect("the same losses as with one worker", await page.evaluate(losses) === seen.losses);
  });
  await step("Reconstructs, encodes and decodes", async () => {
    const [same, largest] = await page.evaluate(async () => {
      const image = Uint8Array.from({ length: 3072 }, (_, i) => 128 + 90 * Math.sin(i / 400));
      const reconstruction = await sae.reconstruct(image);
      const decoded = await sae.decode(await sae.encode(image));
      return [String(reconstruction) === String(decoded), Math.max(...reconstruction)];
    });
    expect("decoding the code to be reconstructing", same && largest > 0);
  });
  await step("Exports a model and opens it", async () => {
    await page.evaluate(async () => {
      const checkpoint = await sae.export("checkpoint");
      await sae.set({ latent: 4 });
      await sae.import(checkpoint);
    });
    await until((text) => JSON.stringify(sae.state().history.slice(0, 2)) === text, seen.losses);
  });
  await step("Takes a picture of yours", async () => {
    await page.evaluate(async () => {
      const canvas = Object.assign(document.createElement("canvas"), { width: 90, height: 60 });
      canvas.getContext("2d").fillRect(20, 10, 30, 30);
      const files = new DataTransfer();
      files.items.add(new File([await new Promise((done) => canvas.toBlob(done))], "own.png", { type: "image/png" }));
      const input = document.getElementById("picture-file");
      input.files = files.files;
      input.dispatchEvent(new Event("change"));
    });
    await until(() => /your/i.test(document.querySelector(".answer")?.innerText));
  });
  await step("Reads files of CIFAR-10", async () => {
    await page.evaluate(async () => {
      const records = Uint8Array.from({ length: 200 * 3073 }, (_, i) => i % 3073 ? (i * i) >> 7 : i / 3073 % 10);
      await sae.loadDataset(new File([records], "data_batch_1.bin"));
    });
    const { name, train } = await page.evaluate(() => sae.state().dataset);
    expect(`CIFAR-10 with 180 images, not ${name} with ${train}`, name === "CIFAR-10" && train === 180);
  });
  await step("Makes a data set of your pictures", async () => {
    await page.evaluate(async () => {
      const canvas = Object.assign(document.createElement("canvas"), { width: 48, height: 40 });
      const context = canvas.getContext("2d"), files = [];
      for (let i = 0; i < 200; i++) {
        context.fillStyle = `rgb(${i}, ${60 * (i % 4)}, 90)`;
        context.fillRect(0, 0, 48, 40);
        const picture = await new Promise((done) => canvas.toBlob(done));
        files.push(new File([picture], `pets/${["cats", "dogs", "owls", "tits"][i % 4]}/${i}.png`));
      }
      await sae.loadDataset(files);
    });
    const { name, train, validation, classes } = await page.evaluate(() => sae.state().dataset);
    const seen = [name, train, validation, ...classes].join();
    expect(`pets with 167 and 33 pictures, not ${seen}`, seen === "pets,167,33,cats,dogs,owls,tits");
    await page.evaluate(() => sae.set({ hidden: "16", latent: 4, epochs: 1 }).then(() => sae.play()));
    await until(done);
  });
  const refused = await until(kept);
  await openDemo();
  await step("Keeps them for the next visit", async () => {
    const { name } = await page.evaluate(() => sae.state().dataset);
    expect(`pets, not ${name}`, name === "pets");
  });
  await step("Keeps runs for the next visit", async () => {
    expect(`runs to be kept, but ${refused}`, refused === "kept");
    await until(() => {
      location.hash = "compare";
      return document.querySelectorAll("#runs tbody tr").length > 0;
    });
  });
  await step("Fits a phone", async () => {
    await page.resize(phone);
    await until(() => innerWidth < 800 && new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(() => resolve(true)))));
    await screenshot("phone");
    const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    expect(`nothing to scroll sideways, not ${over} pixels`, over <= 0);
    await page.resize(desktop);
  });
  await step("Runs in a frame of another site", async () => {
    await page.open(host);
    await page.evaluate(() => new Promise((resolve, reject) => {
      const demo = document.querySelector("sparse-autoencoder");
      demo.addEventListener("done", resolve);
      demo.addEventListener("error", ({ detail }) => reject(new Error(detail.message)));
      demo.set({ hidden: "16", latent: 4, epochs: 2 }).then(() => demo.play()).catch(reject);
    }));
    const { epoch } = await page.evaluate(() => document.querySelector("sparse-autoencoder").state());
    expect(`two epochs, not ${epoch}`, epoch === 2);
    await until(() => document.querySelector("sparse-autoencoder").offsetHeight > 400);
    await screenshot("embed");
  });
}

try {
  await (engine === "firefox-hides" ? hides() : core());
  seen.problems = await page.problems();
} finally {
  await page.close();
}
console.log(JSON.stringify(seen));
