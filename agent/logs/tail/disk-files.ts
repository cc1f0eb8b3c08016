import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  realpathSync,
  type Stats,
  statSync,
} from "node:fs";
import { opendir } from "node:fs/promises";
import { errorMessage, OperationalError, systemCode } from "../../../shared/errors.ts";
import { loadCLibrary } from "../../../shared/platform/c-library.ts";
import { isFootprintKept } from "../../../shared/platform/footprint.ts";
import { loadPread } from "../../../shared/platform/pread.ts";
import type { EntryKind, FileStatus, LogFiles } from "./ports.ts";

/** Without O_NONBLOCK, opening a FIFO waits for a writer. */
const FLAGS = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY;
const SEEK_END = 2;
const LIST_ENTRIES = 1024; // read from the kernel at once

/**
 * The machine's files. Status and reads are synchronous: through libuv's threads each would cost
 * ten times the system call. Directories, which can be large, are read by those threads.
 */
export function diskFiles(): LogFiles {
  const pread = loadPread();
  return {
    status: (path) => orNull(path, () => fileStatus(statSync(path, { throwIfNoEntry: false }))),
    open: (path) => orNull(path, () => openFile(path)),
    statusOf: (descriptor) => {
      return attempt("a file that is open", () => statusFrom(fstatSync(descriptor)));
    },
    size: loadSize(),
    read: (descriptor, buffer, offset, length, position) => {
      return attempt("a file that is open", () => {
        return pread(descriptor, buffer, offset, length, position);
      });
    },
    close: closeSync,
    resolve: (path) => orNull(path, () => realpathSync(path)),
    list: async (directory, entriesMax, visit) => {
      try {
        let left = entriesMax;
        for await (const entry of await opendir(directory, { bufferSize: LIST_ENTRIES })) {
          if (left === 0) return false;
          left -= 1;
          visit(entry.name, entryKind(entry));
        }
        return true;
      } catch (error) {
        if (isMissing(error)) return true;
        throw unreadable(directory, error);
      }
    },
  };
}

/**
 * A link is followed when it is root's or of the same owner as the file that it leads to: the agent
 * may read what the one who made a link may not.
 */
function openFile(path: string): number {
  try {
    return openSync(path, FLAGS | constants.O_NOFOLLOW);
  } catch (error) {
    if (systemCode(error) !== "ELOOP") throw error;
  }
  const { uid } = lstatSync(path);
  const descriptor = openSync(path, FLAGS);
  const owner = fstatSync(descriptor).uid;
  if (uid === 0 || uid === owner) return descriptor;
  closeSync(descriptor);
  throw new Error(`it is a link of user ${uid} to a file of user ${owner}`);
}

/** By lseek(2), which needs no memory: a file that is held open is asked at each look. */
function loadSize(): (descriptor: number) => number {
  if (!isFootprintKept) return sizeByStatus;
  try {
    const call = loadCLibrary().func("int64_t lseek(int descriptor, int64_t offset, int whence)");
    return (descriptor) => Number(call(descriptor, 0, SEEK_END));
  } catch (error) {
    if (error instanceof OperationalError) return sizeByStatus;
    throw error;
  }
}

function sizeByStatus(descriptor: number): number {
  try {
    return fstatSync(descriptor).size;
  } catch (error) {
    if (systemCode(error) === null) throw error;
    return -1;
  }
}

function fileStatus(stats: Stats | undefined): FileStatus | null {
  return stats === undefined ? null : statusFrom(stats);
}

function statusFrom(stats: Stats): FileStatus {
  const kind = stats.isDirectory() ? "directory" : "other";
  return {
    device: stats.dev,
    inode: stats.ino,
    size: stats.size,
    mtimeMs: stats.mtimeMs,
    birthMs: stats.birthtimeMs || stats.ctimeMs,
    kind: stats.isFile() ? "file" : kind,
  };
}

function entryKind(entry: {
  isFile(): boolean;
  isDirectory(): boolean;
  isSymbolicLink(): boolean;
}): EntryKind {
  if (entry.isFile()) return "file";
  if (entry.isDirectory()) return "directory";
  return entry.isSymbolicLink() ? "link" : "other";
}

function orNull<T>(path: string, work: () => T): T | null {
  try {
    return work();
  } catch (error) {
    if (isMissing(error)) return null;
    throw unreadable(path, error);
  }
}

function attempt<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw unreadable(path, error);
  }
}

/** ELOOP: a link that leads to itself leads nowhere. */
function isMissing(error: unknown): boolean {
  const code = systemCode(error);
  return code === "ENOENT" || code === "ENOTDIR" || code === "ELOOP";
}

function unreadable(path: string, cause: unknown): OperationalError {
  return new OperationalError("UNAVAILABLE", `Cannot read ${path}: ${errorMessage(cause)}`, {
    cause,
  });
}
