// Defines <sparse-autoencoder>, which shows the demo in a frame:
//
//   <script src="https://host/path/embed.js"></script>
//   <sparse-autoencoder experiment="2" lambda="1e-5" panels="loss,recon"></sparse-autoencoder>
//
// Its attributes are the parameters of embed.html: the settings, panels, lock, load,
// autoplay, theme. They are read when the element enters the page. Its methods play,
// pause, step, reset, set, state and export return promises; the events ready, state,
// metrics, epoch, done and error have what happened as detail.
"use strict";

(() => {
  if (customElements.get("sparse-autoencoder")) return; // a page with several snippets
  // A module has no currentScript, but the top line of a stack has its address.
  const self = document.currentScript?.src || /(?:https?|file):[^\s()]+?(?=:\d+:\d+)/.exec(new Error().stack)?.[0];
  if (!self) throw new Error(`embed.js: its address is unknown; load it by <script src="https://HOST/PATH/embed.js"></script>`);
  const base = new URL(".", self);
  // What any element may have in HTML, in microdata and RDFa, and by frameworks' mistake.
  const global = new Set(`accesskey anchor autocapitalize autocorrect autofocus class contenteditable dir draggable elementtiming
    enterkeyhint exportparts headingoffset headingreset id inert inputmode is lang nonce part popover role slot spellcheck style
    tabindex title translate virtualkeyboardpolicy writingsuggestions xmlns
    itemid itemprop itemref itemscope itemtype about content datatype inlist prefix property rel resource rev typeof vocab
    classname key ref`.split(/\s+/));
  const switches = { autoplay: "1", mirrored: "true" }; // what they mean without a value, or with their name as value
  const hides = (value) => ["", "hidden", "until-found"].includes(value); // else it sets the hidden layers
  const events = new Set(["ready", "state", "metrics", "epoch", "height", "done", "error"]);
  const removed = "the demo was removed from the page";
  const patience = 10_000; // for the frame to answer once it has loaded, in milliseconds

  // A change of the text's colour, whatever makes it, is a transition of the box.
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(`
    :host { display: block; }
    :host([hidden]:not([hidden=""], [hidden="hidden"], [hidden="until-found"])) { display: block !important; }
    :host(:is([hidden=""], [hidden="hidden"], [hidden="until-found"])) { display: none; }
    :host([popover]:not(:popover-open)) { display: none; }
    div { color: color-mix(in srgb, currentcolor, currentcolor); transition: color 1ms; }
    iframe { display: block; width: 100%; height: 300px; border: 0; }
  `);

  class SparseAutoencoder extends HTMLElement {
    #root = this.attachShadow({ mode: "open" });
    #box = null; // around the frame
    #frame = null;
    #port = null;
    #greeted = null; // a promise: the frame has answered
    #pending = new Map();
    #lastID = 0;
    #theme = ""; // of the text around, that the frame follows
    #gone = null; // ends what the element listens to

    connectedCallback() {
      if (this.#frame) return;
      const address = new URL("embed.html", base);
      for (const { name, value } of this.attributes) {
        const parameter = /^[a-z]+$/.test(name) && !global.has(name) && !name.startsWith("on");
        if (!parameter || name === "hidden" && hides(value)) continue;
        const bare = value === "" || value === name;
        address.searchParams.set(name, bare && name in switches ? switches[name] : value);
      }
      const frame = document.createElement("iframe");
      const box = document.createElement("div");
      frame.title = this.title || "Sparse autoencoder: train it here";
      frame.loading = "lazy";
      frame.allow = "clipboard-write";

      this.#box = box;
      this.#frame = frame;
      this.#gone = new AbortController();
      const { signal } = this.#gone;
      const greeted = Promise.withResolvers();
      this.#greeted = greeted.promise;
      this.#greeted.catch((error) => this.#frame === frame && this.#refuse(address, error));
      this.#pending.set(0, greeted);
      frame.addEventListener("load", () => this.#greet(), { signal });
      document.addEventListener("securitypolicyviolation", ({ effectiveDirective, blockedURI }) => {
        if (effectiveDirective === "frame-src" && blockedURI.startsWith(base.origin)) greeted.reject(new Error(`this page's policy does not allow frames of ${base.origin}`));
      }, { signal });

      box.addEventListener("transitionend", () => this.#follow());
      const shown = new ResizeObserver(() => this.#follow()); // what is not shown has no transitions
      shown.observe(box);
      signal.addEventListener("abort", () => shown.disconnect());

      this.#root.adoptedStyleSheets = [sheet];
      this.#root.replaceChildren(box);
      this.#theme = "";
      this.#follow();
      address.hash = this.#theme + address.search; // some hosts lose the query on the way
      frame.src = address;
      box.append(frame);
    }

    disconnectedCallback() {
      this.#gone?.abort();
      this.#port?.close();
      this.#frame = this.#port = null;
      this.#forget(removed);
      this.#root.replaceChildren();
    }

    // Frameworks set properties rather than attributes.
    get hidden() {
      const value = this.getAttribute("hidden");
      return value !== null && hides(value);
    }

    set hidden(value) {
      typeof value === "string" && !hides(value) ? this.setAttribute("hidden", value) : this.toggleAttribute("hidden", Boolean(value));
    }

    // Greets the page in the frame, which may be another one than before.
    #greet() {
      this.#port?.close();
      const greeted = this.#pending.get(0);
      this.#pending.delete(0);
      this.#forget("the demo was loaded anew");
      if (greeted) {
        this.#pending.set(0, greeted);
        setTimeout(() => greeted.reject(new Error("the demo does not answer")), patience);
      }
      const { port1, port2 } = new MessageChannel();
      this.#port = port1;
      port1.onmessage = ({ data }) => this.#receive(data);
      this.#frame.contentWindow.postMessage({ source: "sae", v: 1, id: 0, type: "hello", payload: { theme: this.#theme } }, base.origin, [port2]);
    }

    // Has the frame be light where the text around it is dark, and dark where it is light.
    #follow() {
      const color = getComputedStyle(this.#box).color;
      const [red, green, blue] = color.match(/[\d.]+/g).map((value) => color.startsWith("rgb") ? value / 255 : value);
      const theme = 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.5 ? "dark" : "light";
      if (theme === this.#theme) return;
      this.#theme = theme;
      this.#frame.style.colorScheme = theme;
      this.#port?.postMessage({ source: "sae", v: 1, id: ++this.#lastID, type: "hello", payload: { theme } });
    }

    // Shows a link in place of a frame that cannot be there.
    #refuse(address, { message }) {
      const link = Object.assign(document.createElement("a"), { href: address, target: "_blank", rel: "noopener", textContent: "Open the demo in a tab of its own" });
      const line = document.createElement("p");
      line.append(link, ` (${message}).`);
      this.#box.replaceChildren(line);
      this.dispatchEvent(new CustomEvent("error", { detail: { message } }));
    }

    #forget(reason) {
      for (const { reject } of this.#pending.values()) reject(new Error(reason));
      this.#pending.clear();
    }

    #receive({ source, v, id, type, payload }) {
      if (source !== "sae" || v !== 1 || !events.has(type)) return;
      if (id !== undefined) { // an answer
        const asked = this.#pending.get(id);
        this.#pending.delete(id);
        type === "error" ? asked?.reject(new Error(payload.message)) : asked?.resolve(payload);
        return;
      }
      if (type === "height") this.#frame.style.height = `${Math.min(Math.max(payload.height, 120), 4000)}px`;
      this.dispatchEvent(new CustomEvent(type, { detail: payload }));
    }

    async #ask(type, payload) {
      if (!this.#frame) throw new Error(`${type}: the element is not in a page`);
      this.#frame.loading = "eager"; // also out of view
      await this.#greeted;
      if (!this.#port) throw new Error(removed);
      const id = ++this.#lastID;
      const asked = Promise.withResolvers();
      this.#pending.set(id, asked);
      this.#port.postMessage({ source: "sae", v: 1, id, type, payload });
      return asked.promise;
    }

    play() { return this.#ask("play"); }
    pause() { return this.#ask("pause"); }
    step() { return this.#ask("step"); }
    reset() { return this.#ask("reset"); }
    set(settings) { return this.#ask("set", settings); }
    state() { return this.#ask("state"); }
    export(format) { return this.#ask("export", { format }); }
  }

  customElements.define("sparse-autoencoder", SparseAutoencoder);
})();
