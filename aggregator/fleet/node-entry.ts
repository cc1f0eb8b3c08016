import { z } from "zod";
import type { Entry } from "../../shared/platform/ports.ts";
import type { NodeAccounts } from "./accounts-state.ts";

/**
 * What is kept of a node over a restart, as JSON under "n" and the node's name. `up` and `down` are
 * how it stood when that last changed; `awaited` is written for a node that never sent a tick.
 */
export type NodeEntry = {
  readonly name: string;
  readonly state: "awaited" | "up" | "down" | "left";
  /** Since when it stands so, Unix milliseconds. */
  readonly sinceMs: number;
  readonly agentVersion: string;
  readonly intervalMs: number;
  readonly accounts: NodeAccounts | null;
};

const COUNT = z.number().int();
const GAP = z.strictObject({ fromSeq: COUNT, toSeq: COUNT });
const ACCOUNTS = z.strictObject({
  streamId: z.string(),
  made: COUNT,
  stored: COUNT,
  waiting: COUNT,
  dropped: z.array(z.strictObject({ reason: z.string(), frames: COUNT })),
  toldMs: z.number(),
  offset: COUNT,
  arrived: COUNT,
  deficit: COUNT,
  floorSeq: COUNT,
  gaps: z.array(GAP),
  ranges: z.array(
    GAP.extend({
      id: COUNT,
      fromMs: z.number(),
      toMs: z.number(),
      reason: z.string(),
      frames: COUNT,
      samples: COUNT,
    }),
  ),
});

const VALUE = z.strictObject({
  state: z.enum(["awaited", "up", "down", "left"]),
  sinceMs: z.number(),
  agentVersion: z.string(),
  intervalMs: z.number().positive(),
  accounts: ACCOUNTS.nullable(),
});

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export const NODE_KEYS = { gte: encoder.encode("n"), lt: encoder.encode("o") };

export function encodeNodeEntry({ name, ...value }: NodeEntry): Entry {
  return [encoder.encode(`n${name}`), encoder.encode(JSON.stringify(value))];
}

/** Null when the entry is damaged. */
export function decodeNodeEntry([key, bytes]: Entry): NodeEntry | null {
  try {
    const value = VALUE.parse(JSON.parse(decoder.decode(bytes)));
    return { name: decoder.decode(key.subarray(1)), ...value };
  } catch {
    return null; // whatever is wrong with it, the caller sets it aside and counts it
  }
}
