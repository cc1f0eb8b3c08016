import { closeSync, openSync, readdirSync, readSync } from "node:fs";
import { type CollectContext, hostPath } from "../context.ts";
import { ABSENT } from "../parse/byte-scanner.ts";
import { parseMembership } from "./hierarchies.ts";

/** A cgroup's first process: where it is, and since when. */
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
    const pid = this.#findPid(directory, SEARCH_DEPTH);
    if (pid === null) return null;
    const cgroups = this.#read(hostPath(this.#context, `/proc/${pid}/cgroup`));
    const membership = cgroups === null ? new Map<string, string>() : parseMembership(cgroups);
    return { pid, membership, startedAt: this.#startedAt(pid) };
  }

  #findPid(directory: string, depth: number): string | null {
    const first = /^\d+/.exec(this.#read(`${directory}/${PROCS}`) ?? "")?.[0];
    // A process of another PID name space is listed as 0.
    if (first !== undefined && first !== "0") return first;
    if (depth === 0) return null;
    for (const child of directoriesOf(directory).slice(0, SEARCH_WIDTH)) {
      const pid = this.#findPid(`${directory}/${child}`, depth - 1);
      if (pid !== null) return pid;
    }
    return null;
  }

  #startedAt(pid: string): number {
    const stat = this.#read(hostPath(this.#context, `/proc/${pid}/stat`));
    // The second field is the command in brackets and may hold anything, so count from its end.
    const fields = stat?.slice(stat.lastIndexOf(")") + 2).split(" ");
    const ticks = Number(fields?.[19] ?? Number.NaN);
    if (this.#bootTime === ABSENT) this.#bootTime = this.#readBootTime();
    const isKnown = Number.isSafeInteger(ticks) && ticks >= 0 && this.#bootTime !== ABSENT;
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

function directoriesOf(directory: string): string[] {
  try {
    const entries = readdirSync(directory, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  } catch {
    // It ended meanwhile: then there is nothing below it.
    return [];
  }
}
