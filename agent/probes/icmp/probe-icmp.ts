import { randomInt } from "node:crypto";
import type { IcmpModule } from "../config/probe-config.ts";
import { addressBytes } from "../net/address-hash.ts";
import { chooseAddress } from "../net/choose-address.ts";
import type { ProbeRun, Prober } from "../probe-run.ts";
import { type Echo, echoRequest, isReplyTo } from "./echo-packet.ts";
import { IcmpSocket, type Received } from "./icmp-socket.ts";

const PAYLOAD = Buffer.from("Telltale asks for an echo...");
/** Between two looks; what is told is when the kernel got the packet. */
const POLL_MS_MIN = 1;
const POLL_MS_MAX = 50;
/** Others' packets that a raw socket sees, which one look may pass over. */
const PACKETS_MAX = 1000;

export const probeIcmp: Prober<IcmpModule> = async (address, module, run) => {
  const { page, clock } = run;
  for (const phase of ["resolve", "setup", "rtt"]) {
    page.set("probe_icmp_duration_seconds", 0, { phase });
  }
  const { ip, seconds } = await chooseAddress(address.replace(/^\[|\]$/g, ""), module.ip, run);
  page.set("probe_icmp_duration_seconds", seconds, { phase: "resolve" });
  const beganMs = clock.monotonicMs();
  const family = ip.includes(":") ? 6 : 4;
  const { sourceAddress, ttl, dontFragment } = module;
  using socket = new IcmpSocket({ family, sourceAddress, ttl, dontFragment });
  const echo: Echo = {
    family,
    id: randomInt(2 ** 16),
    sequence: randomInt(2 ** 16),
    payload: payloadOf(module.payloadBytes),
  };
  const request = echoRequest(echo);
  const setupMs = clock.monotonicMs() - beganMs;
  page.set("probe_icmp_duration_seconds", setupMs / 1000, { phase: "setup" });
  const sentMs = clock.monotonicMs();
  const sentNs = socket.send(request, ip);
  const reply = await replyTo(echo, addressBytes(ip), socket, run);
  const rtt =
    reply.receivedNs === null
      ? (clock.monotonicMs() - sentMs) / 1000
      : Number(reply.receivedNs - sentNs) / 1e9;
  page.set("probe_icmp_duration_seconds", Math.max(rtt, 0), { phase: "rtt" });
  if (reply.hopLimit !== null) page.set("probe_icmp_reply_hop_limit", reply.hopLimit);
};

/** @throws the signal's reason */
async function replyTo(
  echo: Echo,
  from: Uint8Array,
  socket: IcmpSocket,
  { clock, signal }: ProbeRun,
): Promise<Received> {
  for (let waitMs = POLL_MS_MIN; ; waitMs = Math.min(waitMs * 2, POLL_MS_MAX)) {
    for (let seen = 0; seen < PACKETS_MAX; seen += 1) {
      const received = socket.receive();
      if (received === null) break;
      const isFromTarget = Buffer.from(from).equals(received.from);
      if (isFromTarget && isReplyTo(echo, received.packet, socket.isRaw)) return received;
    }
    await clock.sleep(waitMs, signal);
  }
}

function payloadOf(bytes: number): Buffer {
  if (bytes === 0) return PAYLOAD;
  const payload = Buffer.alloc(bytes);
  PAYLOAD.copy(payload);
  return payload;
}
