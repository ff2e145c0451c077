// One page, two parts: the camera (master of the signaling channel) or a viewer. Credentials come from Sallyport's module;
// what is here shows how an app uses them, renews them, and ends when the portal says no.
import { AwsRefusal, kinesisVideo } from "./kinesis.js";
import { cameraPeers, viewerPeer } from "./peer.js";
import { harbour } from "./picture.js";
import { SallyportError, sallyportCredentials } from "./sallyport-credentials.js";
import { openIdClient } from "./sign-in.js";
import { openSignaling } from "./signaling.js";

const told = document.querySelector("main").dataset;
const isCamera = told.part === "camera";
const part = (name) => document.querySelector(`[data-${name}]`);
const CHECK_EVERY = 1_000;
const AGAIN_AFTER = 2_000;

const openId = openIdClient({
  issuer: told.issuer,
  client: told.client,
  redirect: new URL("/signed-in", location.href).href,
});
const credentials = sallyportCredentials({
  portal: told.portal,
  role: told.role,
  token: openId.token,
  kind: told.kind,
});
const video = kinesisVideo(credentials, { aws: told.aws, region: told.region });

let running = null; // { stop }
let known = null; // the credentials that the page showed last
let renewals = 0;

const clock = (at) => at.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit" });

const show = (name, text) => {
  part(name).textContent = text;
};

const note = (text, kind = "") => {
  const line = document.createElement("li");
  line.className = kind;
  const time = document.createElement("time");
  time.textContent = clock(new Date());
  line.append(time, " ", text);
  part("log").prepend(line);
  part("happened").hidden = false;
  while (part("log").children.length > 40) part("log").lastChild.remove();
};

const warn = (title, why) => {
  show("refused-title", title);
  show("refused-why", why);
  part("refused").hidden = false;
};

const showPerson = () => {
  const claims = openId.claims();
  show("person", claims ? `Signed in as ${claims.name ?? claims.sub}` : "Nobody is signed in.");
  part("sign-in").hidden = Boolean(claims);
  part("sign-out").hidden = !claims;
  part("start").hidden = !claims || running !== null;
  part("stop").hidden = running === null;
  if (!isCamera) part("wave").hidden = running === null;
};

const showCredentials = (found) => {
  if (found === known) return false;
  const first = known === null;
  known = found;
  renewals = first ? 0 : renewals + 1;
  show("key", found.accessKeyId);
  show("until", clock(found.expiration));
  show("renewals", String(renewals));
  part("credentials").hidden = false;
  note(`${first ? "Credentials fetched" : "Credentials renewed"}: they work until ${clock(found.expiration)}.`, "good");
  return !first;
};

// The picture goes from browser to browser: AWS can't end it, so the page does when the portal says no.
const end = (state) => {
  running?.stop();
  running = null;
  show("state", state);
  showPerson();
};

const refusedBy = (problem) => {
  if (problem instanceof SallyportError) return "The portal gives no credentials any more";
  return problem instanceof AwsRefusal ? "AWS refuses" : "That did not work";
};

const giveUp = (problem) => {
  const title = refusedBy(problem);
  if (!(problem instanceof SallyportError && problem.retryable)) credentials.forget();
  known = null;
  part("credentials").hidden = true;
  note(`${title}: ${problem.message}`, "bad");
  warn(title, problem.message);
  end("Ended");
};

// Every second it asks for credentials: nearly always those that it has. New ones are shown, and tried at AWS at once.
const keepFresh = () => {
  let stopped = false;
  const turn = async () => {
    if (stopped) return;
    try {
      const isNew = showCredentials(await credentials());
      if (isNew && !stopped) {
        await video.channel(told.channel);
        note("AWS took the renewed credentials.");
      }
    } catch (problem) {
      if (!stopped) giveUp(problem);
      return;
    }
    setTimeout(turn, CHECK_EVERY);
  };
  setTimeout(turn, CHECK_EVERY);
  return () => {
    stopped = true;
  };
};

const connect = async (role) => {
  showCredentials(await credentials());
  const arn = await video.channel(told.channel);
  const { WSS, HTTPS } = await video.endpoints(arn, role);
  const iceServers = await video.iceServers(HTTPS, arn);
  const clientId = role === "VIEWER" ? `viewer-${crypto.randomUUID()}` : "";
  return { iceServers, address: () => video.address(WSS, arn, clientId) };
};

// A signaling channel closes by itself now and then: then it is opened again, with an address signed anew.
const stayOpen = async (address, heard) => {
  let line = null;
  let stopped = false;
  const safely = (...message) => Promise.resolve(heard(...message)).catch((problem) => note(problem.message, "bad"));
  const open = async () => {
    line = await openSignaling(await address(), { heard: safely, closed: again });
  };
  const again = () => {
    if (stopped) return;
    note("The signaling channel closed; it is opened again.");
    setTimeout(() => !stopped && open().catch(again), AGAIN_AFTER);
  };
  await open();
  return {
    send: (...message) => line.send(...message),
    close: () => {
      stopped = true;
      line.close();
    },
  };
};

const film = async () => {
  const { iceServers, address } = await connect("MASTER");
  const picture = harbour(part("canvas"));
  let line = null;
  const peers = cameraPeers({
    iceServers,
    stream: picture.stream,
    send: (...message) => line.send(...message),
    changed: (count) => show("state", count === 1 ? "1 viewer is watching" : `${count} viewers are watching`),
    said: (text) => note(`A viewer says: ${text}`),
  });
  try {
    line = await stayOpen(address, peers.heard);
  } catch (problem) {
    picture.stop();
    throw problem;
  }
  show("state", "Waiting for viewers");
  const tell = setInterval(() => peers.tell(`Gate open, ${clock(new Date())}`), 1_000);
  return () => {
    clearInterval(tell);
    peers.close();
    line.close();
    picture.stop();
  };
};

const watch = async () => {
  const { iceServers, address } = await connect("VIEWER");
  let peer = null;
  const line = await stayOpen(address, (...message) => peer?.heard(...message));
  const screen = part("video");
  const words = { connecting: "Connecting", connected: "Connected", disconnected: "Interrupted", failed: "Lost" };
  peer = await viewerPeer({
    iceServers,
    send: (kind, payload) => line.send(kind, payload),
    shown: (stream) => {
      screen.srcObject = stream;
    },
    changed: (state) => show("state", words[state] ?? state),
    said: (text) => show("said", text),
  });
  part("wave").onclick = () => peer.tell("Ahoy!");
  return () => {
    peer.close();
    line.close();
    screen.srcObject = null;
    show("said", "");
  };
};

const start = async () => {
  part("refused").hidden = true;
  part("start").disabled = true;
  show("state", "Connecting");
  try {
    const stopPicture = await (isCamera ? film() : watch());
    const stopRenewing = keepFresh();
    running = { stop: () => [stopRenewing, stopPicture].forEach((each) => each()) };
    showPerson();
  } catch (problem) {
    giveUp(problem);
  } finally {
    part("start").disabled = false;
  }
};

part("sign-in").addEventListener("click", async () => {
  part("refused").hidden = true;
  try {
    await openId.signIn();
    note("Signed in: the page holds an ID token, in its memory alone.");
  } catch (problem) {
    warn("The sign-in did not work", problem.message);
  }
  showPerson();
});
part("sign-out").addEventListener("click", () => {
  end("Stopped");
  openId.signOut();
  credentials.forget();
  known = null;
  part("credentials").hidden = true;
  note("Signed out: ID token and credentials are forgotten.");
  showPerson();
});
part("start").addEventListener("click", start);
part("stop").addEventListener("click", () => end("Stopped"));
showPerson();
