import { test } from "vitest";
import { Bed } from "../support/programs.ts";
import { SeededRandom } from "../support/random.ts";
import { LogTorture } from "../torture/logs.ts";

const MINUTES = 2;
/** `npm run torture -- logs` takes longer, and writes as much as the machine can take. */
const MEGABYTES_A_SECOND = 2;
const LONG = { timeout: 15 * 60_000 };

test(
  "eight logs are rotated while both sides are killed: every line comes once",
  LONG,
  async () => {
    await using bed = await Bed.open();
    const torture = new LogTorture(bed, new SeededRandom("logs in the tests"));
    await torture.run({ minutes: MINUTES, megabytesASecond: MEGABYTES_A_SECOND });
  },
);
