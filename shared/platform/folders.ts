import { existsSync, readdirSync } from "node:fs";
import { storageError } from "./level-errors.ts";

/**
 * Names of the folders in a directory; none where it is missing.
 * @throws OperationalError STORAGE when it cannot be read
 */
export function foldersIn(directory: string): string[] {
  try {
    if (!existsSync(directory)) return [];
    const entries = readdirSync(directory, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  } catch (error) {
    throw storageError(directory, error);
  }
}
