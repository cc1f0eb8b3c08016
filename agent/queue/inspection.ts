import { errorMessage, OperationalError } from "../../shared/errors.ts";
import type { DroppedRange } from "../../shared/model/accounts.ts";
import type { KeyValueStore } from "../../shared/platform/ports.ts";
import { storedFrame } from "../frames/definitions.ts";
import { type Ledger, newLedger, waitingFrames } from "./ledger.ts";
import {
  ALL_DEFINITIONS,
  ALL_FRAMES,
  ALL_STRETCHES,
  decodeDefinition,
  decodeLedger,
  decodeRanges,
  decodeStretch,
  LEDGER_KEY,
  RANGES_KEY,
  seqOfFrameKey,
  seqOfKey,
} from "./records.ts";
import { type Stretch, Stretches } from "./stretches.ts";

/** What lies in the store of a stream, read record by record, and what is wrong with it. */
export type Inspection = {
  readonly ledger: Ledger;
  readonly waiting: number;
  readonly ranges: readonly DroppedRange[];
  readonly stretches: number;
  /** That can be read, those included that are kept for a reader to begin at. */
  readonly frames: number;
  readonly frameBytes: number;
  readonly definitions: number;
  /** Null where there is no frame. */
  readonly oldest: Place | null;
  readonly newest: Place | null;
  readonly findings: readonly string[];
};

type Place = { readonly seq: number; readonly timeMs: number };

const FINDINGS_MAX = 100;

/** Reads everything and changes nothing. */
export async function inspect(store: KeyValueStore): Promise<Inspection> {
  const findings: string[] = [];
  const find = (what: string) => {
    if (findings.length < FINDINGS_MAX) findings.push(what);
  };
  const ledger = (await readLedger(store, find)) ?? newLedger("");
  const ranges = await readRanges(store, ledger, find);
  const stretches = await readStretches(store, ledger, find);
  const definitions = await countDefinitions(store, find);
  const frames = await readFrames(store, new Stretches([...stretches]), ledger, find);
  return {
    ledger,
    waiting: waitingFrames(ledger),
    ranges,
    stretches: stretches.length,
    definitions,
    ...frames,
    findings,
  };
}

type Find = (what: string) => void;

async function readLedger(store: KeyValueStore, find: Find): Promise<Ledger | null> {
  const value = await store.get(LEDGER_KEY);
  if (value === undefined) {
    find("there is no ledger");
    return null;
  }
  const ledger = ifWhole(() => decodeLedger(value), find);
  if (ledger === null) return null;
  const dropped = ledger.dropped.reduce((sum, { frames }) => sum + frames, 0);
  const sum = ledger.stored + waitingFrames(ledger) + dropped;
  if (ledger.made !== sum) {
    find(`the ledger does not balance: ${ledger.made} made, ${sum} stored, waiting or dropped`);
  }
  return ledger;
}

async function readRanges(
  store: KeyValueStore,
  ledger: Ledger,
  find: Find,
): Promise<readonly DroppedRange[]> {
  const value = await store.get(RANGES_KEY);
  if (value === undefined) return [];
  return ifWhole(() => decodeRanges(value, ledger.ranges.lastId).ranges, find) ?? [];
}

async function readStretches(
  store: KeyValueStore,
  ledger: Ledger,
  find: Find,
): Promise<readonly Stretch[]> {
  const stretches: Stretch[] = [];
  for await (const [key, value] of store.entries(ALL_STRETCHES)) {
    const seq = seqOfKey(key);
    const stretch = ifWhole(() => decodeStretch(seq, value), find);
    if (stretch === null) continue;
    const least = stretches.at(-1)?.before.frames ?? 0;
    const { frames } = stretch.before;
    if (frames < least || frames >= Math.max(1, ledger.queued.frames)) {
      find(`stretch ${seq} does not fit the ledger`);
    } else {
      stretches.push(stretch);
    }
  }
  return stretches;
}

async function countDefinitions(store: KeyValueStore, find: Find): Promise<number> {
  let count = 0;
  for await (const [key, value] of store.entries(ALL_DEFINITIONS)) {
    if (ifWhole(() => decodeDefinition(seqOfKey(key) % 2 ** 32, value), find) !== null) count += 1;
  }
  return count;
}

async function readFrames(
  store: KeyValueStore,
  stretches: Stretches,
  { queued, newestSeq }: Ledger,
  find: Find,
): Promise<Pick<Inspection, "frames" | "frameBytes" | "oldest" | "newest">> {
  let frames = 0;
  let frameBytes = 0;
  let oldest: Place | null = null;
  let newest: Place | null = null;
  for await (const [key, value] of store.entries(ALL_FRAMES)) {
    const seq = seqOfFrameKey(key);
    const frame = seq === null ? null : storedFrame(seq, value);
    if (frame === null) {
      find(`frame ${seq ?? "?"} fails its checksum or is another one`);
      continue;
    }
    frames += 1;
    frameBytes += value.length;
    newest = { seq: frame.seq, timeMs: frame.timeMs };
    oldest ??= newest;
  }
  const expected = queued.frames - (stretches.at(0)?.before.frames ?? queued.frames);
  if (frames !== expected) {
    find(`there are ${frames} frames, the ledger has ${expected}: the rest will count as damaged`);
  }
  if (newest !== null && newest.seq > newestSeq) {
    find(`frame ${newest.seq} comes after the ledger's last one, ${newestSeq}`);
  }
  return { frames, frameBytes, oldest, newest };
}

function ifWhole<T>(decode: () => T, find: Find): T | null {
  try {
    return decode();
  } catch (error) {
    if (!(error instanceof OperationalError)) throw error;
    find(errorMessage(error));
    return null;
  }
}
