import { z } from "zod";
import { jsonRecord } from "../../shared/platform/json-record.ts";
import type { Entry } from "../../shared/platform/ports.ts";
import type { NodeAccounts } from "./accounts-state.ts";

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

/** What is kept of a node over a restart, as JSON under "n" and the node's name. */
const VALUE = z.strictObject({
  /** How it stood when that last changed; `awaited`: it never sent a tick. */
  state: z.enum(["awaited", "up", "down", "left"]),
  /** Since when it stands so, Unix milliseconds. */
  sinceMs: z.number(),
  agentVersion: z.string(),
  intervalMs: z.number().positive(),
  accounts: ACCOUNTS.nullable(),
  /** Of blocks of log lines. */
  logAccounts: ACCOUNTS.nullable().default(null),
});

export type NodeEntry = Readonly<Omit<z.infer<typeof VALUE>, "accounts" | "logAccounts">> & {
  readonly name: string;
  readonly accounts: NodeAccounts | null;
  readonly logAccounts: NodeAccounts | null;
};

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export const NODE_KEYS = { gte: encoder.encode("n"), lt: encoder.encode("o") };

export function encodeNodeEntry({ name, ...value }: NodeEntry): Entry {
  return [encoder.encode(`n${name}`), encoder.encode(JSON.stringify(value))];
}

/** Null when the entry is damaged. */
export function decodeNodeEntry([key, bytes]: Entry): NodeEntry | null {
  const value = jsonRecord(VALUE, bytes);
  return value === null ? null : { name: decoder.decode(key.subarray(1)), ...value };
}
