import { type Dirent, opendirSync, statSync } from "node:fs";
import { type CollectContext, hostPath } from "../context.ts";
import { ABSENT } from "../kit/byte-scanner.ts";
import { type ReadBuffer, readOnce } from "../kit/held-file.ts";
import { type CgroupNode, isListed } from "./cgroup-tree.ts";
import { parseMembership } from "./hierarchies.ts";

/** The oldest process of a cgroup: where it is, and since when. */
export type FirstProcess = {
  readonly pid: string;
  readonly membership: ReadonlyMap<string, string>;
  /** In hundredths of a second since 1970; ABSENT when unknown. */
  readonly startedAt: number;
};

const COLLECTOR = "cgroup";
/** Groups below one that no tree lists, as those in a container, are read up to this many. */
const GROUPS_MAX = 256;
/** A directory of a cgroup has some fifty files; a container may make any number of groups in it. */
const NAMES_MAX = 4096;
/** The oldest is looked for among so many processes, and of one group's so many at either end. */
export const PIDS_MAX = 256;
const PIDS_AT_END = 16;
/** Of a threaded group so many threads are asked whose they are. */
const THREADS_MAX = 256;

/** `node` null: the tree of cgroups does not have it. */
type Group = { readonly directory: string; readonly node: CgroupNode | null };
type Candidate = { readonly pid: string; readonly ticks: number };

/**
 * Processes of cgroups. A process is listed in the one group that it is in, so those of a container
 * that divides itself (systemd's `init.scope`) are below the container's own group, which may list
 * none. None of this is done every tick.
 */
export class CgroupProcesses {
  readonly #context: CollectContext;
  #bootTime = ABSENT;

  constructor(context: CollectContext) {
    this.#context = context;
  }

  /** How many are in the cgroup and below it; ABSENT: unknown. Those listed are kept in the node. */
  count(node: CgroupNode): number {
    const asked = { directory: node.directory, node };
    // On v1 the threads of one process may be in several groups, and each lists it.
    const seen = new Set<string>();
    let others = 0;
    for (const group of this.#groups(asked)) {
      if (group !== asked && isCounted(group.node)) {
        others += group.node.processes;
        continue;
      }
      const pids = readPids(`${group.directory}/cgroup.procs`, this.#context.buffer);
      if (pids === null && group === asked) {
        node.processes = ABSENT;
        return this.#ofThreads(node.directory)?.length ?? ABSENT;
      }
      for (const pid of pids ?? []) {
        // A process of another PID name space is listed as 0.
        if (pid === "0") others += 1;
        else seen.add(pid);
      }
    }
    node.processes = seen.size + others;
    return node.processes;
  }

  /**
   * The oldest process in the cgroup and below it, among the first `pidsMax` that are found. Null
   * when there is none, or none that is seen from here.
   */
  first(directory: string, pidsMax: number): FirstProcess | null {
    const first = this.#oldest(directory, pidsMax);
    if (first === null) return null;
    const { pid, ticks } = first;
    const cgroups = this.#text(`/proc/${pid}/cgroup`);
    const membership = cgroups === null ? new Map<string, string>() : parseMembership(cgroups);
    return { pid, membership, startedAt: this.#startedAt(ticks) };
  }

  /** Not the one with the lowest number: numbers begin anew once they were all used. */
  #oldest(directory: string, pidsMax: number): Candidate | null {
    let oldest: Candidate | null = null;
    let left = pidsMax;
    const asked = { directory, node: null };
    for (const group of this.#groups(asked)) {
      const listed = readPids(`${group.directory}/cgroup.procs`, this.#context.buffer);
      const isThreaded = listed === null && group === asked;
      const pids = (isThreaded ? this.#ofThreads(directory) : listed) ?? [];
      for (const [index, pid] of pids.entries()) {
        if (pid === "0" || (index >= PIDS_AT_END && index < pids.length - PIDS_AT_END)) continue;
        const ticks = this.#ticksOf(pid);
        if (oldest === null || ticks < oldest.ticks) oldest = { pid, ticks };
        left -= 1;
        if (left === 0) return oldest;
      }
    }
    return oldest;
  }

  /** The group and those below it, the nearest first. What is below a counted one is left out. */
  *#groups(from: Group): Generator<Group> {
    let unlisted = 0;
    const found = [from];
    for (const group of found) {
      yield group;
      if (group !== from && isCounted(group.node)) continue;
      for (const below of groupsIn(group)) {
        if (below.node === null) unlisted += 1;
        if (unlisted <= GROUPS_MAX) found.push(below);
      }
    }
    if (unlisted > GROUPS_MAX) this.#context.faults.add(COLLECTOR, "limit", 1);
  }

  /**
   * A threaded group does not list its processes, its domain above it does. The threads say whose
   * they are.
   */
  #ofThreads(directory: string): string[] | null {
    const threads = readPids(`${directory}/cgroup.threads`, this.#context.buffer);
    if (threads === null) return null;
    if (threads.length > THREADS_MAX) this.#context.faults.add(COLLECTOR, "limit", 1);
    const owners = threads.slice(0, THREADS_MAX).map((thread) => this.#processOf(thread));
    return [...new Set(owners)];
  }

  #processOf(thread: string): string {
    const status = this.#text(`/proc/${thread}/status`);
    return /^Tgid:\s*(\d{1,10})$/m.exec(status ?? "")?.[1] ?? thread;
  }

  /** When the process started, in hundredths of a second since the boot; infinite: it is not seen. */
  #ticksOf(pid: string): number {
    const stat = this.#text(`/proc/${pid}/stat`);
    // The second field is the command in brackets and may hold anything, so count from its end.
    const fields = stat?.slice(stat.lastIndexOf(")") + 2).split(" ");
    const ticks = Number(fields?.[19] ?? Number.NaN);
    return Number.isSafeInteger(ticks) && ticks >= 0 ? ticks : Number.POSITIVE_INFINITY;
  }

  #startedAt(ticks: number): number {
    if (this.#bootTime === ABSENT) {
      const text = this.#text("/proc/stat") ?? "";
      this.#bootTime = Number(/^btime (\d{1,15})$/m.exec(text)?.[1] ?? ABSENT);
    }
    const isKnown = Number.isFinite(ticks) && this.#bootTime !== ABSENT;
    return isKnown ? this.#bootTime * 100 + ticks : ABSENT;
  }

