// A <details> works by itself; this closes it with Escape, or by going elsewhere. Escape hides time tips, too.
const shut = (except) => {
  for (const menu of document.querySelectorAll("[data-menu][open]")) {
    if (!menu.contains(except)) menu.open = false;
  }
};

document.addEventListener("click", (event) => shut(event.target));
document.addEventListener("focusin", (event) => shut(event.target));
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  const open = document.querySelector("[data-menu][open]");
  shut(null);
  open?.querySelector("summary").focus();
  document.documentElement.dataset.tips = "off";
});
for (const kind of ["pointerover", "focusin"]) {
  document.addEventListener(kind, (event) => {
    if (event.target.closest?.(".moment")) return;
    delete document.documentElement.dataset.tips;
  });
}
