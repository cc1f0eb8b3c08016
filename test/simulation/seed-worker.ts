import { runSeed } from "./run.ts";
import type { SeedOrder, SeedReport } from "./seed-workers.ts";

/** Runs the seeds that the parent process sends, one at a time. */
process.on("message", ({ seed, plant }: SeedOrder) => {
  void runSeed(seed, { plant, isTraced: false }).then((report) => {
    const { violations, digest, counts, virtualMs } = report;
    const told: SeedReport = { seed, violations, digest, counts: [...counts], virtualMs };
    process.send?.(told);
  });
});
process.on("disconnect", () => process.exit());
