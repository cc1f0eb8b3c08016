import { OperationalError } from "../../shared/errors.ts";
import type { Clock } from "../../shared/platform/ports.ts";
import { withDeadline } from "../../shared/time/deadline.ts";
import type { AgentMessage__Output } from "../../shared/wire/generated/telltale/v1/AgentMessage.ts";
import type { Hello__Output } from "../../shared/wire/generated/telltale/v1/Hello.ts";
import { PROTOCOL_VERSION } from "../../shared/wire/proto.ts";
import {
  AGENT_VERSION_LENGTH_MAX,
  HELLO_TIMEOUT_MS,
  INTERVAL_MS_MAX,
  NODE_BYTES_MAX,
} from "./limits.ts";

type Kind = Hello__Output["kind"];

/** Text that can be shown: no control characters, nothing that turns the direction of writing. */
const PRINTABLE = /^[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Co}\p{Cn}]+$/u;
const STREAM_ID = /^[0-9a-f]{32}$/;

/**
 * The first message of a stream of one of the kinds, checked.
 * @throws OperationalError PROTOCOL when it is no hello or not a valid one, UNAVAILABLE when none
 * comes in time
 */
export async function receiveHello(
  peer: string,
  messages: AsyncIterator<AgentMessage__Output>,
  clock: Clock,
  kinds: readonly Kind[],
): Promise<Hello__Output> {
  const late = () => new OperationalError("UNAVAILABLE", `${peer} said no hello in time`);
  const deadline = { clock, ms: HELLO_TIMEOUT_MS, late };
  const { done, value } = await withDeadline(deadline, () => messages.next());
  if (done === true || !value.hello) {
    throw new OperationalError("PROTOCOL", `${peer} does not begin with a hello`);
  }
  return checkedHello(peer, value.hello, kinds);
}

/** @throws OperationalError PROTOCOL */
function checkedHello(peer: string, hello: Hello__Output, kinds: readonly Kind[]): Hello__Output {
  const { protocolVersion, kind, node, streamId, agentVersion, intervalMs } = hello;
  if (protocolVersion !== PROTOCOL_VERSION) {
    const here = `this aggregator version ${PROTOCOL_VERSION}`;
    throw refusal(peer, `speaks protocol version ${protocolVersion}, ${here}`);
  }
  if (!kinds.includes(kind)) throw refusal(peer, `wants to send ${kind}, which is not taken here`);
  const nodeBytes = Buffer.byteLength(node);
  if (nodeBytes > NODE_BYTES_MAX || !PRINTABLE.test(node)) {
    const shown = JSON.stringify(node.slice(0, NODE_BYTES_MAX));
    throw refusal(peer, `has a node name of ${nodeBytes} bytes that is not usable: ${shown}`);
  }
  if (!STREAM_ID.test(streamId)) {
    throw refusal(peer, `has the stream id ${JSON.stringify(streamId.slice(0, 64))}`);
  }
  if (agentVersion.length > AGENT_VERSION_LENGTH_MAX || !PRINTABLE.test(agentVersion)) {
    throw refusal(peer, `has an agent version of ${agentVersion.length} characters`);
  }
  if (intervalMs < 1 || intervalMs > INTERVAL_MS_MAX) {
    throw refusal(peer, `has an interval of ${intervalMs} ms`);
  }
  return hello;
}

function refusal(peer: string, why: string): OperationalError {
  return new OperationalError("PROTOCOL", `Agent at ${peer} ${why}`);
}
