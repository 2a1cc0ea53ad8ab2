// The service worker caches one build of the site.
//
// Pages come from the network, so that they are up to date, and from the cache if the
// network fails or is slow. All other files have a hash in their name, belong to the same
// build as the page, and come from the cache. The next build's service worker waits while
// a page of this build is open.
"use strict";

// Filled in by tools/dist: the name of the build, and the integrity hash of each file.
const build = "", files = {};

// Caches belong to the origin, which may have other demos in other folders.
const prefix = `sparse autoencoder at ${registration.scope} `;
const cacheName = prefix + build;
const patience = 3000; // for the network, in milliseconds

addEventListener("install", (event) => event.waitUntil((async () => {
  const cache = await caches.open(cacheName);
  // Adds all files or none. While a host is being updated, it may serve files of two
  // builds: then the hashes do not match, and the next visit tries again.
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
  if (!Object.hasOwn(files, name) && Object.hasOwn(files, name + ".html")) name += ".html"; // some hosts omit it
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
  // Browsers reject a redirected response to a navigation.
  return response.redirected ? new Response(response.body, response) : response;
}
