// `npm test`: sets up from a fresh clone, then everything that continuous integration runs.
import { spawnSync } from "node:child_process";
import { availableParallelism } from "node:os";
import { root, setUp } from "./set-up.mjs";

setUp();
const args = process.argv.slice(2);
const steps =
  args.length > 0
    ? [["npx", ["vitest", "run", ...args]]]
    : [
        ["npm", ["run", "--silent", "check"]],
        [
          "npx",
          [
            "vitest",
            "run",
            // By itself it leaves a core to others: on two cores the simulation would take twice as long.
            `--maxWorkers=${availableParallelism()}`,
            "--project",
            "conformance",
            "--project",
            "simulation",
            "--project",
            "integration",
          ],
        ],
        ["npx", ["vitest", "run", "--project", "e2e", "--project", "e2e-timed"]],
      ];
for (const [command, commandArgs] of steps) {
  const { status } = spawnSync(command, commandArgs, { cwd: root, stdio: "inherit" });
  if (status !== 0) process.exit(status ?? 1);
}
