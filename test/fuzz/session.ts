import { labelsOf } from "../../shared/model/labels.ts";
import { FrameEncoder } from "../../shared/wire/frame-encoder.ts";
import type { AgentMessage } from "../../shared/wire/generated/telltale/v1/AgentMessage.ts";
import { hello, table } from "../support/ingest-messages.ts";

/** The messages of one agent's stream, in order. */
export type Session = readonly AgentMessage[];

const SERIES = 40;
const TICKS = 30;
const TICKS_A_MESSAGE = 5;

/** What an agent with a few changing series says in half a minute, up to `nowMs`. */
export function encodedSession(node: string, streamId: string, nowMs: number): Session {
  const encoder = new FrameEncoder(1, { keyframeEvery: 10 });
  const slots = Array.from({ length: SERIES }, (_, index) => {
    return encoder.define(0, index % 3, labelsOf({ __name__: "fuzz_total", index: `${index}` }));
  });
  const messages: AgentMessage[] = [
    { hello: hello({ node, streamId, nowMs, oldestSeq: 1, newestSeq: 2 }) },
  ];
  let frames: Uint8Array[] = [];
  for (let tick = 1; tick <= TICKS; tick += 1) {
    for (const [index, slot] of slots.entries()) encoder.set(slot, tick * index);
    const frame = encoder.encodeTick(nowMs - (TICKS - tick) * 1000);
    if (frame.definitions.length > 0) messages.push(table(1, frame.definitions));
    frames.push(frame.bytes);
    if (tick % TICKS_A_MESSAGE > 0) continue;
    messages.push({ frames: { frame: frames } });
    frames = [];
  }
  return [...messages, { goodbye: { reason: "SIGTERM" } }];
}
