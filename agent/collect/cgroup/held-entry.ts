import type { CollectContext } from "../context.ts";
import { HeldFile, type HeldFileOptions, MISSING } from "../kit/held-file.ts";

const COLLECTOR = "cgroup";

/** Opens the first of the files that is there; null: none is, or there is no directory. */
export function openFirst(
  { buffer, faults }: CollectContext,
  directory: string | null,
  names: readonly string[],
  options: HeldFileOptions,
): HeldFile | null {
  if (directory === null) return null;
  for (const name of names) {
    const held = new HeldFile(`${directory}/${name}`, buffer, options);
    try {
      if (held.open()) return held;
    } catch {
      // Out of descriptors, or not permitted: tried again with the next resolve.
      faults.add(COLLECTOR, "unreadable", 1);
    }
  }
  return null;
}

/** What reading found; a file that cannot be read is let go. */
export function readHeld(entry: { held: HeldFile | null }, { faults }: CollectContext): number {
  if (entry.held === null) return MISSING;
  let outcome = MISSING;
  try {
    outcome = entry.held.read();
  } catch {
    faults.add(COLLECTOR, "unreadable", 1);
  }
  if (outcome === MISSING) entry.held = null;
  return outcome;
}
