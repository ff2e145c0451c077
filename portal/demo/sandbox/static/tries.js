// Tries everything again every five seconds, and when asked, without reloading the page around it.
"use strict";
(() => {
  const place = document.getElementById("tries");
  const EVERY_MS = 5000;

  async function again() {
    const answer = await fetch("/console/tries", { credentials: "same-origin" });
    if (!answer.ok) {
      location.reload(); // the session is over: the page says so better than a part of it
      return;
    }
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    place.replaceChildren(...fresh.body.childNodes);
  }

  async function round() {
    if (!document.hidden) {
      await again().catch(() => {}); // the sandbox is away for a moment: the times shown tell
    }
    setTimeout(round, EVERY_MS);
  }

  place.addEventListener("click", (event) => {
    if (event.target.id === "again") {
      event.preventDefault();
      again().then(() => document.getElementById("again").focus()).catch(() => location.reload());
    }
  });
  setTimeout(round, EVERY_MS);
})();
