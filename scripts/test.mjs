// `npm test`: sets up from a fresh clone, then everything that continuous integration runs. Ends
// with what was skipped, and how to run that too; with CI set that is a failure.
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join, relative } from "node:path";
import { root, setUp } from "./set-up.mjs";
import { installCommand } from "./test-tools.mjs";

setUp();
const args = process.argv.slice(2);
const vitest = ["npx", "vitest", "run"];
// By itself vitest leaves a core to others: on two cores the simulation would take twice as long.
const workers = `--maxWorkers=${availableParallelism()}`;
const projects = (...names) => names.flatMap((name) => ["--project", name]);
const steps =
  args.length > 0
    ? [[...vitest, ...args]]
    : [
        ["npm", "run", "--silent", "check", "--"],
        [...vitest, workers, ...projects("conformance", "simulation", "integration")],
        [...vitest, ...projects("e2e", "e2e-timed")],
      ];
const folder = mkdtempSync(join(tmpdir(), "telltale-tests-"));
process.on("exit", () => rmSync(folder, { recursive: true }));

const skipped = new Map();
for (const step of steps) {
  const report = join(folder, "report.json");
  const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${report}`];
  const [command, ...commandArgs] = [...step, ...reporters];
  const { status } = spawnSync(command, commandArgs, { cwd: root, stdio: "inherit" });
  if (status !== 0) process.exit(status ?? 1);
  for (const { name, assertionResults } of JSON.parse(readFileSync(report, "utf8")).testResults) {
    const count = assertionResults.filter((one) => one.status === "skipped").length;
    if (count > 0) skipped.set(relative(root, name), count);
  }
}
if (skipped.size > 0) reportSkipped();

function reportSkipped() {
  console.log("\nSkipped, because something that they need is missing here:");
  for (const [file, count] of skipped) console.log(`  ${file}: ${count} tests`);
  console.log("To run them:");
  for (const line of remedies()) console.log(`  ${line}`);
  if (process.env.CI) process.exitCode = 1;
}

function remedies() {
  const shared = process.env.TELLTALE_SHARED ?? join(root, "../shared");
  const lines = [];
  if (installCommand() !== "") lines.push("sudo node scripts/test-tools.mjs --install");
  if (process.getuid?.() !== 0) lines.push("sudo npm test");
  for (const name of ["fixtures", "conformance"]) {
    if (existsSync(join(shared, name))) continue;
    lines.push(`TELLTALE_SHARED=FOLDER npm test, where FOLDER/${name} is what they read`);
  }
  return lines.length > 0 ? lines : ["what a test needs stands at its head"];
}
