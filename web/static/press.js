// Remembers what the reader asks for before the program is there to do it: Train, and keys.
"use strict";

{
  const keys = [];
  let starting = false;

  // Shows whether training starts as soon as it can; another press takes that back.
  const show = () => {
    const play = document.querySelector("#bar .play");
    play.toggleAttribute("data-training", starting);
    play.querySelector("use").setAttribute("href", starting ? "#pause" : "#play");
    play.querySelector("span").textContent = starting ? "Starting" : "Train";
  };

  const ask = (key) => {
    if (keys.length === 100) return; // a key that is held down
    keys.push(key);
    if (key !== " ") return;
    starting = !starting;
    show();
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

  globalThis.saeAsked = {
    take: () => keys.splice(0), // returns the keys since the last time, of which Train is the space
    stop() { // as the program hears what is pressed
      document.removeEventListener("click", click);
      document.removeEventListener("keydown", keydown);
    },
    refuse() { // as the program does not start
      saeAsked.stop();
      starting = false;
      show();
      document.querySelector("#bar .play").disabled = true;
    },
  };
}
