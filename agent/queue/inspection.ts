import { errorMessage, OperationalError } from "../../shared/errors.ts";
import type { Accounts, DroppedRange } from "../../shared/model/accounts.ts";
import type { KeyValueStore } from "../../shared/platform/ports.ts";
import { allEntries, type Content, type QueueEntry } from "./entries.ts";
import { accountsOf, type Ledger, newLedger } from "./ledger.ts";
import {
  ALL_STRETCHES,
  decodeLedger,
  decodeRanges,
  decodeStretch,
  LEDGER_KEY,
  RANGES_KEY,
  seqOfKey,
} from "./records.ts";
import { fits } from "./recovery.ts";
import type { Stretch } from "./stretches.ts";

/** What lies in the store of a queue, read record by record, and what is wrong with it. */
export type Inspection = Accounts & {
  readonly streamId: string;
  readonly epoch: number;
  readonly ranges: readonly DroppedRange[];
  readonly stretches: number;
  /** That can be read, those included that are kept for a reader to begin at. */
  readonly entries: number;
  readonly entryBytes: number;
  /** Null where there is no entry. */
  readonly oldest: Place | null;
  readonly newest: Place | null;
  readonly findings: readonly string[];
};

type Place = { readonly seq: number; readonly timeMs: number };

const FINDINGS_MAX = 100;

/** What is wrong, as it is found; more than so many say nothing new. */
export class Findings {
  readonly list: string[] = [];

  add(what: string): void {
    if (this.list.length < FINDINGS_MAX) this.list.push(what);
  }

  /** Null, and a finding, for what cannot be decoded. */
  ifWhole<T>(decode: () => T): T | null {
    try {
      return decode();
    } catch (error) {
      if (!(error instanceof OperationalError)) throw error;
      this.add(errorMessage(error));
      return null;
    }
  }
}

/** Reads everything and changes nothing. */
export async function inspect<E extends QueueEntry>(
  store: KeyValueStore,
  content: Content<E>,
  findings: Findings,
): Promise<Inspection> {
  const ledger = await readLedger(store, findings);
  const value = await store.get(RANGES_KEY);
  const ranges =
    value === undefined ? null : findings.ifWhole(() => decodeRanges(value, ledger.ranges.lastId));
  const stretches = await readStretches(store, ledger, findings);
  const entries = await readEntries(store, content, { ...ledger, stretches }, findings);
  return {
    streamId: ledger.streamId,
    epoch: ledger.epoch,
    ...accountsOf(ledger),
    ranges: ranges?.ranges ?? [],
    stretches: stretches.length,
    ...entries,
    findings: findings.list,
  };
}

async function readLedger(store: KeyValueStore, findings: Findings): Promise<Ledger> {
  const value = await store.get(LEDGER_KEY);
  if (value === undefined) findings.add("there is no ledger");
  const ledger = value === undefined ? null : findings.ifWhole(() => decodeLedger(value));
  if (ledger === null) return newLedger("");
  const { made, stored, waiting, dropped } = accountsOf(ledger);
  const sum = dropped.reduce((total, { frames }) => total + frames, stored + waiting);
  if (made !== sum) {
    findings.add(`the ledger does not balance: ${made} made, ${sum} stored, waiting or dropped`);
  }
  return ledger;
}

async function readStretches(
  store: KeyValueStore,
  ledger: Ledger,
  findings: Findings,
): Promise<readonly Stretch[]> {
  const stretches: Stretch[] = [];
  for await (const [key, value] of store.entries(ALL_STRETCHES)) {
    const seq = seqOfKey(key) ?? 0;
    const stretch = findings.ifWhole(() => decodeStretch(seq, value));
    if (stretch === null) continue;
    if (fits(stretch, stretches.at(-1), ledger.queued.entries)) stretches.push(stretch);
    else findings.add(`stretch ${seq} does not fit the ledger`);
  }
  return stretches;
}

async function readEntries<E extends QueueEntry>(
  store: KeyValueStore,
  content: Content<E>,
  { queued, newestSeq, stretches }: Ledger,
  findings: Findings,
): Promise<Pick<Inspection, "entries" | "entryBytes" | "oldest" | "newest">> {
  let entries = 0;
  let entryBytes = 0;
  let oldest: Place | null = null;
  let newest: Place | null = null;
  for await (const { seq, entry } of allEntries(store, content)) {
    if (entry === null) {
      findings.add(`entry ${seq ?? "?"} fails its checksum or is another one`);
      continue;
    }
    entries += 1;
    entryBytes += entry.bytes.length;
    newest = { seq: entry.seq, timeMs: entry.timeMs };
    oldest ??= newest;
  }
  const expected = queued.entries - (stretches[0]?.before ?? queued).entries;
  if (entries !== expected) {
    const rest = "the rest will count as damaged";
    findings.add(`there are ${entries} entries, the ledger has ${expected}: ${rest}`);
  }
  if (newest !== null && newest.seq > newestSeq) {
    findings.add(`entry ${newest.seq} comes after the ledger's last one, ${newestSeq}`);
  }
  return { entries, entryBytes, oldest, newest };
}
