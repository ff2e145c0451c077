// Run by test_credentials_module.py, with node's own test runner. Time stands still unless a test moves it.
import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { pathToFileURL } from "node:url";

const { SallyportError, sallyportCredentials } = await import(pathToFileURL(process.env.CREDENTIALS_MODULE));

const ROLE = "arn:aws:iam::333344445555:role/sallyport/Camera";
const START = Date.parse("2026-11-21T10:00:00Z");
let world;

beforeEach(() => {
  world = { at: START, asked: [], slept: [], tokens: 0, answers: [] };
});

const answered = (key, seconds, more = {}) => ({
  status: 200,
  body: {
    AccessKeyId: key,
    SecretAccessKey: `secret of ${key}`,
    SessionToken: `token of ${key}`,
    Expiration: new Date(world.at + seconds * 1000).toISOString(),
    ...more,
  },
});

const refused = (status, code, detail, headers = {}, more = {}) => ({
  status,
  headers,
  body: { code, detail, status, ...more },
});

const means = () => ({
  now: () => world.at,
  sleep: async (milliseconds) => world.slept.push(milliseconds),
  fetch: async (url, options) => {
    world.asked.push({ url, options });
    const next = world.answers.shift();
    await world.gate;
    if (next === undefined) throw new TypeError("Failed to fetch");
    return new Response(typeof next.body === "string" ? next.body : JSON.stringify(next.body), next);
  },
});

const provider = (more = {}) =>
  sallyportCredentials({
    portal: "https://access.example.com",
    role: ROLE,
    token: async () => `id-token-${(world.tokens += 1)}`,
    means: means(),
    ...more,
  });

const minutes = (count) => (world.at += count * 60_000);
const problemOf = async (promise) => {
  try {
    await promise;
  } catch (problem) {
    return problem;
  }
  return assert.fail("it was not refused");
};

test("the shape is that of the AWS SDK, and the exchange carries role and token in its body alone", async () => {
  world.answers = [answered("ASIA1", 3600)];
  const found = await provider()();
  assert.deepEqual(Object.keys(found), ["accessKeyId", "secretAccessKey", "sessionToken", "expiration"]);
  assert.equal(found.accessKeyId, "ASIA1");
  assert.equal(found.expiration.getTime(), START + 3_600_000);
  const [{ url, options }] = world.asked;
  assert.equal(url, "https://access.example.com/api/v1/exchange/cognito");
  assert.deepEqual(JSON.parse(options.body), { role: ROLE, token: "id-token-1" });
  assert.equal(options.method, "POST");
  assert.equal(options.credentials, "omit");
  assert.equal(options.redirect, "error");
  assert.equal(options.cache, "no-store");
  assert.equal(options.referrerPolicy, "no-referrer");
});

test("the other kind has a door of its own", async () => {
  world.answers = [answered("ASIA1", 3600)];
  await provider({ kind: "web-identity" })();
  assert.equal(world.asked[0].url, "https://access.example.com/api/v1/exchange/web-identity");
});

test("an hour is fetched anew 5 minutes before its end, not before", async () => {
  world.answers = [answered("ASIA1", 3600)];
  const credentials = provider();
  await credentials();
  minutes(54.9);
  assert.equal((await credentials()).accessKeyId, "ASIA1");
  minutes(0.1);
  world.answers = [answered("ASIA2", 3600)];
  assert.equal((await credentials()).accessKeyId, "ASIA2");
  assert.equal(world.asked.length, 2);
  assert.equal(world.tokens, 2);
});

test("a short lifetime is fetched anew when a quarter of it is left", async () => {
  world.answers = [answered("ASIA1", 20)];
  const credentials = provider();
  await credentials();
  world.at += 14_900;
  assert.equal((await credentials()).accessKeyId, "ASIA1");
  world.at += 100;
  world.answers = [answered("ASIA2", 20)];
  assert.equal((await credentials()).accessKeyId, "ASIA2");
});

test("what the grant's end cuts short is over then, whatever AWS's own time says", async () => {
  const cut = new Date(START + 600_000).toISOString();
  world.answers = [answered("ASIA1", 3600, { WorksUntil: cut })];
  assert.equal((await provider()()).expiration.toISOString(), cut);
});

test("many who ask at once are one call", async () => {
  let open;
  world.gate = new Promise((done) => (open = done));
  world.answers = [answered("ASIA1", 3600)];
  const credentials = provider();
  const all = Promise.all(Array.from({ length: 50 }, () => credentials()));
  open();
  assert.deepEqual(new Set((await all).map((each) => each.accessKeyId)), new Set(["ASIA1"]));
  assert.equal(world.asked.length, 1);
});

test("forceRefresh fetches though what is held works", async () => {
  world.answers = [answered("ASIA1", 3600), answered("ASIA2", 3600)];
  const credentials = provider();
  await credentials();
  assert.equal((await credentials({ forceRefresh: true })).accessKeyId, "ASIA2");
  assert.equal((await credentials()).accessKeyId, "ASIA2");
});

