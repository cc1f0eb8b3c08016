import { opendirSync } from "node:fs";
import { OperationalError, systemCode } from "../../../shared/errors.ts";
import { type CollectContext, hostFile, hostPath } from "../context.ts";
import { type HeldFile, MISSING } from "../kit/held-file.ts";
import { isSame } from "../kit/key-table.ts";
import { ProcessStat, parseProcessStat } from "./parse-process-stat.ts";
import type { ProcessGroup, ProcessGroups } from "./process-groups.ts";
import type { Place, ProcessPlaces } from "./process-places.ts";

const NO_BYTES = new Uint8Array(0);

class Process {
  readonly pid: number;
  readonly file: HeldFile;
  seenInRun: number;
  /** -1 before the first reading. */
  startTime = -1;
  cpuTime = 0;
  residentPages = 0;
  threads = 0;
  commandBytes: Uint8Array = NO_BYTES;
  command = "";
  place: Place | null = null;
  placeDueInRun = 0;
  /** When it is read though it did not run. */
  dueInRun = 0;
  isUnreadable = false;

  constructor(pid: number, file: HeldFile, run: number) {
    this.pid = pid;
    this.file = file;
    this.seenInRun = run;
  }
}

export type ProcessLimits = {
  /** Processes beyond are left out, and counted. */
  readonly processesMax: number;
  /** Files kept open; those of further processes are opened for each reading. */
  readonly heldMax: number;
};

/** So often is read what did not run, for its memory, and what could not be read. */
const READ_ALL_RUNS = 12;
/** A process is moved to its cgroup just after it began: it is looked for once more, then seldom. */
const PLACE_RUNS = 60;

/** All processes of the host, and what they used since the last run. */
export class ProcessTable {
  readonly #context: CollectContext;
  readonly #collector: string;
  readonly #places: ProcessPlaces;
  readonly #groups: ProcessGroups;
  readonly #limits: ProcessLimits;
  readonly #processes = new Map<number, Process>();
  readonly #stat = new ProcessStat();
  #run = 0;
  #held = 0;
  /** In the last run some were left out: what is new in this one may be old. */
  #wasFull = false;

  constructor(
    context: CollectContext,
    collector: string,
    parts: { readonly places: ProcessPlaces; readonly groups: ProcessGroups },
    limits: ProcessLimits,
  ) {
    this.#context = context;
    this.#collector = collector;
    this.#places = parts.places;
    this.#groups = parts.groups;
    this.#limits = limits;
  }

  get size(): number {
    return this.#processes.size;
  }

