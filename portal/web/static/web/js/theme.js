// Runs before the first paint: says that there is JavaScript, and puts on the colours that were chosen.
// Shared by the pages and the Django admin. `auto` follows the system.
"use strict";
{
  const root = document.documentElement;
  const order = ["auto", "light", "dark"];
  const words = { auto: "as the system", light: "light", dark: "dark" };

  const stored = () => {
    try {
      const theme = localStorage.getItem("theme");
      return order.includes(theme) ? theme : "auto";
    } catch {
      return "auto"; // storage is forbidden: the system decides
    }
  };

  const wear = (theme) => {
    root.dataset.theme = theme;
    for (const button of document.querySelectorAll("[data-theme-switch]")) {
      button.setAttribute("aria-label", `Colours: ${words[theme]}`);
      button.title = `Colours: ${words[theme]}`;
    }
  };

  root.dataset.js = "";
  wear(stored());

  document.addEventListener("DOMContentLoaded", () => wear(stored()));
  document.addEventListener("click", (event) => {
    if (!event.target.closest("[data-theme-switch]")) return;
    const theme = order[(order.indexOf(root.dataset.theme) + 1) % order.length];
    try {
      localStorage.setItem("theme", theme);
    } catch {
      // not remembered, but worn
    }
    wear(theme);
  });
  window.addEventListener("storage", (event) => event.key === "theme" && wear(stored()));
}
