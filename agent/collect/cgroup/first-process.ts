import { closeSync, openSync, readdirSync, readSync } from "node:fs";
import { type CollectContext, hostPath } from "../context.ts";
import { ABSENT } from "../kit/byte-scanner.ts";
import { parseMembership } from "./hierarchies.ts";

/** A cgroup's oldest process: where it is, and since when. */
export type FirstProcess = {
  readonly pid: string;
  readonly membership: ReadonlyMap<string, string>;
  /** In hundredths of a second since 1970; ABSENT when it cannot be told. */
  readonly startedAt: number;
};

const BYTES_MAX = 16 * 1024;
/** How far down a cgroup without processes of its own is searched for one. */
const SEARCH_DEPTH = 3;
const SEARCH_WIDTH = 8;
const PROCS = "cgroup.procs";
/** Of a longer list so many at either end are looked at. */
const PIDS_AT_END = 16;

type Candidate = { readonly pid: string; readonly ticks: number };

/** Finds processes of cgroups in the host's /proc. None of this is done every tick. */
export class ProcessFinder {
  readonly #context: CollectContext;
  readonly #bytes = Buffer.allocUnsafe(BYTES_MAX);
  #bootTime = ABSENT;

  constructor(context: CollectContext) {
    this.#context = context;
  }

  /** Null when the cgroup has no process, or none that is seen from here. */
  find(directory: string): FirstProcess | null {
    const first = this.#findFirst(directory, SEARCH_DEPTH);
    if (first === null) return null;
    const { pid, ticks } = first;
    const cgroups = this.#read(hostPath(this.#context, `/proc/${pid}/cgroup`));
    const membership = cgroups === null ? new Map<string, string>() : parseMembership(cgroups);
    return { pid, membership, startedAt: this.#startedAt(ticks) };
  }

  #findFirst(directory: string, depth: number): Candidate | null {
    const first = this.#oldestOf(pidsIn(this.#read(`${directory}/${PROCS}`) ?? ""));
    if (first !== null || depth === 0) return first;
    for (const child of directoriesOf(directory).slice(0, SEARCH_WIDTH)) {
      const found = this.#findFirst(`${directory}/${child}`, depth - 1);
      if (found !== null) return found;
    }
    return null;
  }

  /** Not the one with the lowest number: numbers begin anew once they were all used. */
  #oldestOf(pids: readonly string[]): Candidate | null {
    let oldest: Candidate | null = null;
    for (const [index, pid] of pids.entries()) {
      if (index >= PIDS_AT_END && index < pids.length - PIDS_AT_END) continue;
      const ticks = this.#ticksOf(pid);
      if (oldest === null || ticks < oldest.ticks) oldest = { pid, ticks };
    }
    return oldest;
  }

  /** When the process started, in hundredths of a second since the boot; infinite: it is not seen. */
  #ticksOf(pid: string): number {
    const stat = this.#read(hostPath(this.#context, `/proc/${pid}/stat`));
    // The second field is the command in brackets and may hold anything, so count from its end.
    const fields = stat?.slice(stat.lastIndexOf(")") + 2).split(" ");
    const ticks = Number(fields?.[19] ?? Number.NaN);
    return Number.isSafeInteger(ticks) && ticks >= 0 ? ticks : Number.POSITIVE_INFINITY;
  }

  #startedAt(ticks: number): number {
    if (this.#bootTime === ABSENT) this.#bootTime = this.#readBootTime();
    const isKnown = Number.isFinite(ticks) && this.#bootTime !== ABSENT;
    return isKnown ? this.#bootTime * 100 + ticks : ABSENT;
  }

  #readBootTime(): number {
    // Not through the shared bytes: the line stands behind one that may be long.
    const path = hostPath(this.#context, "/proc/stat");
    const text = this.#read(path, Buffer.allocUnsafe(64 * BYTES_MAX)) ?? "";
    const digits = /^btime (\d{1,15})$/m.exec(text)?.[1];
    return digits === undefined ? ABSENT : Number(digits);
  }

  /** The first bytes of a file as text; null when it cannot be read. */
  #read(path: string, bytes = this.#bytes): string | null {
    let descriptor = -1;
    try {
      descriptor = openSync(path, "r");
      const length = readSync(descriptor, bytes, 0, bytes.length, 0);
      return bytes.toString("latin1", 0, length);
    } catch {
      // The process or the cgroup ended meanwhile, or is not ours to see: then it is not known.
      return null;
    } finally {
      if (descriptor >= 0) closeSync(descriptor);
    }
  }
}

/** What the text lists, but for a last line that was cut off. */
function pidsIn(text: string): string[] {
  const whole = text.length < BYTES_MAX ? text : text.slice(0, text.lastIndexOf("\n"));
  // A process of another PID name space is listed as 0.
  return (whole.match(/^\d{1,10}$/gm) ?? []).filter((pid) => pid !== "0");
}

function directoriesOf(directory: string): string[] {
  try {
    const entries = readdirSync(directory, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  } catch {
    // It ended meanwhile: then there is nothing below it.
    return [];
  }
}
