// The two ends of the connection. The camera answers whoever offers; the viewer offers. Candidates trickle.
const candidatesTo = (peer, send) => {
  peer.onicecandidate = ({ candidate }) => candidate && send("ICE_CANDIDATE", candidate.toJSON());
};

// A candidate may come before the description that it belongs to.
const waiting = (peer) => {
  const early = [];
  return {
    add: (candidate) => (peer.remoteDescription ? peer.addIceCandidate(candidate) : void early.push(candidate)),
    release: () => Promise.all(early.splice(0).map((each) => peer.addIceCandidate(each))),
  };
};

/** The camera's end for all viewers. `stream`: what they see; `changed(count)` when somebody came or went. */
export const cameraPeers = ({ iceServers, stream, send, changed, said }) => {
  const viewers = new Map();
  const count = () => changed([...viewers.values()].filter(({ peer }) => peer.connectionState === "connected").length);

  const drop = (id) => {
    viewers.get(id)?.peer.close();
    viewers.delete(id);
    count();
  };

  const welcome = async (id, offer) => {
    drop(id);
    const peer = new RTCPeerConnection({ iceServers });
    const viewer = { peer, candidates: waiting(peer) };
    viewers.set(id, viewer);
    candidatesTo(peer, (kind, payload) => send(kind, payload, id));
    peer.onconnectionstatechange = () => {
      if (["failed", "closed", "disconnected"].includes(peer.connectionState)) drop(id);
      else count();
    };
    peer.ondatachannel = ({ channel }) => {
      viewer.channel = channel;
      channel.onmessage = ({ data }) => said(String(data).slice(0, 80));
    };
    for (const track of stream.getTracks()) peer.addTrack(track, stream);
    await peer.setRemoteDescription(offer);
    await viewer.candidates.release();
    await peer.setLocalDescription();
    send("SDP_ANSWER", peer.localDescription.toJSON(), id);
  };

  return {
    heard: async (kind, payload, from) => {
      if (kind === "SDP_OFFER") await welcome(from, payload);
      if (kind === "ICE_CANDIDATE") await viewers.get(from)?.candidates.add(payload);
    },
    tell: (text) => {
      for (const { channel } of viewers.values()) if (channel?.readyState === "open") channel.send(text);
    },
    close: () => [...viewers.keys()].forEach(drop),
  };
};

/** A viewer's end. `shown(stream)`, `changed(state)` and `said(text)` tell what comes of it. */
export const viewerPeer = async ({ iceServers, send, shown, changed, said }) => {
  const peer = new RTCPeerConnection({ iceServers });
  const candidates = waiting(peer);
  const channel = peer.createDataChannel("harbour");
  channel.onmessage = ({ data }) => said(String(data).slice(0, 80));
  peer.addTransceiver("video", { direction: "recvonly" });
  peer.ontrack = ({ streams }) => shown(streams[0]);
  peer.onconnectionstatechange = () => changed(peer.connectionState);
  candidatesTo(peer, send);
  await peer.setLocalDescription();
  send("SDP_OFFER", peer.localDescription.toJSON());
  return {
    heard: async (kind, payload) => {
      if (kind === "SDP_ANSWER") {
        await peer.setRemoteDescription(payload);
        await candidates.release();
      }
      if (kind === "ICE_CANDIDATE") await candidates.add(payload);
    },
    tell: (text) => channel.readyState === "open" && channel.send(text),
    close: () => peer.close(),
  };
};
