// `npm run check`: vitest needs one thread, so all that looks at the sources only is done beside it.
// Its arguments go to vitest.
import { spawn } from "node:child_process";
import { join } from "node:path";
import { root } from "./set-up.mjs";

/** What was found out about files that did not change since. Not in a fresh clone, nor needed there. */
const CACHE = join(root, "node_modules/.cache/telltale");
const SOURCES = [
  ["biome", "ci", "."],
  typesOf(".", "check"),
  typesOf("aggregator/web/page", "page"),
  ["knip", "--cache", "--cache-location", join(CACHE, "knip")],
];
const TESTS = ["vitest", "run", "--project", "unit", "--project", "contract"];

const [areTestsGood, looks] = await Promise.all([
  run([...TESTS, ...process.argv.slice(2)], "inherit").then(({ isGood }) => isGood),
  lookAtSources(),
]);
for (const { command, output, isGood } of looks) {
  if (!isGood) console.error(`\n${command.slice(0, 2).join(" ")}:\n${output}`);
}
const failed = looks.filter(({ isGood }) => !isGood).map(({ command }) => command[0]);
if (!areTestsGood) failed.push("vitest");
if (failed.length > 0) console.error(`check FAILED: ${failed.join(", ")}`);
else console.log(`check: good, with ${SOURCES.map(([name]) => name).join(", ")}`);
process.exitCode = failed.length > 0 ? 1 : 0;

/** One thread takes less time in all than several, and is done long before the tests are. */
function typesOf(project, name) {
  const kept = ["--incremental", "--tsBuildInfoFile", join(CACHE, `${name}.tsbuildinfo`)];
  return ["tsc", "--project", project, "--noEmit", "--singleThreaded", ...kept];
}

/** One after the other: the second core is all they have. */
async function lookAtSources() {
  const found = [];
  for (const command of SOURCES) found.push({ command, ...(await run(command, "pipe")) });
  return found;
}

/** A program of our packages; what it says, in the order in which it said it. */
function run([name, ...args], output) {
  const path = join(root, "node_modules/.bin", name);
  const child = spawn(path, args, { cwd: root, stdio: ["ignore", output, output] });
  const said = [];
  child.stdout?.on("data", (bytes) => said.push(bytes));
  child.stderr?.on("data", (bytes) => said.push(bytes));
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) =>
      resolve({ isGood: code === 0, output: Buffer.concat(said).toString() }),
    );
  });
}
