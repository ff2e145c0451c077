// The three calls of Kinesis Video Streams that WebRTC needs, and the address of the signaling channel.
// Source: Kinesis Video Streams with WebRTC Developer Guide, "WebRTC signaling WebSocket APIs".
import { presigned, signedHeaders } from "./sigv4.js";

const SERVICE = "kinesisvideo";

/** AWS said no. `message` is its own sentence. */
export class AwsRefusal extends Error {
  constructor(action, status, told) {
    super(told.message || told.Message || `AWS answered ${status}`);
    this.name = "AwsRefusal";
    this.action = action;
    this.status = status;
  }
}

/** `credentials`: the provider, asked before each call; `place`: { aws, region }. */
export const kinesisVideo = (credentials, { aws, region }) => {
  const call = async (endpoint, action, asked) => {
    const url = new URL(action, endpoint).href;
    const body = JSON.stringify(asked);
    const headers = await signedHeaders({ url, body, credentials: await credentials(), region, service: SERVICE });
    const response = await fetch(url, { method: "POST", headers, body, credentials: "omit", cache: "no-store" });
    const told = await response.json().catch(() => ({}));
    if (!response.ok) throw new AwsRefusal(action, response.status, told);
    return told;
  };

  const channel = async (name) =>
    (await call(aws, "/describeSignalingChannel", { ChannelName: name })).ChannelInfo.ChannelARN;

  const endpoints = async (arn, role) => {
    const wanted = { Protocols: ["WSS", "HTTPS"], Role: role };
    const asked = { ChannelARN: arn, SingleMasterChannelEndpointConfiguration: wanted };
    const told = await call(aws, "/getSignalingChannelEndpoint", asked);
    return Object.fromEntries(told.ResourceEndpointList.map((each) => [each.Protocol, each.ResourceEndpoint]));
  };

  const iceServers = async (endpoint, arn) => {
    const told = await call(endpoint, "/v1/get-ice-server-config", { ChannelARN: arn });
    const found = told.IceServerList ?? [];
    return found.map((each) => ({ urls: each.Uris, username: each.Username, credential: each.Password }));
  };

  const address = async (endpoint, arn, clientId) => {
    const query = { "X-Amz-ChannelARN": arn, ...(clientId && { "X-Amz-ClientId": clientId }) };
    return presigned({ url: endpoint, query, credentials: await credentials(), region, service: SERVICE });
  };

  return { channel, endpoints, iceServers, address };
};
