// Has the browser keep the page for the next visit, with a network or without, once
// it works. Not in a frame: that is a guest on a page of somebody else.
"use strict";

if (window === top && navigator.serviceWorker) {
  (async () => {
    while (!("sae" in globalThis)) await new Promise((resolve) => setTimeout(resolve, 200));
    await sae.ready;
    await navigator.serviceWorker.register("sw.js");
  })().catch(() => {}); // with storage switched off the page works all the same
}
