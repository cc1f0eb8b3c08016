import { readFileSync } from "node:fs";
import { getHeapStatistics, setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { errorMessage } from "../../shared/errors.ts";
import { type CLibrary, loadCLibrary } from "../../shared/platform/c-library.ts";
import { isFootprintKept } from "../../shared/platform/footprint.ts";
import type { Logger } from "../../shared/platform/ports.ts";

/** A stretch of a file that is mapped into the process. */
export type Mapping = {
  readonly start: bigint;
  readonly end: bigint;
  readonly residentBytes: number;
};

const MADV_DONTNEED = 4;
/** Smaller ones are not worth a call. */
const RESIDENT_MIN = 256 * 1024;
const HEADING = /^([0-9a-f]+)-([0-9a-f]+) (\S{4}) \S+ \S+ \d+ +(.*)$/;

/**
 * The parts of program files that lie in memory as they lie on the disk: mapped from a file, not to
 * be written, and without a page of the process's own. Whatever of them is dropped comes back from
 * the page cache when it is touched. Source: proc_pid_smaps(5).
 */
export function cleanMappings(smaps: string): Mapping[] {
  const mappings: Mapping[] = [];
  let heading: RegExpExecArray | null = null;
  let residentBytes = 0;
  for (const line of smaps.split("\n")) {
    const next = HEADING.exec(line);
    if (next !== null) {
      heading = next;
      residentBytes = 0;
      continue;
    }
    const [, key, kibibytes] = /^(\w+): +(\d+) kB$/.exec(line) ?? [];
    if (key === "Rss") residentBytes = Number(kibibytes) * 1024;
    if (key !== "Anonymous" || heading === null) continue;
    const [, start, end, permissions = "", path = ""] = heading;
    const isClean = kibibytes === "0" && !permissions.includes("w") && path.startsWith("/");
    if (isClean && residentBytes >= RESIDENT_MIN) {
      mappings.push({ start: BigInt(`0x${start}`), end: BigInt(`0x${end}`), residentBytes });
    }
  }
  return mappings;
}

/**
 * Gives back the memory in which the program itself lies, as far as nothing was changed in it. Half
 * of what node has in memory is its own code, and most of that is needed at its start only. Returns
 * the bytes that were resident; a part of them soon is again.
 * @throws OperationalError UNAVAILABLE where the C library cannot be called
 */
function giveBackProgramPages(): number {
  const library = loadCLibrary();
  trimHeap(library);
  const madvise = library.func("int madvise(uint64_t address, size_t length, int advice)");
  const smaps = readFileSync("/proc/self/smaps", "utf8");
  let bytes = 0;
  for (const { start, end, residentBytes } of cleanMappings(smaps)) {
    if (madvise(start, Number(end - start), MADV_DONTNEED) === 0) bytes += residentBytes;
  }
  return bytes;
}

/** Of the C library: what compilers' threads and LevelDB took and freed lies in its heaps. */
function trimHeap(library: CLibrary): void {
  try {
    library.func("int malloc_trim(size_t pad)")(0);
  } catch {
    // musl has no such call
  }
}

function trimOwnHeap(): void {
  try {
    trimHeap(loadCLibrary());
  } catch {
    // where the C library cannot be called it keeps its memory
  }
}

/** All of the heap, which V8 otherwise collects when it has grown by as much as it is. */
function collectGarbage(isThorough: boolean): void {
  collector ??= findCollector();
  if (isThorough) collector({ type: "major", execution: "sync", flavor: "last-resort" });
  else collector();
}

type Collect = (options?: Readonly<Record<string, string>>) => void;

let collector: Collect | null = null;

function findCollector(): Collect {
  setFlagsFromString("--expose-gc");
  const found: unknown = runInNewContext("gc");
  return typeof found === "function" ? (found as Collect) : () => {};
}

const OLD_GARBAGE_BYTES = 4 * 1024 ** 2;
const BETWEEN_MS = 3000;

/**
 * Collects garbage when more than a few MiB came to what is used, at most every 3 s: 30 ms then, and at
 * the next look has the C library give back what V8 has freed since, on another thread. To be called
 * when something was stored. What is stored was in buffers outside of the heap before, and is
 * again on its way to the aggregator; V8 by itself leaves 64 MiB of them.
 */
export function garbageLook(
  collect: () => void = () => collectGarbage(false),
  trim: () => void = trimOwnHeap,
  usedBytes: () => number = bytesOutsideHeap,
  nowMs: () => number = () => performance.now(),
): () => void {
  let keptBytes = usedBytes();
  let atMs = Number.NEGATIVE_INFINITY;
  let isTrimDue = false;
  return () => {
    if (isTrimDue) trim();
    isTrimDue = false;
    if (nowMs() - atMs < BETWEEN_MS) return;
    const bytes = usedBytes();
    keptBytes = Math.min(keptBytes, bytes);
    if (bytes < keptBytes + OLD_GARBAGE_BYTES) return;
    collect();
    keptBytes = usedBytes();
    atMs = nowMs();
    isTrimDue = true;
  };
}

/** From one to the next, what the start left; then a look each minute whether there is much. */
const GIVE_BACK_MS = [3000, 9000, 48_000];
/**
 * After these once more, also what was compiled and can be compiled again: 4 MiB on Node 24. Earlier it
 * makes V8 compile for longer in more memory; on Node 20 it takes memory and CPU time.
 */
const THOROUGH_MS = 20_000;
const IS_THOROUGH_WORTH_IT = Number.parseInt(process.versions.v8, 10) >= 13;
const LOOK_MS = 60_000;
const GROWTH_BYTES_MIN = 4 * 1024 ** 2;

/**
 * Keeps garbage and the program's own pages out of memory as long as the process runs. Where pages
 * cannot be given back it runs as well without, in more memory.
 */
export function keepGivingBackMemory(
  logger: Logger,
  giveBack: () => number = giveBackProgramPages,
  usedBytes: () => number = heapBytes,
): void {
  if (!isFootprintKept) return;
  let keptBytes = 0;
  const work = (isThorough: boolean) => {
    collectGarbage(isThorough);
    try {
      logger.debug({ bytes: giveBack() }, "pages of the program given back");
    } catch (error) {
      logger.debug({ error: errorMessage(error) }, "pages of the program stay");
    }
    keptBytes = usedBytes();
  };
  const look = () => {
    if (usedBytes() >= keptBytes + GROWTH_BYTES_MIN) work(false);
  };
  let atMs = 0;
  for (const afterMs of GIVE_BACK_MS) {
    atMs += afterMs;
    setTimeout(work, atMs, false).unref();
  }
  if (IS_THOROUGH_WORTH_IT) setTimeout(work, atMs + THOROUGH_MS, true).unref();
  setTimeout(() => setInterval(look, LOOK_MS).unref(), atMs).unref();
}

/** The heap with what it holds outside of it. */
/** Of buffers: without logs there are hardly any, and nothing is collected for it. */
function bytesOutsideHeap(): number {
  return getHeapStatistics().external_memory;
}

function heapBytes(): number {
  const { used_heap_size: heap, external_memory: outside } = getHeapStatistics();
  return heap + outside;
}
