// What htmx does not do by itself: be quiet in a hidden tab, and admit that the figures are old.
"use strict";

(() => {
  const stale = document.getElementById("stale");
  const since = document.getElementById("stale-since");
  let lastGood = new Date();

  const fresh = () => {
    lastGood = new Date();
    stale.hidden = true;
  };

  const old = () => {
    since.textContent = lastGood.toISOString().slice(11, 19) + " UTC";
    stale.hidden = false;
  };

  // A hidden tab asks for nothing; coming back to it asks at once.
  document.addEventListener("htmx:before:request", (event) => {
    if (document.hidden && event.detail.ctx.request.method === "GET") event.preventDefault();
  });
  document.addEventListener("visibilitychange", () => {
    const live = document.getElementById("live");
    if (!document.hidden && live && live.hasAttribute("hx-get")) htmx.trigger(live, "look");
  });

  document.addEventListener("htmx:after:request", (event) => {
    const { response } = event.detail.ctx;
    if (response && response.status < 400) fresh();
    else old();
  });
  document.addEventListener("htmx:error", old);
})();
