// Short-lived AWS credentials for a browser app, from Sallyport. An ES module without dependencies: copy it into your
// app, or import it from the portal. Nothing is kept but in this page's memory: no storage, no cookie, no URL.
//
//   import { sallyportCredentials } from "./sallyport-credentials.js";
//
//   const credentials = sallyportCredentials({
//     portal: "https://access.example.com",           // the origin of this page stands in SALLYPORT_BROWSER_ORIGINS there
//     role: "arn:aws:iam::123456789012:role/Camera",  // or the role's id in the portal
//     token: async () => idToken,                     // asked for each time; your sign-in keeps it fresh
//     kind: "cognito",                                // or "web-identity", as the role is defined
//   });
//   const client = new KinesisVideoClient({ region, credentials });  // AWS SDK for JavaScript v3
//
// `credentials()` gives { accessKeyId, secretAccessKey, sessionToken, expiration: Date }, and fetches only when it
// must: once for all who ask at the same time, and again 5 minutes before the end (a quarter of the lifetime before it,
// where that is shorter). `credentials({ forceRefresh: true })` fetches in any case. `credentials.forget()` drops what is
// held: call it at sign-out. A portal that is busy or away is asked again, as it says in Retry-After; meanwhile what
// still works is handed out. A refusal is a SallyportError at once: its `message` is a sentence for the person.
const MINUTE = 60_000;
const MARGIN = 5 * MINUTE;
const SHARE = 4; // of a lifetime: how much is left when the next fetch begins
const TRIES = 4;
const SOON = 5_000; // until the next try, while what is held works
const LONGEST_WAIT = 30_000;
const ANSWER_WITHIN = 20_000;
const KINDS = ["cognito", "web-identity"];

/**
 * Why there are no credentials. `code`: the portal's (such as "not_found", "conflict", "busy"), or "no_token",
 * "unreachable", "unusable_answer", "clock", "forgotten". `status`: HTTP's, 0 without an answer. `retryable`: the same may work later.
 */
export class SallyportError extends Error {
  constructor(message, { code, status = 0, retryable = false, retryAfter = 0, cause } = {}) {
    super(message, { cause });
    this.name = "SallyportError";
    this.code = code;
    this.status = status;
    this.retryable = retryable;
    this.retryAfter = retryAfter; // milliseconds; 0: the portal said nothing of it
  }
}

/**
 * Make a credentials provider in the shape of the AWS SDK for JavaScript v3.
 *
 * @param {object} told
 * @param {string} told.portal the portal's address: https, or plain http on this machine
 * @param {string} told.role the role's ARN, or its id in the portal
 * @param {() => Promise<string>} told.token gives the ID token of who is signed in to the app
 * @param {"cognito" | "web-identity"} [told.kind] by which call the role gives its credentials
 * @param {object} [told.means] fetch, now and sleep, for tests
 */
export const sallyportCredentials = ({ portal, role, token, kind = "cognito", means = {} }) => {
  if (!KINDS.includes(kind)) throw new TypeError(`kind is one of: ${KINDS.join(", ")}`);
  if (typeof token !== "function") throw new TypeError("token is a function that gives an ID token");
  if (!role) throw new TypeError("role is the ARN of a role, or its id");
  const door = addressOf(portal, kind);
  const now = means.now ?? Date.now;
  let held = null; // { credentials, renewAt }
  let underWay = null;
  let age = 0; // grows when all is forgotten: what comes later is not kept

  const fetchOnce = async (tries) => {
    const began = age;
    const answer = await askPatiently(() => exchange(door, role, token, means), tries, means);
    const found = read(answer, now());
    if (began !== age) throw new SallyportError("Signed out meanwhile.", { code: "forgotten" });
    held = found;
    return found.credentials;
  };

  const renew = (tries) => {
    if (underWay) return underWay;
    const flight = fetchOnce(tries).finally(() => {
      if (underWay === flight) underWay = null;
    });
    underWay = flight;
    return flight;
  };

  const provider = async ({ forceRefresh = false } = {}) => {
    if (held && !forceRefresh && now() < held.renewAt) return held.credentials;
    const before = held;
    const works = () => before !== null && before === held && now() < before.credentials.expiration.getTime();
    try {
      return await renew(works() && !forceRefresh ? 1 : TRIES);
    } catch (problem) {
      // While the portal is away, what works still works, and it is asked again a little later. A refusal is final.
      if (problem.retryable && works() && !forceRefresh) {
        before.renewAt = now() + (problem.retryAfter || SOON);
        return before.credentials;
      }
      if (!problem.retryable && before === held) held = null;
      throw problem;
    }
  };
  provider.forget = () => {
    held = null;
    underWay = null;
    age += 1;
  };
  return provider;
};

