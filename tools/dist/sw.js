// The service worker keeps one build of the site in the browser.
//
// A page comes from the network, so that it is the newest, and from the cache where
// there is no network. All else has a hash in its name, comes from the cache, and
// is of the build of the page that asks for it. While a page of this build is open,
// the next build's worker waits.
"use strict";

// Filled in by tools/dist: a name for the build, and its files, each with the hash
// that it has to have.
const build = "", files = {};

// Caches belong to the origin, where other folders may have demos of their own.
const prefix = `sparse autoencoder at ${registration.scope} `;
const cacheName = prefix + build;
const patience = 3000; // for the network, in milliseconds

addEventListener("install", (event) => event.waitUntil((async () => {
  const cache = await caches.open(cacheName);
  // All or none. While a host is being updated, its files may be of two builds: then
  // the hashes are not right, and the next visit tries again.
  await cache.addAll(Object.entries(files).map(([name, integrity]) => new Request(name, { integrity, cache: isPage(name) ? "no-cache" : "default" })));
})()));

addEventListener("activate", (event) => event.waitUntil((async () => {
  for (const name of await caches.keys()) {
    if (name.startsWith(prefix) && name !== cacheName) await caches.delete(name);
  }
  await clients.claim();
})()));

addEventListener("fetch", (event) => {
  const { method, url } = event.request;
  if (method !== "GET" || !url.startsWith(registration.scope)) return;
  let name = url.slice(registration.scope.length).replace(/[?#].*/, "");
  if (!Object.hasOwn(files, name) && Object.hasOwn(files, name + ".html")) name += ".html"; // as some hosts name it
  if (name === "" || name === "index" || name === "index.html") name = "./";
  if (!Object.hasOwn(files, name)) return;
  event.respondWith(isPage(name) ? page(event.request, name) : asset(event.request, name));
});

const isPage = (name) => name === "./" || name.endsWith(".html");

const kept = (name) => caches.match(name, { cacheName, ignoreVary: true });

const asset = async (request, name) => await kept(name) ?? fetch(request);

async function page(request, name) {
  const network = fetch(request, { cache: "no-cache" });
  const late = new Promise((_, reject) => setTimeout(reject, patience));
  try {
    const response = await Promise.race([network, late]);
    if (response.status < 500) return response;
  } catch {}
  const response = await kept(name);
  if (!response) return network;
  // What answers a navigation must not have been redirected on its way.
  return response.redirected ? new Response(response.body, response) : response;
}
