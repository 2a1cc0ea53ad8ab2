// Applies the theme that was chosen on an earlier visit before the first
// paint, so that nothing flashes.
"use strict";
try {
  const theme = localStorage.getItem("sae-theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch {}