const addressOf = (portal, kind) => {
  const address = new URL(`/api/v1/exchange/${kind}`, portal);
  const isLocal = ["localhost", "127.0.0.1", "[::1]"].includes(address.hostname);
  if (address.protocol !== "https:" && !(address.protocol === "http:" && isLocal)) {
    throw new TypeError("portal is an https address: an ID token goes there");
  }
  return address.href;
};

const exchange = async (door, role, token, means) => {
  const call = means.fetch ?? globalThis.fetch.bind(globalThis);
  const idToken = await tokenFrom(token);
  let response;
  try {
    response = await call(door, {
      method: "POST",
      headers: { "Content-Type": "application/json", Accept: "application/json" },
      body: JSON.stringify({ role, token: idToken }),
      mode: "cors",
      credentials: "omit",
      cache: "no-store",
      redirect: "error",
      referrerPolicy: "no-referrer",
      signal: AbortSignal.timeout(ANSWER_WITHIN),
    });
  } catch (cause) {
    const message = "The access portal did not answer. Check the connection, then try again.";
    throw new SallyportError(message, { code: "unreachable", retryable: true, cause });
  }
  if (!response.ok) throw await refusal(response);
  try {
    return await response.json();
  } catch (cause) {
    throw unusable(cause, response.status);
  }
};

const tokenFrom = async (token) => {
  let found;
  try {
    found = await token();
  } catch (cause) {
    throw new SallyportError("Your sign-in is over. Sign in again.", { code: "no_token", cause });
  }
  if (!found) throw new SallyportError("Nobody is signed in. Sign in first.", { code: "no_token" });
  return found;
};

const refusal = async (response) => {
  let problem = {};
  try {
    problem = await response.json();
  } catch {
    // A proxy in between answers with a page of its own.
  }
  const { status } = response;
  return new SallyportError(problem.detail || `The access portal answered ${status} and did not say why.`, {
    code: problem.code || `http_${status}`,
    status,
    retryable: problem.retryable === true || [429, 502, 503, 504].includes(status),
    retryAfter: pauseOf(response.headers.get("Retry-After")),
  });
};

// RFC 9110, 10.2.3: seconds, or a date.
const pauseOf = (header) => {
  if (!header) return 0;
  const milliseconds = /^\d+$/.test(header.trim()) ? Number(header) * 1000 : Date.parse(header) - Date.now();
  return Math.max(0, milliseconds || 0);
};

const askPatiently = async (ask, tries, means) => {
  const sleep = means.sleep ?? ((milliseconds) => new Promise((done) => setTimeout(done, milliseconds)));
  for (let tried = 1; ; tried += 1) {
    try {
      return await ask();
    } catch (problem) {
      const pause = problem.retryAfter || 500 * 2 ** tried * (0.5 + Math.random() / 2);
      if (!problem.retryable || tried === tries || pause > LONGEST_WAIT) throw problem;
      await sleep(pause);
    }
  }
};

const read = (answer, at) => {
  const ends = [answer?.Expiration, answer?.WorksUntil].filter(Boolean).map((each) => Date.parse(each));
  const credentials = Object.freeze({
    accessKeyId: answer?.AccessKeyId,
    secretAccessKey: answer?.SecretAccessKey,
    sessionToken: answer?.SessionToken,
    expiration: new Date(Math.min(...ends)),
  });
  const { accessKeyId, secretAccessKey, sessionToken } = credentials;
  const lifetime = credentials.expiration.getTime() - at;
  if (!accessKeyId || !secretAccessKey || !sessionToken || Number.isNaN(lifetime) || !ends.length) throw unusable();
  if (lifetime <= 0) {
    throw new SallyportError("These credentials are over already. Is this device's clock right?", { code: "clock" });
  }
  return { credentials, renewAt: at + lifetime - Math.min(MARGIN, lifetime / SHARE) };
};

const unusable = (cause, status = 200) =>
  new SallyportError("The access portal's answer can't be read.", { code: "unusable_answer", status, cause });
