/**
 * The silences: one durable record each, from when it is made until 120 hours after its end.
 *
 * Key: `x|ID`. Value: the silence as JSON. A change is one synced batch, with the deletion of what is
 * kept long enough; memory changes after that batch, and the next change begins after that.
 */

import { z } from "zod";
import { OperationalError } from "../../shared/errors.ts";
import type { Labels } from "../../shared/model/labels.ts";
import { compareText } from "../../shared/model/labels.ts";
import { jsonRecord } from "../../shared/platform/json-record.ts";
import {
  type BatchOperation,
  del,
  type Entry,
  put,
  type Random,
} from "../../shared/platform/ports.ts";
import type { StoredPartDeps } from "../../shared/telemetry/part-deps.ts";
import { SerialQueue } from "../../shared/time/serial-queue.ts";
import { compileMatchers } from "../matching/matcher.ts";
import { type PostedSilence, type Silence, silenceState } from "../model/silence.ts";
import { type CompiledSilence, SilenceIndex } from "./silence-index.ts";
import { endSilence, setSilence } from "./silence-state.ts";

export type SilencesDeps = Omit<StoredPartDeps, "clock"> & { readonly random: Random };

const KEPT_MS = 120 * 3_600_000;
const SILENCES_MAX = 10_000;
const PREFIX = "x|";
const RANGE = { gte: Buffer.from(PREFIX), lt: Buffer.from("x}") };

/**
 * Loads the silences of the last run. A damaged record is left where it is, counted and logged.
 * @throws OperationalError STORAGE
 */
export async function openSilences(deps: SilencesDeps): Promise<Silences> {
  const { store, logger, metrics } = deps;
  const damaged = metrics.counter(
    "telltale_silences_damaged_total",
    "Stored silences that could not be read.",
  );
  const loaded = new Map<string, CompiledSilence>();
  for await (const entry of store.entries(RANGE)) {
    const read = readRecord(entry);
    if (read === null) {
      damaged.add();
      logger.error({ key: Buffer.from(entry[0]).toString() }, "stored silence is damaged");
      continue;
    }
    loaded.set(read.silence.id, read);
  }
  return new Silences(deps, loaded);
}

export class Silences {
  readonly #deps: SilencesDeps;
  #silences: ReadonlyMap<string, CompiledSilence>;
  #index: SilenceIndex;
  /** One change after the other, in the order of the calls. */
  readonly #turns = new SerialQueue();

  constructor(deps: SilencesDeps, loaded: ReadonlyMap<string, CompiledSilence>) {
    this.#deps = deps;
    this.#silences = loaded;
    this.#index = new SilenceIndex(loaded.values());
  }

  /** Ids of the silences that are active then and match, sorted. */
  activeFor(labels: Labels, nowMs: number): string[] {
    return this.#index.activeFor(labels, nowMs);
  }

  /** All that are kept, those that changed last first. */
  list(): Silence[] {
    const silences = [...this.#silences.values()].map(({ silence }) => silence);
    return silences.sort((a, b) => b.updatedAtMs - a.updatedAtMs || compareText(a.id, b.id));
  }

  /**
   * Its id; another one where the old silence could not be changed, and has ended instead.
   * @throws OperationalError QUERY, LIMIT, NOT_FOUND when there is none of the id, STORAGE; everything
   * is as before then
   */
  set(posted: PostedSilence, nowMs: number): Promise<string> {
    return this.#turns.run(async () => {
      const known = this.#silences.get(posted.id ?? "")?.silence ?? null;
      const change = setSilence(known, posted, nowMs, () => uuidFrom(this.#deps.random));
      const { set, ended } = change;
      await this.#write(ended === null ? [set] : [set, ended], nowMs);
      return set.id;
    });
  }

  /**
   * False where there is none of this id.
   * @throws OperationalError QUERY when it has ended, STORAGE; everything is as before then
   */
  expire(id: string, nowMs: number): Promise<boolean> {
    return this.#turns.run(async () => {
      const known = this.#silences.get(id);
      if (known === undefined) return false;
      await this.#write([endSilence(known.silence, nowMs)], nowMs);
      return true;
    });
  }

  async #write(silences: readonly Silence[], nowMs: number): Promise<void> {
    const changed = silences.map(compiled);
    const after = new Map(this.#silences);
    const operations: BatchOperation[] = [];
    for (const [id, { silence }] of this.#silences) {
      if (silence.endsAtMs + KEPT_MS > nowMs) continue;
      after.delete(id);
      operations.push(del(keyOf(id)));
    }
    for (const one of changed) {
      const { id } = one.silence;
      after.set(id, one);
      operations.push(put(keyOf(id), Buffer.from(JSON.stringify(one.silence))));
    }
    if (after.size > Math.max(SILENCES_MAX, this.#silences.size)) {
      const text = `There are ${SILENCES_MAX} silences already, with those of the last 120 hours`;
      throw new OperationalError("LIMIT", text);
    }
    await this.#deps.store.batch(operations, { sync: true });
    this.#silences = after;
    const isLive = ([, { silence }]: [string, CompiledSilence]) =>
      silenceState(silence, nowMs) !== "expired";
    this.#index = this.#index.replacedBy(new Map([...after].filter(isLive)), changed);
  }
}

/** @throws OperationalError QUERY when a pattern is not a regular expression */
function compiled(silence: Silence): CompiledSilence {
  return { silence, matches: compileMatchers(silence.matchers) };
}

function keyOf(id: string): Uint8Array {
  return Buffer.from(PREFIX + id);
}

/** A random UUID: version 4 of RFC 9562. */
function uuidFrom(random: Random): string {
  const bytes = Buffer.from(Array.from({ length: 16 }, () => Math.floor(random() * 256)));
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  return bytes.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

const storedSilence = z.object({
  id: z.string(),
  matchers: z
    .array(z.object({ name: z.string(), type: z.enum(["=", "!=", "=~", "!~"]), value: z.string() }))
    .min(1),
  startsAtMs: z.number(),
  endsAtMs: z.number(),
  updatedAtMs: z.number(),
  createdBy: z.string(),
  comment: z.string(),
});

/** Null for an entry that is damaged. */
function readRecord([key, value]: Entry): CompiledSilence | null {
  const silence = jsonRecord(storedSilence, value);
  if (silence === null || Buffer.from(key).toString() !== PREFIX + silence.id) return null;
  try {
    return compiled(silence);
  } catch (error) {
    if (error instanceof OperationalError) return null;
    throw error;
  }
}
