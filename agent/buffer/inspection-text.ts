import { formatRfc3339 } from "../../shared/model/rfc3339.ts";
import { countOfSeq, epochOfSeq } from "../../shared/wire/frame.ts";
import type { Inspection } from "./inspection.ts";

/** What `buffer inspect` prints: what there is, and below it the ranges that were dropped. */
export function inspectionText(found: Inspection, directory: string): string {
  const { ledger, oldest, newest } = found;
  const place = (one: Inspection["oldest"]) =>
    one === null ? "none" : `${seqText(one.seq)} at ${timeText(one.timeMs)}`;
  const dropped = ledger.dropped.map(({ reason, frames }) => [
    `  dropped (${reason})`,
    `${frames}`,
  ]);
  const lines = aligned([
    ["directory", directory],
    ["stream", `metrics ${ledger.streamId}`],
    ["epoch", `${ledger.epoch}`],
    ["made", `${ledger.made}`],
    ["  stored", `${ledger.stored}`],
    ["  waiting", `${found.waiting}`],
    ...dropped,
    ["kept", `${found.frames} frames in ${found.stretches} stretches`],
    ["bytes", `${found.frameBytes} in frames`],
    ["series", `${found.definitions} definitions`],
    ["oldest", place(oldest)],
    ["newest", place(newest)],
  ]);
  const findings = found.findings.map((what) => `finding: ${what}\n`).join("");
  return `${lines}${rangesText(found)}${findings}`;
}

/** What `buffer verify` prints: a line a finding, or that there is none. */
export function findingsText(found: Inspection, directory: string): string {
  if (found.findings.length === 0) {
    return `${directory} is good: ${found.frames} frames, ${found.definitions} series\n`;
  }
  const lines = found.findings.map((what) => `${directory}: ${what}\n`);
  return `${lines.join("")}To save what can be read: telltale-agent buffer salvage --to DIR\n`;
}

function rangesText({ ranges }: Inspection): string {
  if (ranges.length === 0) return "";
  const rows = ranges.map((range) => [
    `${range.id}`,
    range.reason,
    `${range.frames}`,
    `${range.samples}`,
    `${seqText(range.fromSeq)} to ${seqText(range.toSeq)}`,
    `${timeText(range.fromMs)} to ${timeText(range.toMs)}`,
  ]);
  const table = aligned([["id", "reason", "frames", "samples", "sequences", "times"], ...rows]);
  return `\nDropped and not yet reported:\n${table}`;
}

function aligned(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, cell.length);
  }
  const lineOf = (row: readonly string[]) =>
    row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join("  ");
  return rows.map((row) => `${lineOf(row).trimEnd()}\n`).join("");
}

/** The epoch and the place in it. */
function seqText(seq: number): string {
  return `${epochOfSeq(seq)}/${countOfSeq(seq)}`;
}

function timeText(timeMs: number): string {
  return timeMs === 0 ? "unknown" : formatRfc3339(timeMs);
}
