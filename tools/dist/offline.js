// Registers the service worker once the page works, but not in a frame, which belongs to
// another site's page.
"use strict";

if (window === top && navigator.serviceWorker) {
  (async () => {
    while (!("sae" in globalThis)) await new Promise((resolve) => setTimeout(resolve, 200));
    await sae.ready;
    await navigator.serviceWorker.register("sw.js");
  })().catch(() => {}); // without storage the page still works
}
