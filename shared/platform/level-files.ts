import {
  closeSync,
  copyFileSync,
  existsSync,
  fstatSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { basename, join } from "node:path";
import { OperationalError } from "../errors.ts";
import { inDirectory, inUse } from "./level-errors.ts";
import { FOOTER_BYTES, isFooter, isTableWhole, salvageTable } from "./level-table.ts";

/** The directory's newest quarantines are kept, for whoever wants to look at them. */
const QUARANTINES_MAX = 3;
const QUARANTINE = /^quarantine-/;

/** How often the store was opened since it was last closed. */
const STARTS = "STARTS";
/** So many processes that died in a row make the store suspect. */
export const DEATHS_MAX = 2;
/** What LevelDB and we make in a store's directory; whatever else lies there is left alone. */
const OWN_FILES = /^(?:CURRENT|LOG(?:\.old)?|MANIFEST-\d+|\d+\.\w+|lost|STARTS)$/;
/** Those that make the store. */
const STORE_FILES = /^(?:CURRENT|MANIFEST-\d+|\d+\.(?:ldb|sst|log))$/;
const TABLES = /\.(?:ldb|sst)$/;

/** Names of the folders in a directory; none where it is missing. @throws OperationalError STORAGE */
export function foldersIn(directory: string): string[] {
  return inDirectory(directory, () => {
    if (!existsSync(directory)) return [];
    const entries = readdirSync(directory, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  });
}

/** All files of the store but its lock. */
export function ownFiles(directory: string): string[] {
  return readdirSync(directory).filter((name) => OWN_FILES.test(name));
}

/** Moves the files into a folder of their own, whose name it returns; the oldest ones go. */
export function quarantine(directory: string, names: readonly string[]): string {
  const known = readdirSync(directory).filter((name) => QUARANTINE.test(name));
  for (const old of known.sort().slice(0, Math.max(0, known.length - QUARANTINES_MAX + 1))) {
    rmSync(join(directory, old), { recursive: true, force: true });
  }
  const time = new Date().toISOString().replaceAll(/[-:.]/g, "");
  let path = join(directory, `quarantine-${time}`);
  for (let count = 2; existsSync(path); count += 1) {
    path = join(directory, `quarantine-${time}-${count}`);
  }
  inDirectory(directory, () => {
    mkdirSync(path);
    for (const name of names) renameSync(join(directory, name), join(path, name));
  });
  return path;
}

/** Returns how many processes in a row had it open before and did not close it. */
export function countStart(directory: string): number {
  const path = join(directory, STARTS);
  try {
    const deaths = existsSync(path) ? Number.parseInt(readFileSync(path, "utf8"), 10) : 0;
    writeFileSync(path, `${deaths > DEATHS_MAX ? 1 : deaths + 1}\n`);
    return deaths;
  } catch {
    return 0; // a full disk: LevelDB will say so
  }
}

/** It was closed as it should be. */
export function forgetStarts(directory: string): void {
  rmSync(join(directory, STARTS), { force: true });
}

/** @throws OperationalError IN_USE when a process has LevelDB's lock, as far as the kernel says */
export function requireUnlocked(directory: string): void {
  const path = join(directory, "LOCK");
  if (!existsSync(path)) return;
  const { ino } = statSync(path);
  const locks = readFileSync("/proc/locks", "utf8").split("\n");
  if (locks.some((line) => line.includes(`:${ino} `))) throw inUse(directory, undefined);
}

/** Puts what is whole of damaged tables in their place. Returns where they themselves lie now. */
export function salvageTables(directory: string): string | null {
  const bad = damagedTables(directory);
  if (bad.length === 0) return null;
  const salvaged = bad.map((name) => salvageTable(readFileSync(join(directory, name))));
  const aside = quarantine(directory, bad);
  for (const [index, name] of bad.entries()) {
    const table = salvaged[index] ?? null;
    if (table === null) continue;
    const path = join(directory, name);
    writeFileSync(`${path}.new`, table);
    renameSync(`${path}.new`, path);
  }
  return aside;
}

/** Names of the tables that have a block with a wrong checksum. */
export function damagedTables(directory: string): string[] {
  const bad = tablesOf(directory).filter((path) => !isTableWhole(readFileSync(path)));
  return bad.map((path) => basename(path));
}

export function tablesOf(directory: string): string[] {
  const names = readdirSync(directory).filter((name) => TABLES.test(name));
  return names.map((name) => join(directory, name));
}

export function endsLikeTable(path: string): boolean {
  const file = openSync(path, "r");
  try {
    const { size } = fstatSync(file);
    if (size < FOOTER_BYTES) return false;
    const end = Buffer.alloc(FOOTER_BYTES);
    readSync(file, end, 0, end.length, size - end.length);
    return isFooter(end);
  } finally {
    closeSync(file);
  }
}

/**
 * Makes a second directory with the same store in it, which may be opened, repaired and changed while
 * the first stays as it is: LevelDB never changes a table, so those are links.
 * @throws OperationalError NOT_FOUND when there is no store, IN_USE while a process has it open,
 * STORAGE when the copy cannot be made
 */
export function copyStore(from: string, to: string): void {
  requireStore(from);
  inDirectory(to, () => {
    mkdirSync(to, { recursive: true });
    for (const name of readdirSync(from).filter((one) => STORE_FILES.test(one))) {
      if (TABLES.test(name)) linkOrCopy(join(from, name), join(to, name));
      else copyFileSync(join(from, name), join(to, name));
    }
  });
}

/** A copy in a new folder beside the store's files; the caller removes it. @throws as `copyStore` */
export function temporaryCopy(from: string): string {
  requireStore(from);
  const to = inDirectory(from, () => mkdtempSync(join(from, "view-")));
  copyStore(from, to);
  return to;
}

function requireStore(directory: string): void {
  if (!existsSync(directory) || !readdirSync(directory).some((name) => STORE_FILES.test(name))) {
    throw new OperationalError("NOT_FOUND", `${directory}: there is no store here`);
  }
  requireUnlocked(directory);
}

function linkOrCopy(from: string, to: string): void {
  try {
    linkSync(from, to);
  } catch {
    copyFileSync(from, to); // another file system
  }
}
