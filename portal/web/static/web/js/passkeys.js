// form[data-passkey="get" | "create"] asks the browser for a passkey when it is sent, puts the answer into its
// [data-answer] and goes. What was asked is in data-options, as the server wrote it (WebAuthn Level 3, 5.1.8).
const bytes = (text) =>
  Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (letter) => letter.charCodeAt(0));

const text = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replace(/\+/g, "-")
    .replace(/\//g, "_")
    .replace(/=+$/, "");

const named = (list) => (list ?? []).map((each) => ({ ...each, id: bytes(each.id) }));

const asked = (kind, told) => {
  const options = { ...told, challenge: bytes(told.challenge) };
  if (kind === "get") return { ...options, allowCredentials: named(told.allowCredentials) };
  return {
    ...options,
    user: { ...told.user, id: bytes(told.user.id) },
    excludeCredentials: named(told.excludeCredentials),
  };
};

const answered = ({ id, rawId, type, response }) => {
  const told = { clientDataJSON: text(response.clientDataJSON) };
  for (const part of ["attestationObject", "authenticatorData", "signature", "userHandle"]) {
    if (response[part]) told[part] = text(response[part]);
  }
  if (response.getTransports) told.transports = response.getTransports();
  return JSON.stringify({ id, rawId: text(rawId), type, response: told });
};

const WORDS = {
  InvalidStateError: "This device has a passkey of yours already.",
  NotAllowedError: "That was cancelled, or it took too long. Try again.",
  SecurityError: "This address can't use passkeys. Use another way.",
};

const ask = async (form) => {
  const kind = form.dataset.passkey;
  const publicKey = asked(kind, JSON.parse(form.dataset.options));
  const made = await navigator.credentials[kind]({ publicKey });
  form.querySelector("[data-answer]").value = answered(made);
};

document.addEventListener("submit", async (event) => {
  const form = event.target.closest("[data-passkey]");
  if (!form) return;
  event.preventDefault();
  const button = form.querySelector("button[type=submit]");
  const problem = form.querySelector("[data-passkey-problem]");
  problem.hidden = true;
  button.disabled = true;
  try {
    await ask(form);
    form.submit();
  } catch (error) {
    problem.textContent = WORDS[error.name] ?? "Your browser could not use a passkey here. Use another way.";
    problem.hidden = false;
    button.disabled = false;
  }
});
