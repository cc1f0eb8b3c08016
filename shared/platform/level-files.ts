import {
  closeSync,
  existsSync,
  fstatSync,
  mkdirSync,
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
import { inUse, storageError } from "./level-errors.ts";
import { isTableWhole, salvageTable } from "./level-table.ts";

const TABLE_MAGIC = Buffer.from("57fb808b247547db", "hex");
const TABLE_BYTES_MIN = 48;

/** The directory's newest quarantines are kept, for whoever wants to look at them. */
const QUARANTINES_MAX = 3;
const QUARANTINE = /^quarantine-/;

/** How often the store was opened since it was last closed. */
const STARTS = "STARTS";
/** So many processes that died in a row make the store suspect. */
export const DEATHS_MAX = 2;
/** What LevelDB and we make in a store's directory; whatever else lies there is left alone. */
const OWN_FILES = /^(?:CURRENT|LOG(?:\.old)?|MANIFEST-\d+|\d+\.\w+|lost|STARTS)$/;

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
  try {
    mkdirSync(path);
    for (const name of names) renameSync(join(directory, name), join(path, name));
  } catch (error) {
    throw storageError(directory, error);
  }
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
  const bad = tablesOf(directory).filter((path) => !isTableWhole(readFileSync(path)));
  if (bad.length === 0) return null;
  const salvaged = bad.map((path) => salvageTable(readFileSync(path)));
  const aside = quarantine(
    directory,
    bad.map((path) => basename(path)),
  );
  for (const [index, path] of bad.entries()) {
    const table = salvaged[index] ?? null;
    if (table === null) continue;
    writeFileSync(`${path}.new`, table);
    renameSync(`${path}.new`, path);
  }
  return aside;
}

export function tablesOf(directory: string): string[] {
  const names = readdirSync(directory).filter((name) => /\.(ldb|sst)$/.test(name));
  return names.map((name) => join(directory, name));
}

export function endsLikeTable(path: string): boolean {
  const file = openSync(path, "r");
  try {
    const { size } = fstatSync(file);
    if (size < TABLE_BYTES_MIN) return false;
    const end = Buffer.alloc(TABLE_MAGIC.length);
    readSync(file, end, 0, end.length, size - end.length);
    return end.equals(TABLE_MAGIC);
  } finally {
    closeSync(file);
  }
}