  /** Null when it cannot be read: the process or the cgroup ended, or is not ours to see. */
  #text(path: string): string | null {
    return readOnce(hostPath(this.#context, path), this.#context.buffer);
  }
}

/** A process in the cgroup or below it; null: none is seen. */
export function anyPid(directory: string, buffer: ReadBuffer): string | null {
  const found: Group[] = [{ directory, node: null }];
  for (const group of found) {
    const pids = readPids(`${group.directory}/cgroup.procs`, buffer) ?? [];
    const seen = pids.find((pid) => pid !== "0");
    if (seen !== undefined) return seen;
    if (found.length <= GROUPS_MAX) found.push(...groupsIn(group));
  }
  return null;
}

/** A container or a unit that was counted with what is below it: no process is also elsewhere. */
function isCounted(node: CgroupNode | null): node is CgroupNode {
  if (node === null || node.processes === ABSENT) return false;
  return node.kind.kind === "container" || node.kind.kind === "unit";
}

/** Those right below. */
function groupsIn({ directory, node }: Group): Group[] {
  if (node !== null && isListed(node)) {
    return [...node.children.values()].map((child) => ({
      directory: child.directory,
      node: child,
    }));
  }
  return directoriesIn(directory).map((name) => ({
    directory: `${directory}/${name}`,
    node: null,
  }));
}

/** At most GROUPS_MAX and one more. */
function directoriesIn(directory: string): string[] {
  const names: string[] = [];
  try {
    // A directory without others in it has two links: what it is called, and its own dot.
    if (statSync(directory).nlink === 2) return names;
    const entries = opendirSync(directory, { bufferSize: 256 });
    try {
      let entry: Dirent | null = entries.readSync();
      for (let i = 0; entry !== null && i < NAMES_MAX && names.length <= GROUPS_MAX; i += 1) {
        if (entry.isDirectory()) names.push(entry.name);
        entry = entries.readSync();
      }
    } finally {
      entries.closeSync();
    }
  } catch {
    // It ended meanwhile: then there is nothing below it.
  }
  return names;
}

/** Null: there is no such file, or the group is threaded. */
function readPids(path: string, buffer: ReadBuffer): string[] | null {
  const text = readOnce(path, buffer);
  return text === null ? null : (text.match(/^\d{1,10}$/gm) ?? []);
}
