// Sign in with OpenID Connect: authorization code with PKCE (RFC 7636), in a window of its own, so that verifier and
// ID token stay in this page's memory: nothing in storage, nothing in its history. The client has no secret.
const random = () => base64url(crypto.getRandomValues(new Uint8Array(32)));

const base64url = (bytes) =>
  btoa(String.fromCharCode(...bytes))
    .replace(/\+/g, "-")
    .replace(/\//g, "_")
    .replace(/=+$/, "");

const challengeOf = async (verifier) =>
  base64url(new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier))));

// Only to read name and end: whether the token is genuine is for the portal and AWS to find out.
const claimsOf = (token) => {
  const bytes = atob(token.split(".")[1].replace(/-/g, "+").replace(/_/g, "/"));
  return JSON.parse(new TextDecoder().decode(Uint8Array.from(bytes, (letter) => letter.charCodeAt(0))));
};

const json = async (response) => {
  const told = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(told.error_description || "The identity provider refused this sign-in.");
  return told;
};

const answerFrom = (window_, state) =>
  new Promise((resolve, reject) => {
    const channel = new BroadcastChannel("signed-in");
    const watch = setInterval(() => window_.closed && done(reject, new Error("The sign-in window was closed.")), 500);
    const done = (end, value) => {
      clearInterval(watch);
      channel.close();
      end(value);
    };
    channel.onmessage = ({ data }) => {
      if (data.state !== state) return;
      if (data.code) done(resolve, data.code);
      else done(reject, new Error("The identity provider let nobody in."));
    };
  });

/** Return { signIn, signOut, token, claims }. `told`: { issuer, client, redirect }. */
export const openIdClient = ({ issuer, client, redirect }) => {
  let idToken = null;
  let claims = null;

  const signIn = async () => {
    // Opened at once, by the click itself: later it would be a pop-up that browsers block.
    const opened = window.open("about:blank", "sign-in", "popup,width=520,height=760");
    if (!opened) throw new Error("The browser blocked the sign-in window. Allow it, and sign in again.");
    const [verifier, state, nonce] = [random(), random(), random()];
    const provider = await json(await fetch(`${issuer}/.well-known/openid-configuration`, { cache: "no-store" }));
    const query = new URLSearchParams({
      response_type: "code",
      client_id: client,
      redirect_uri: redirect,
      scope: "openid",
      state,
      nonce,
      code_challenge: await challengeOf(verifier),
      code_challenge_method: "S256",
    });
    const answer = answerFrom(opened, state);
    opened.location.replace(`${provider.authorization_endpoint}?${query}`);
    const form = { grant_type: "authorization_code", code: await answer, redirect_uri: redirect, client_id: client };
    const body = new URLSearchParams({ ...form, code_verifier: verifier });
    const found = await json(await fetch(provider.token_endpoint, { method: "POST", body, cache: "no-store" }));
    const read = claimsOf(found.id_token);
    if (read.nonce !== nonce) throw new Error("That answer belongs to another sign-in. Sign in again.");
    [idToken, claims] = [found.id_token, read];
  };

  return {
    signIn,
    signOut: () => ([idToken, claims] = [null, null]),
    token: async () => (claims && claims.exp * 1000 > Date.now() ? idToken : null),
    claims: () => claims,
  };
};
