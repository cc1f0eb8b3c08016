import { OperationalError } from "../../shared/errors.ts";
import { epochOfSeq, seqOf } from "../../shared/model/sequence.ts";
import { withDeadline } from "../../shared/time/deadline.ts";
import type { AggregatorMessage__Output } from "../../shared/wire/generated/telltale/v1/AggregatorMessage.ts";
import type { Welcome__Output } from "../../shared/wire/generated/telltale/v1/Welcome.ts";
import type { AgentConnection } from "../../shared/wire/ingest-connection.ts";
import { PROTOCOL_VERSION } from "../../shared/wire/proto.ts";
import { type Moment, momentOf } from "./clock-offset.ts";
import { SilenceError } from "./patience.ts";
import type { UplinkBuffer, UplinkDeps, UplinkKind, UplinkOptions } from "./ports.ts";

/** Frames in flight, whatever window an aggregator offers: each is remembered until its ack. */
const WINDOW_FRAMES_MAX = 4096;

type KindName = Pick<UplinkKind<never>, "name">;

/** A connection on which the aggregator has welcomed this agent. */
export type Greeting = {
  readonly connection: AgentConnection;
  readonly welcome: Welcome__Output;
  /** The rest of what the aggregator says. */
  readonly messages: AsyncIterator<AggregatorMessage__Output>;
  /** When the hello went out, and when the welcome came. */
  readonly sent: Moment;
  readonly got: Moment;
};

/**
 * Says hello and waits for the welcome, at most `welcomeMs`.
 * @throws SilenceError when nothing comes in time, OperationalError PROTOCOL when something else
 * does, and whatever the aggregator refuses the agent with
 */
export async function greet(
  connection: AgentConnection,
  { buffer, kind, clock }: Pick<UplinkDeps, "buffer" | "clock"> & { readonly kind: KindName },
  options: UplinkOptions,
  welcomeMs: number,
): Promise<Greeting> {
  const { oldestSeq, streamId } = buffer;
  const messages = connection.messages[Symbol.asyncIterator]();
  const first = messages.next();
  const { peer } = connection;
  const late = () => new SilenceError("UNAVAILABLE", `${peer} does not answer the hello`);
  const sent = momentOf(clock);
  const hello = {
    protocolVersion: PROTOCOL_VERSION,
    node: options.node,
    streamId,
    agentVersion: options.agentVersion,
    nowMs: sent.wallMs,
    intervalMs: options.intervalMs,
    oldestSeq,
    newestSeq: oldestSeq === 0 ? 0 : buffer.newestSeq,
    kind: kind.name,
  };
  const { done, value } = await withDeadline({ clock, ms: welcomeMs, late }, () => {
    // A refusal breaks the sending too, and says less there.
    const sending = connection.send({ hello }).then(() => first);
    return Promise.race([first, sending.catch(() => first)]);
  });
  if (done === true) {
    throw new OperationalError("UNAVAILABLE", `${peer} ended without a welcome`);
  }
  const welcome = checkedWelcome(peer, value);
  return { connection, welcome, messages, sent, got: momentOf(clock) };
}

function checkedWelcome(peer: string, message: AggregatorMessage__Output): Welcome__Output {
  const { welcome } = message;
  if (!welcome) throw new OperationalError("PROTOCOL", `${peer} does not begin with a welcome`);
  const { lastSeq, windowFrames } = welcome;
  if (!Number.isSafeInteger(lastSeq) || lastSeq < 0 || windowFrames < 1) {
    throw new OperationalError(
      "PROTOCOL",
      `${peer} welcomes with last sequence ${lastSeq} and a window of ${windowFrames}`,
    );
  }
  return { ...welcome, windowFrames: Math.min(windowFrames, WINDOW_FRAMES_MAX) };
}

/**
 * Whether the aggregator knows frames or series of this stream that the buffer never handed out:
 * then its disk went back in time, and sequences would be used twice for different frames.
 */
export function isForeign(
  { lastSeq, epoch, seriesKnown }: Pick<Welcome__Output, "lastSeq" | "epoch" | "seriesKnown">,
  { handedOutSeq }: Pick<UplinkBuffer, "handedOutSeq">,
): boolean {
  if (lastSeq > handedOutSeq || epoch > epochOfSeq(handedOutSeq)) return true;
  return seriesKnown > 0 && handedOutSeq === seqOf(epoch, 0);
}

/** As the agent counts what was refused for it. */
export function nameOfReason(reason: string): string {
  return reason.replace(/^REJECT_REASON_/, "").toLowerCase();
}
