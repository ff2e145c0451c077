// Keeps every [data-countdown] right by the server's clock, says the same words as left_words in presenters/words.py, and
// when a period starts or ends shuts its buttons and asks the server for the truth.
const HOUR = 3600;
let ahead = 0; // how far the server's clock is ahead of this one, in ms

const left = (seconds) => {
  const whole = Math.max(0, Math.floor(seconds));
  const minutes = Math.floor(whole / 60);
  const hours = Math.floor(whole / HOUR);
  const days = Math.floor(whole / 86400);
  if (minutes < 1) return `${whole} s`;
  if (minutes < 5) return `${minutes} min ${String(whole % 60).padStart(2, "0")} s`;
  if (hours < 1) return `${minutes} min`;
  if (days < 2) return minutes % 60 ? `${hours} h ${String(minutes % 60).padStart(2, "0")} min` : `${hours} h`;
  return `${days} days`;
};

const BEGINS = ["starts", "opens"];
const FINISHES = ["ends", "closes"]; // a window's own edges, where a grant has several, are 'opens' and 'closes'

const words = (kind, seconds) => {
  if (FINISHES.includes(kind)) return `${kind} in ${left(seconds)}`;
  if (BEGINS.includes(kind)) return seconds < HOUR ? `${kind} in ${left(seconds)}` : null;
  return -seconds < HOUR ? `ended ${left(-seconds)} ago` : null; // null: the server's words stay
};

const turn = (mark) => {
  const life = mark.closest("[data-life]");
  if (FINISHES.includes(mark.dataset.countdown)) {
    const closed = mark.dataset.countdown === "closes";
    mark.dataset.countdown = closed ? "" : "ended";
    if (closed) mark.querySelector("time").textContent = "closed";
    for (const button of life?.querySelectorAll("[data-ends]") ?? []) button.disabled = true;
    life?.classList.add("is-over");
  } else {
    mark.dataset.countdown = "";
  }
  mark.dispatchEvent(new CustomEvent("sallyport:ended", { bubbles: true }));
};

const tick = () => {
  const now = Date.now() + ahead;
  for (const mark of document.querySelectorAll("[data-countdown]")) {
    const time = mark.querySelector("time");
    const at = Date.parse(time.dateTime);
    if ([...FINISHES, ...BEGINS].includes(mark.dataset.countdown) && at <= now) turn(mark);
    const kind = mark.dataset.countdown;
    const said = kind && words(kind, (at - now) / 1000);
    if (said && said !== time.textContent) time.textContent = said;
    mark.classList.toggle("is-soon", FINISHES.includes(kind) && at - now <= 600_000);
    const bar = mark.closest("[data-life]")?.querySelector("[data-bar]");
    if (bar) {
      const starts = Date.parse(mark.dataset.starts);
      const share = Math.min(1, Math.max(0, (at - now) / (at - starts)));
      bar.setAttribute("width", BEGINS.includes(kind) ? "100%" : `${(100 * share).toFixed(2)}%`);
    }
  }
};

const setClock = () => {
  const live = document.querySelector("[data-now]");
  if (live) ahead = Date.parse(live.dataset.now) - Date.now();
};

const stale = (is) => {
  const note = document.querySelector("[data-stale]");
  if (note) note.hidden = !is;
};

setClock();
tick();
setInterval(tick, 1000);
document.body.addEventListener("htmx:afterSettle", () => {
  setClock();
  tick();
});
document.body.addEventListener("htmx:afterRequest", (event) => stale(!event.detail.xhr || event.detail.xhr.status === 0 || event.detail.xhr.status >= 500));
