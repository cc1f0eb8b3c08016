// `node scripts/test-on-node.mjs VERSION`: unit, contract and one e2e test on another Node, which
// npm brings, beside the packages of the lock file.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { root, setUp } from "./set-up.mjs";

const [version] = process.argv.slice(2);
setUp();
const folder = join(root, "node_modules/.telltale-node", version);
const name = `node-linux-${process.arch}`;
const node = join(folder, "node_modules", name, "bin/node");
if (!existsSync(node)) {
  run("npm", ["install", "--prefix", folder, "--no-save", "--no-audit", `${name}@${version}`]);
}
const vitest = [join(root, "node_modules/vitest/vitest.mjs"), "run", "--project"];
run(node, ["--version"]);
run(node, [...vitest, "unit", "--project", "contract"]);
run(node, [...vitest, "e2e-timed", "test/e2e/truth.test.ts"]);

function run(command, args) {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: "inherit" });
  if (status === 0) return;
  console.error(`Node ${version}: ${command} ${args.join(" ")} failed${error ? `: ${error}` : ""}`);
  process.exit(1);
}
