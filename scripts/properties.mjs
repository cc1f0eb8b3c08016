// `npm run properties [-- ROUNDS]`: the unit tests, each round with other cases for their properties,
// until one fails. PROPERTY_SEED=… draws the cases of a failed round again.
import { spawnSync } from "node:child_process";
import { randomInt } from "node:crypto";

const rounds = Number(process.argv[2] ?? 20);
if (!(rounds >= 1)) {
  console.error(`rounds are a number of at least 1, not ${process.argv[2]}`);
  process.exit(2);
}
const projects = ["--project", "unit", "--project", "contract"];
for (let round = 1; round <= rounds; round += 1) {
  const PROPERTY_SEED = String(randomInt(2 ** 31));
  const { status } = spawnSync("npx", ["vitest", "run", "--reporter=dot", ...projects], {
    env: { ...process.env, PROPERTY_SEED },
    stdio: "inherit",
  });
  const outcome = status === 0 ? "holds" : "FAILED";
  console.log(`round ${round} of ${rounds}: PROPERTY_SEED=${PROPERTY_SEED} ${outcome}`);
  if (status !== 0) process.exit(1);
}
