// What may become markup or a script here, in browsers with Trusted Types: what the
// renderer sets, and scripts of this site. Names in files, messages and links are
// text, which the renderer escapes; were one not, it would end here.
"use strict";

(() => {
  // Text, and the elements that the templates are written with.
  const markup = /^[^<]*(?:<\/?(?:b|code|h[1-3]|i|p|span|svg|th|tr|use)(?: (?:class|id|scope|aria-hidden)="[^"<>]*"| href="#[\w-]+")*>[^<]*)*$/;
  const folder = new URL(".", location).href;

  globalThis.trustedTypes?.createPolicy("default", {
    createHTML: (html) => markup.test(html) ? html : null,
    createScriptURL: (address) => new URL(address, location).href.startsWith(folder) ? address : null,
  });
})();