test("a busy portal is asked again when it said", async () => {
  world.answers = [
    refused(503, "busy", "AWS is asked too often now.", { "Retry-After": "3" }, { retryable: true }),
    refused(429, "too_many", "Too many tries from here.", { "Retry-After": "7" }),
    answered("ASIA1", 3600),
  ];
  assert.equal((await provider()()).accessKeyId, "ASIA1");
  assert.deepEqual(world.slept, [3000, 7000]);
});

test("who shall wait long is told, not kept waiting", async () => {
  world.answers = [refused(429, "too_many", "Wait 5 minutes.", { "Retry-After": "300" })];
  const problem = await problemOf(provider()());
  assert.deepEqual([problem.code, problem.retryAfter, problem.retryable], ["too_many", 300_000, true]);
  assert.deepEqual(world.slept, []);
});

test("a portal that is away is tried four times, ever later, then named", async () => {
  const problem = await problemOf(provider()());
  assert.equal(problem.code, "unreachable");
  assert.match(problem.message, /did not answer/);
  assert.equal(world.asked.length, 4);
  const [first, second, third] = world.slept;
  assert.ok(500 <= first && first <= 1000 && second <= 2000 && third <= 4000 && first < third, world.slept);
});

test("while it is away what still works is handed out, with one try in five seconds", async () => {
  world.answers = [answered("ASIA1", 3600)];
  const credentials = provider();
  await credentials();
  minutes(56);
  assert.equal((await credentials()).accessKeyId, "ASIA1");
  assert.equal((await credentials()).accessKeyId, "ASIA1");
  assert.equal(world.asked.length, 2);
  assert.deepEqual(world.slept, []);
  world.at += 5_000;
  world.answers = [answered("ASIA2", 3600)];
  assert.equal((await credentials()).accessKeyId, "ASIA2");
});

test("what is over is never handed out, also when the portal is away", async () => {
  world.answers = [answered("ASIA1", 60)];
  const credentials = provider();
  await credentials();
  minutes(1);
  assert.equal((await problemOf(credentials())).code, "unreachable");
});

test("a refusal is final at once, in the portal's words, though what is held would still work", async () => {
  const ended = "This grant ended at 10:30. Ask for it again.";
  world.answers = [answered("ASIA1", 3600), refused(409, "conflict", ended)];
  const credentials = provider();
  await credentials();
  minutes(56);
  const problem = await problemOf(credentials());
  assert.ok(problem instanceof SallyportError);
  assert.equal(problem.message, ended);
  assert.deepEqual([problem.code, problem.status, problem.retryable], ["conflict", 409, false]);
  assert.deepEqual(world.slept, []);
  // Nothing is held any more: the next one asks again and hears the same.
  world.answers = [refused(409, "conflict", ended)];
  assert.equal((await problemOf(credentials())).message, ended);
  assert.equal(world.asked.length, 3);
});

test("a refusal that is no problem document is still a sentence", async () => {
  world.answers = [{ status: 403, body: "<html>proxy</html>" }];
  const problem = await problemOf(provider()());
  assert.equal(problem.message, "The access portal answered 403 and did not say why.");
  assert.equal(problem.code, "http_403");
});

test("nobody signed in: the portal isn't asked", async () => {
  assert.equal((await problemOf(provider({ token: async () => "" })())).code, "no_token");
  const broken = async () => {
    throw new Error("session over");
  };
  assert.equal((await problemOf(provider({ token: broken })())).code, "no_token");
  assert.equal(world.asked.length, 0);
});

test("an answer without all its parts is no credential", async () => {
  for (const body of ["no json", { AccessKeyId: "ASIA1" }, { ...answered("A", 60).body, Expiration: "soon" }, null]) {
    world.answers = [{ status: 200, body: body === null ? "null" : body }];
    assert.equal((await problemOf(provider()())).code, "unusable_answer");
  }
  world.answers = [answered("ASIA1", -1)];
  assert.equal((await problemOf(provider()())).code, "clock");
});

test("after a sign-out nothing is held, nor what comes late", async () => {
  world.answers = [answered("ASIA1", 3600), answered("ASIA2", 3600), answered("ASIA3", 3600)];
  const credentials = provider();
  await credentials();
  credentials.forget();
  let open;
  world.gate = new Promise((done) => (open = done));
  const late = problemOf(credentials());
  await new Promise((done) => setImmediate(done));
  credentials.forget();
  open();
  assert.equal((await late).code, "forgotten");
  assert.equal((await credentials()).accessKeyId, "ASIA3");
});

test("an ID token goes nowhere in the clear", () => {
  assert.throws(() => provider({ portal: "http://access.example.com" }), /https/);
  assert.doesNotThrow(() => provider({ portal: "http://localhost:8000" }));
  assert.throws(() => provider({ kind: "saml" }), /cognito, web-identity/);
  assert.throws(() => provider({ token: "eyJ…" }), /function/);
  assert.throws(() => provider({ role: "" }), /role/);
});

test("credentials can't be changed by who got them", async () => {
  world.answers = [answered("ASIA1", 3600)];
  const found = await provider()();
  assert.throws(() => {
    found.accessKeyId = "AKIA";
  }, TypeError);
});
