import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

const SHARED = process.env["TELLTALE_SHARED"] ?? join(import.meta.dirname, "../../../shared");
const FILE = join(SHARED, "conformance/METRICS.md");

/** The names of containers and machines that public rules and dashboards use; none without the list. */
export function containerNamesInUse(): string[] {
  if (!existsSync(FILE)) return [];
  const rows = readFileSync(FILE, "utf8").matchAll(/^\| ((?:container|machine)_\w+) \|/gm);
  return [...rows].map(([, name = ""]) => name);
}
