// [data-copy="id"] copies the text of that element, and says so in the button and to screen readers.
const status = document.createElement("p");
status.setAttribute("role", "status");
status.className = "visually-hidden";
document.body.append(status);

const select = (source) => {
  const range = document.createRange();
  range.selectNodeContents(source);
  getSelection().removeAllRanges();
  getSelection().addRange(range);
};

const copy = async (source) => {
  try {
    await navigator.clipboard.writeText(source.textContent);
    return true;
  } catch {
    // No clipboard without TLS, or it was refused: the old way, which leaves the text selected for Ctrl+C.
    select(source);
    return document.execCommand("copy");
  }
};

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const copied = await copy(document.getElementById(button.dataset.copy));
  const word = button.querySelector("[data-copy-word]");
  word.textContent = copied ? "Copied" : "Press Ctrl+C";
  status.textContent = copied ? "Copied to the clipboard" : "Selected: press Ctrl+C to copy";
  clearTimeout(Number(button.dataset.timer));
  button.dataset.timer = setTimeout(() => {
    word.textContent = "Copy";
    status.textContent = "";
  }, 2500);
});
