// Remembers what the reader asks for before the program is there to do it: Train, and keys.
"use strict";

{
  const keys = [];

  // Shows whether training starts as soon as it can; another press takes that back.
  const show = (starting) => {
    const play = document.querySelector("#bar .play");
    play.toggleAttribute("data-training", starting);
    play.querySelector("use").setAttribute("href", starting ? "#pause" : "#play");
    play.querySelector("span").textContent = starting ? "Starting" : "Train";
  };

  const ask = (key) => {
    if (keys.push(key) > 100) keys.shift(); // a key that is held down
    show(keys.filter((key) => key === " ").length % 2 === 1);
  };

  const click = ({ target }) => target.closest("#bar .play:enabled") && ask(" ");

  const keydown = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (event.key === " ") {
      if (event.target.closest?.("a, button")) return; // a click follows
      event.preventDefault(); // the page would scroll
    }
    ask(event.key);
  };

  document.addEventListener("click", click);
  document.addEventListener("keydown", keydown);

  const take = () => {
    document.removeEventListener("click", click);
    document.removeEventListener("keydown", keydown);
    return keys;
  };

  globalThis.saeAsked = {
    take, // returns the keys, of which Train is the space
    refuse() { // as the program does not start
      take();
      show(false);
      document.querySelector("#bar .play").disabled = true;
    },
  };
}
