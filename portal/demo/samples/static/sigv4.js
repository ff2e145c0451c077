// AWS Signature Version 4 with the browser's own cryptography: a signed call, and a presigned address.
// Source: IAM User Guide, "Create a signed AWS API request". Paths here are plain, so they are encoded once.
const encoder = new TextEncoder();
const ALGORITHM = "AWS4-HMAC-SHA256";

const hex = (buffer) => Array.from(new Uint8Array(buffer), (byte) => byte.toString(16).padStart(2, "0")).join("");

const sha256 = async (text) => hex(await crypto.subtle.digest("SHA-256", encoder.encode(text)));

const hmac = async (key, text) => {
  const imported = await crypto.subtle.importKey("raw", key, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  return crypto.subtle.sign("HMAC", imported, encoder.encode(text));
};

// encodeURIComponent leaves !'()* alone; AWS does not.
const encoded = (text) =>
  encodeURIComponent(text).replace(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);

const byCode = (one, other) => (one < other ? -1 : Number(one > other));

const queryOf = (pairs) =>
  pairs
    .map(([name, value]) => `${encoded(name)}=${encoded(value)}`)
    .sort(byCode)
    .join("&");

const stampOf = (at) => at.toISOString().replace(/[-:]|\.\d{3}/g, "");

const signatureOf = async (canonical, { secretAccessKey }, stamp, region, service) => {
  const scope = `${stamp.slice(0, 8)}/${region}/${service}/aws4_request`;
  const text = [ALGORITHM, stamp, scope, await sha256(canonical)].join("\n");
  let key = encoder.encode(`AWS4${secretAccessKey}`);
  for (const part of scope.split("/")) key = await hmac(key, part);
  return hex(await hmac(key, text));
};

const scopeOf = (credentials, stamp, region, service) =>
  `${credentials.accessKeyId}/${stamp.slice(0, 8)}/${region}/${service}/aws4_request`;

/** Return the headers that sign `POST url` with this JSON body. `host` is the browser's to send. */
export const signedHeaders = async ({ url, body, credentials, region, service, at = new Date() }) => {
  const { host, pathname } = new URL(url);
  const stamp = stampOf(at);
  const headers = {
    "content-type": "application/json",
    host,
    "x-amz-date": stamp,
    "x-amz-security-token": credentials.sessionToken,
  };
  const names = Object.keys(headers).join(";");
  const lines = Object.entries(headers).map(([name, value]) => `${name}:${value}\n`);
  const canonical = ["POST", pathname, "", lines.join(""), names, await sha256(body)].join("\n");
  const signature = await signatureOf(canonical, credentials, stamp, region, service);
  const scope = scopeOf(credentials, stamp, region, service);
  const { host: _, ...sent } = headers;
  return {
    ...sent,
    authorization: `${ALGORITHM} Credential=${scope}, SignedHeaders=${names}, Signature=${signature}`,
  };
};

/** Return `url` with a signature in its query: good for `seconds`, and a secret until then. */
export const presigned = async ({ url, query, credentials, region, service, seconds = 299, at = new Date() }) => {
  const { protocol, host, pathname } = new URL(url);
  const stamp = stampOf(at);
  const asked = queryOf([
    ...Object.entries(query),
    ["X-Amz-Algorithm", ALGORITHM],
    ["X-Amz-Credential", scopeOf(credentials, stamp, region, service)],
    ["X-Amz-Date", stamp],
    ["X-Amz-Expires", String(seconds)],
    ["X-Amz-Security-Token", credentials.sessionToken],
    ["X-Amz-SignedHeaders", "host"],
  ]);
  const canonical = ["GET", pathname, asked, `host:${host}\n`, "host", await sha256("")].join("\n");
  const signature = await signatureOf(canonical, credentials, stamp, region, service);
  return `${protocol}//${host}${pathname}?${asked}&X-Amz-Signature=${signature}`;
};
