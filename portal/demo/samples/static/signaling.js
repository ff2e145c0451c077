// Offers, answers and candidates over a signaling channel: JSON with a base64 payload, as Kinesis Video has it.
const packed = (payload) => btoa(String.fromCharCode(...new TextEncoder().encode(JSON.stringify(payload))));

const unpacked = (text) =>
  JSON.parse(new TextDecoder().decode(Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0))));

/**
 * Open the channel. `heard(kind, payload, from)` gets SDP_OFFER, SDP_ANSWER and ICE_CANDIDATE; `closed()` comes once.
 * Resolves when it is open; rejects when it can't be.
 */
export const openSignaling = (address, { heard, closed }) =>
  new Promise((resolve, reject) => {
    const socket = new WebSocket(address);
    let isOpen = false;
    socket.onopen = () => {
      isOpen = true;
      resolve({
        send: (action, payload, to) => {
          if (socket.readyState !== WebSocket.OPEN) return;
          socket.send(JSON.stringify({ action, messagePayload: packed(payload), ...(to && { recipientClientId: to }) }));
        },
        close: () => socket.close(),
      });
    };
    socket.onmessage = ({ data }) => {
      // The service sends empty frames to keep the connection.
      if (!data) return;
      const { messageType, messagePayload, senderClientId } = JSON.parse(data);
      if (messagePayload) heard(messageType, unpacked(messagePayload), senderClientId);
    };
    socket.onclose = () => {
      if (isOpen) closed();
      else reject(new Error("The signaling channel did not open: AWS refused, or did not answer."));
    };
  });