  /** Counts every process in its group. @throws OperationalError NOT_FOUND without a /proc */
  read(): void {
    this.#run += 1;
    this.#places.begin(this.#run);
    this.#groups.begin();
    const leftOut = this.#list();
    for (const process of this.#processes.values()) {
      if (process.seenInRun !== this.#run) this.#drop(process);
      else if (this.#isDue(process)) this.#readStat(process);
      else this.#count(process, 0);
    }
    this.#wasFull = leftOut;
    if (leftOut) this.#context.faults.add(this.#collector, "limit", 1);
  }

  close(): void {
    for (const { file } of this.#processes.values()) file.close();
    this.#processes.clear();
    this.#held = 0;
  }

  /** Marks those that are there; true when there were too many. */
  #list(): boolean {
    const path = hostPath(this.#context, "/proc");
    let count = 0;
    const directory = openDirectory(path);
    try {
      for (let entry = directory.readSync(); entry !== null; entry = directory.readSync()) {
        const pid = pidOf(entry.name);
        if (pid < 0) continue;
        count += 1;
        if (count > this.#limits.processesMax) return true;
        const known = this.#processes.get(pid);
        if (known !== undefined) known.seenInRun = this.#run;
        else this.#processes.set(pid, this.#newProcess(pid));
      }
      return false;
    } finally {
      directory.closeSync();
    }
  }

  #newProcess(pid: number): Process {
    const file = hostFile(this.#context, `/proc/${pid}/stat`, { comparesBytes: false });
    return new Process(pid, file, this.#run);
  }

  #isDue({ dueInRun, isUnreadable, place }: Process): boolean {
    return this.#run >= dueInRun || (!isUnreadable && (place === null || place.hasRun));
  }

  #readStat(process: Process): void {
    process.dueInRun = this.#run + READ_ALL_RUNS;
    try {
      if (!this.#readFile(process)) this.#drop(process);
      else if (parseProcessStat(this.#context.buffer.bytes, process.file.length, this.#stat)) {
        process.isUnreadable = false;
        this.#take(process);
      } else this.#leaveOut(process, "malformed");
    } catch {
      this.#leaveOut(process, "unreadable");
    }
  }

  /** False when the process ended. */
  #readFile(process: Process): boolean {
    const { file } = process;
    const wasOpen = file.isOpen;
    try {
      if (file.read() < MISSING) return true;
      // The number may have been given to another process meanwhile.
      return wasOpen && file.read() < MISSING;
    } finally {
      if (wasOpen && !file.isOpen) this.#held -= 1;
      else if (!wasOpen && file.isOpen) this.#hold(file);
    }
  }

  #hold(file: HeldFile): void {
    if (this.#held < this.#limits.heldMax) this.#held += 1;
    else file.close();
  }

  #leaveOut(process: Process, reason: string): void {
    this.#closeFile(process);
    process.isUnreadable = true;
    this.#context.faults.add(this.#collector, reason, 1);
  }

  #closeFile({ file }: Process): void {
    if (file.isOpen) this.#held -= 1;
    file.close();
  }

  #drop(process: Process): void {
    this.#closeFile(process);
    this.#processes.delete(process.pid);
  }

  #take(process: Process): void {
    const stat = this.#stat;
    const isOther = process.startTime !== stat.startTime;
    const isFirst = process.startTime < 0;
    const used = isOther ? stat.cpuTime : Math.max(0, stat.cpuTime - process.cpuTime);
    process.startTime = stat.startTime;
    process.cpuTime = stat.cpuTime;
    process.residentPages = stat.residentPages;
    process.threads = stat.threads;
    this.#name(process);
    // The kernel's own are in no container.
    const isPlaceDue = isOther || this.#run >= process.placeDueInRun;
    if (isPlaceDue && !stat.isKernelThread) this.#findPlace(process, isOther);
    this.#count(process, isFirst && this.#wasFull ? 0 : used);
  }

  #name(process: Process): void {
    const { bytes } = this.#context.buffer;
    const { commandStart, commandEnd, isKernelThread } = this.#stat;
    if (isSame(process.commandBytes, bytes, commandStart, commandEnd)) return;
    process.commandBytes = Uint8Array.from(bytes.subarray(commandStart, commandEnd));
    const text = Buffer.from(process.commandBytes).toString().replaceAll("\u0000", "\ufffd");
    // One group for the workers of the kernel: `kworker/0:1-events`, `ksoftirqd/1`.
    process.command = isKernelThread ? text.replace(/\/.*$/s, "") : text;
  }

  /** Asks again in the next run if the process is young, and else not for all at once. */
  #findPlace(process: Process, isFirst: boolean): void {
    process.place = this.#places.placeOf(process.pid);
    const isYoung = isFirst && this.#run > 1;
    process.placeDueInRun = this.#run + (isYoung ? 1 : PLACE_RUNS + (process.pid % PLACE_RUNS));
  }

  #count(process: Process, cpuTime: number): void {
    const { place } = process;
    if (place !== null) place.usedInRun = this.#run;
    if (process.isUnreadable || process.startTime < 0) return;
    const group: ProcessGroup = this.#groups.groupOf(process.command, place?.containerName ?? "");
    this.#groups.count(group, cpuTime, process.residentPages, process.threads);
  }
}

function openDirectory(path: string) {
  try {
    return opendirSync(path, { bufferSize: 256 });
  } catch (error) {
    if (systemCode(error) !== "ENOENT") throw error;
    throw new OperationalError("NOT_FOUND", `${path} is not there`, { cause: error });
  }
}

/** -1 for what is no process. The kernel gives out numbers up to 2^22. */
function pidOf(name: string): number {
  const first = name.charCodeAt(0);
  if (first < 49 || first > 57 || name.length > 8) return -1;
  const pid = Number(name);
  return Number.isInteger(pid) ? pid : -1;
}
