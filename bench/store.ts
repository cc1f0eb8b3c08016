import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { BenchResult } from "./bench-result.ts";
import { progress, rounded } from "./report.ts";
import { type Figures, measureOurs } from "./store-ours.ts";
import { isInstalled, measurePeer, PEERS } from "./store-peers.ts";
import { captureSet, poissonSet, realSet, type SampleSet } from "./store-sets.ts";

/** Each is made anew for each program: what it has said is said. */
const SETS: readonly (() => SampleSet)[] = [
  () => captureSet(20, 1800),
  () => poissonSet(1000, 8640),
];

/**
 * Bytes a sample on the disk, index included, after compaction: a real capture (20 nodes of 507
 * series, half an hour at 1 s), noisy counters (1,000, a day at 10 s), and a further capture of
 * peers/capture.py as it is, if its file is named; in ours and in peers.
 */
export async function store([captured]: readonly string[]): Promise<BenchResult> {
  const figures: Figures = {};
  const sets = captured === undefined ? SETS : [...SETS, () => realSet(captured)];
  for (const makeSet of sets) {
    const { name } = makeSet();
    await inDirectory(async (directory) => {
      keep(figures, `${name}_ours`, await measureOurs(directory, makeSet()));
    });
    for (const peer of PEERS) {
      if (!isInstalled(peer)) {
        progress(`${peer.program} is not installed`);
        continue;
      }
      await inDirectory(async (directory) => {
        keep(figures, `${name}_${peer.name}`, await measurePeer(peer, directory, makeSet()));
      });
    }
  }
  const value = figures["capture_ours_bytes_per_sample"] ?? Number.NaN;
  return { name: "store", value, unit: "bytes/sample, capture", vs: figures };
}

function keep(figures: Figures, prefix: string, found: Figures): void {
  for (const [name, figure] of Object.entries(found)) {
    figures[`${prefix}_${name}`] = rounded(figure);
    console.log(`${`${prefix}_${name}`.padEnd(48)}${rounded(figure)}`);
  }
}

async function inDirectory(work: (directory: string) => Promise<void>): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "telltale-store-"));
  try {
    await work(directory);
  } finally {
    rmSync(directory, { recursive: true });
  }
}
