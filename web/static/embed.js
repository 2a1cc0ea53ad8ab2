// Defines <sparse-autoencoder>, which shows the demo in a frame:
//
//   <script src="https://host/path/embed.js"></script>
//   <sparse-autoencoder experiment="2" lambda="1e-5" panels="loss,recon"></sparse-autoencoder>
//
// Its attributes are the parameters of embed.html: the settings, panels, lock, load,
// autoplay, theme. Its methods play, pause, step, reset, set, state and export return
// promises; the events ready, state, metrics, done and error have what happened as
// detail.
"use strict";

(() => {
  const base = new URL(".", document.currentScript.src);
  const own = new Set(["id", "class", "style", "title", "slot", "lang", "dir"]);
  const hides = (value) => ["", "hidden", "until-found"].includes(value); // else it sets the hidden layers
  const patience = 20_000; // for the frame to answer, in milliseconds

  class SparseAutoencoder extends HTMLElement {
    #frame = null;
    #port = null;
    #greeted = null; // a promise: the frame has answered
    #pending = new Map();
    #lastID = 0;

    connectedCallback() {
      if (this.#frame) return;
      const address = new URL("embed.html", base);
      for (const { name, value } of this.attributes) {
        if (name === "hidden" && hides(value)) continue;
        if (!own.has(name) && !name.startsWith("data-") && !name.startsWith("aria-")) address.searchParams.set(name, value);
      }
      const frame = document.createElement("iframe");
      frame.src = address;
      frame.title = this.title || "Sparse autoencoder: train it here";
      frame.loading = "lazy";
      frame.allow = "clipboard-write";
      Object.assign(frame.style, { display: "block", width: "100%", height: "300px", border: "0", colorScheme: getComputedStyle(this).colorScheme });
      const hidden = this.getAttribute("hidden");
      if (!this.style.display && (hidden === null || !hides(hidden))) this.style.display = "block";
      this.#greeted = new Promise((resolve, reject) => {
        frame.addEventListener("load", () => {
          const { port1, port2 } = new MessageChannel();
          this.#port = port1;
          port1.onmessage = ({ data }) => this.#receive(data);
          frame.contentWindow.postMessage({ source: "sae", v: 1, id: 0, type: "hello" }, base.origin, [port2]);
          this.#pending.set(0, { resolve, reject });
          setTimeout(() => reject(new Error("the demo does not answer")), patience);
        });
      });
      this.#greeted.catch(() => this.#offerLink(address));
      this.#frame = frame;
      this.append(frame);
    }

    disconnectedCallback() {
      this.#port?.close();
      this.#frame?.remove();
      this.#frame = this.#port = null;
      for (const { reject } of this.#pending.values()) reject(new Error("the demo was removed from the page"));
      this.#pending.clear();
    }

    // A frame that the page's own policy forbids shows nothing and says nothing.
    #offerLink(address) {
      if (!this.#frame) return;
      const link = Object.assign(document.createElement("a"), { href: address, target: "_blank", rel: "noopener", textContent: "Open the demo in a tab of its own" });
      this.append(link);
    }

    #receive({ source, v, id, type, payload }) {
      if (source !== "sae" || v !== 1) return;
      const asked = id === undefined ? undefined : this.#pending.get(id);
      if (asked) {
        this.#pending.delete(id);
        type === "error" ? asked.reject(new Error(payload.message)) : asked.resolve(payload);
        return;
      }
      if (type === "height") this.#frame.style.height = `${Math.min(Math.max(payload.height, 120), 4000)}px`;
      this.dispatchEvent(new CustomEvent(type, { detail: payload }));
    }

    async #ask(type, payload) {
      if (!this.#greeted) throw new Error(`${type}: the element is not in a page`);
      await this.#greeted;
      const id = ++this.#lastID;
      return new Promise((resolve, reject) => {
        this.#pending.set(id, { resolve, reject });
        this.#port.postMessage({ source: "sae", v: 1, id, type, payload });
      });
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
