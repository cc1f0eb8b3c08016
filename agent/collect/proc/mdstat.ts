import type { BackgroundSource } from "../background.ts";
import { gauge } from "../collector.ts";
import type { Reading } from "../kit/reading.ts";

const MDSTAT_BYTES_MAX = 256 * 1024;
const ARRAYS_MAX = 256;

const STATES = ["active", "inactive", "recovering", "resync", "check"] as const;
/** Only shown of an array that is in them. `unknown`: the kernel uses a word that is not known here. */
const RARE_STATES = ["reshape", "unknown"] as const;
type State = (typeof STATES)[number] | (typeof RARE_STATES)[number];
const DISK_STATES = ["active", "failed", "spare"] as const;
const STATE = gauge("node_md_state", "Whether the array is in this state.");
const DISKS = gauge("node_md_disks", "Disks of the array in this state.");
const REQUIRED = gauge("node_md_disks_required", "Disks that the array has when it is whole.");
const BLOCKS = gauge("node_md_blocks", "Blocks of the array.");
const SYNCED = gauge("node_md_blocks_synced", "Blocks of the array that are in sync.");

/** Software RAID, by /proc/mdstat. */
export function mdadmSource(proc: string): BackgroundSource {
  return {
    name: "mdadm",
    read: async (files, reading) => {
      const found = await files.file(`${proc}/mdstat`, MDSTAT_BYTES_MAX);
      if (found === null) return;
      const arrays = parseMdstat(found.bytes.toString());
      if (arrays.length > ARRAYS_MAX) reading.overflow += arrays.length - ARRAYS_MAX;
      for (const array of arrays.slice(0, ARRAYS_MAX)) setArray(array, reading);
    },
  };
}

function setArray(array: MdArray, reading: Reading): void {
  const { device } = array;
  for (const state of [...STATES, ...RARE_STATES.filter((rare) => rare === array.state)]) {
    reading.set(STATE, { device, state }, state === array.state ? 1 : 0);
  }
  for (const state of DISK_STATES) reading.set(DISKS, { device, state }, array[state]);
  reading.set(REQUIRED, { device }, array.required);
  if (array.blocks === null) return;
  reading.set(BLOCKS, { device }, array.blocks);
  reading.set(SYNCED, { device }, array.synced ?? array.blocks);
}

export type MdArray = {
  readonly device: string;
  readonly state: State;
  readonly active: number;
  readonly failed: number;
  readonly spare: number;
  readonly required: number;
  /** null: the file does not say. */
  readonly blocks: number | null;
  /** null: nothing is being synchronised. */
  readonly synced: number | null;
};

/** `md6 : active raid1 sda2[0]`; the heading and the last line have no word behind their colon. */
const ARRAY = /^(\S{1,64}) : ([a-z]+)\b(.*)$/;
/** What runs or waits: `reshape =  8.5% (170000/2000000)`, `resync=DELAYED`. */
const SYNC = /\b([a-z]+)\s*=\s*(?:[0-9.]+%|[A-Z]+\b)/;

/**
 * Reads /proc/mdstat: a line with the array's name, state and disks, one with its blocks and how
 * many disks it wants and has, and perhaps one of a running or waiting synchronisation.
 * Source: kernel, drivers/md/md.c (md_seq_show).
 */
export function parseMdstat(text: string): MdArray[] {
  const arrays: MdArray[] = [];
  const lines = text.split("\n");
  for (const [index, line] of lines.entries()) {
    const [, device, word = "", disks = ""] = ARRAY.exec(line) ?? [];
    if (device === undefined) continue;
    const details = lines.slice(index + 1, index + 5);
    const end = details.findIndex((detail) => !/^\s/.test(detail));
    const own = end < 0 ? details : details.slice(0, end);
    arrays.push({ device, ...parseArray(word, disks, own) });
  }
  return arrays;
}

function parseArray(
  word: string,
  disks: string,
  details: readonly string[],
): Omit<MdArray, "device"> {
  const isActive = word !== "inactive";
  const members = disks.match(/\S+\[[0-9]+\]\S*/g) ?? [];
  const failed = members.filter((member) => member.includes("(F)")).length;
  const spare = members.filter((member) => member.includes("(S)")).length;
  // Arrays without redundancy do not tell: they have all their disks, or do not run.
  const [, required = String(members.length), active = required] =
    /\[([0-9]{1,9})\/([0-9]{1,9})\]/.exec(details[0] ?? "") ?? [];
  const sync = details.find((detail) => SYNC.test(detail)) ?? "";
  return {
    state: stateOf(word, SYNC.exec(sync)?.[1]),
    active: isActive ? Number(active) : 0,
    required: isActive ? Number(required) : 0,
    failed,
    spare,
    blocks: countIn(details[0] ?? "", /^\s+([0-9]{1,16}) blocks/),
    synced: sync === "" ? null : (countIn(sync, /\(([0-9]{1,16})\/[0-9]+\)/) ?? 0),
  };
}

function stateOf(word: string, sync: string | undefined): State {
  const said = word === "active" ? (sync ?? word) : word;
  if (said === "recovery" || said === "recover") return "recovering";
  return [...STATES, ...RARE_STATES].find((state) => state === said) ?? "unknown";
}

function countIn(text: string, pattern: RegExp): number | null {
  const [, digits] = pattern.exec(text) ?? [];
  return digits === undefined ? null : Number(digits);
}
