import { copyFileSync, existsSync, linkSync, mkdirSync, mkdtempSync, readdirSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { errorMessage, OperationalError } from "../errors.ts";
import { requireUnlocked } from "./level-files.ts";
import { isTableWhole } from "./level-table.ts";

const TABLE = /\.(ldb|sst)$/;
const STORE_FILE = /^(CURRENT|MANIFEST-\d+|\d+\.(ldb|sst|log))$/;

/**
 * Makes a second directory with the same store in it, which may be opened, repaired and changed while
 * the first stays as it is: LevelDB never changes a table, so those are links.
 * @throws OperationalError NOT_FOUND when there is no store, IN_USE while a process has it open,
 * STORAGE when the copy cannot be made
 */
export function copyStore(from: string, to: string): void {
  requireStore(from);
  try {
    mkdirSync(to, { recursive: true });
    for (const name of readdirSync(from).filter((one) => STORE_FILE.test(one))) {
      if (TABLE.test(name)) linkOrCopy(join(from, name), join(to, name));
      else copyFileSync(join(from, name), join(to, name));
    }
  } catch (error) {
    throw new OperationalError("STORAGE", `${to}: ${errorMessage(error)}`, { cause: error });
  }
}

/** A copy in a new folder beside the store's files; the caller removes it. */
export function temporaryCopy(from: string): string {
  requireStore(from);
  let to: string;
  try {
    to = mkdtempSync(join(from, "view-"));
  } catch (error) {
    throw new OperationalError("STORAGE", `${from}: ${errorMessage(error)}`, { cause: error });
  }
  copyStore(from, to);
  return to;
}

/** Names of the tables that have a block with a wrong checksum. */
export async function damagedTables(directory: string): Promise<string[]> {
  const damaged: string[] = [];
  for (const name of readdirSync(directory).filter((one) => TABLE.test(one))) {
    if (!isTableWhole(await readFile(join(directory, name)))) damaged.push(name);
  }
  return damaged;
}

function requireStore(directory: string): void {
  if (!existsSync(directory) || !readdirSync(directory).some((name) => STORE_FILE.test(name))) {
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
