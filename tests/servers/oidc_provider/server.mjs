// The certified OpenID provider as the tests use it: users and a client from the first argument (JSON), on 127.0.0.1.
// Its pages are two: a form for name and password, and its own question before a logout.
import { generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import { once } from 'node:events';
import Provider from 'oidc-provider';

const { port, issuer, client, users, mfa } = JSON.parse(process.argv[2]);
const SECONDS = 600;

function key(kid, type, options, alg) {
  const { privateKey } = generateKeyPairSync(type, options);
  return { ...privateKey.export({ format: 'jwk' }), kid, alg, use: 'sig' };
}

const provider = new Provider(issuer, {
  clients: [client],
  jwks: { keys: [key('rsa', 'rsa', { modulusLength: 2048 }, 'RS256'), key('ec', 'ec', { namedCurve: 'P-256' }, 'ES256')] },
  cookies: { keys: ['only-for-tests-on-this-machine'] },
  pkce: { required: () => true },
  scopes: ['openid', 'profile', 'email'],
  acrValues: [mfa],
  // What the ID token tells; the rest is userinfo's.
  claims: {
    openid: ['sub'], profile: ['name', 'preferred_username', 'groups'], email: ['email', 'email_verified'],
    acr: null, amr: null, auth_time: null, sid: null,
  },
  features: {
    devInteractions: { enabled: false },
    backchannelLogout: { enabled: true },
    rpInitiatedLogout: { enabled: true },
    claimsParameter: { enabled: true },
  },
  ttl: { AccessToken: SECONDS, AuthorizationCode: 60, IdToken: SECONDS, Interaction: SECONDS, Session: SECONDS, Grant: SECONDS },
  findAccount: (_, id) => users[id] && {
    accountId: id,
    claims: () => ({ sub: id, preferred_username: id, ...users[id].claims }),
  },
  // Nobody is asked for consent: the client is the company's own.
  loadExistingGrant: async (ctx) => {
    const { client: { clientId }, session: { accountId }, params } = ctx.oidc;
    const grant = new ctx.oidc.provider.Grant({ clientId, accountId });
    grant.addOIDCScope(params.scope);
    grant.addOIDCClaims(['acr', 'amr', 'auth_time', 'sid']);
    await grant.save();
    return grant;
  },
  // Its own way calls no address of this machine; the portal of the tests is at one.
  fetch: (url, { dispatcher: _, ...options }) => fetch(url, options),
  interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
  renderError: (ctx, out) => { ctx.type = 'text'; ctx.body = JSON.stringify(out); },
});
provider.on('server_error', (_, error) => console.error(error));
provider.on('backchannel.error', (_, error) => console.error('back-channel', error));
provider.on('backchannel.success', (_, to) => console.error('back-channel done', to.clientId));

const form = (problem) => `<!DOCTYPE html><title>Sign in at the provider</title><h1>Sign in at the provider</h1>
<p>${problem}</p><form method="post"><label>Name <input name="login"></label>
<label>Password <input name="password" type="password"></label><button>Sign in</button></form>`;

async function interact(req, res) {
  const { prompt, params } = await provider.interactionDetails(req, res);
  res.setHeader('Content-Type', 'text/html');
  if (req.method !== 'POST') return res.end(form(prompt.name));
  const sent = new URLSearchParams(Buffer.concat(await req.toArray()).toString());
  const user = users[sent.get('login')];
  if (!user || user.password !== sent.get('password')) return res.end(form('Wrong.'));
  const isMfa = (params.acr_values ?? '').split(' ').includes(mfa);
  const login = { accountId: sent.get('login'), amr: isMfa ? ['pwd', 'otp'] : ['pwd'], ...(isMfa ? { acr: mfa } : {}) };
  return provider.interactionFinished(req, res, { login }, { mergeWithLastSubmission: false });
}

const answer = provider.callback();
const server = createServer((req, res) => {
  if (!req.url.startsWith('/interaction/')) return answer(req, res);
  return interact(req, res).catch((error) => {
    console.error(error);
    res.statusCode = 500;
    res.end(String(error));
  });
});
server.listen(port, '127.0.0.1');
await once(server, 'listening');
console.error(`listening at ${issuer}`);
