import { randomInt } from "node:crypto";
import { readOptions, wholeNumber } from "../support/command-line.ts";
import { exitOnSignals } from "../support/programs.ts";
import { runDifferential } from "./run.ts";

const HELP = `Asks Debian's Prometheus and our engine the same generated queries over the same samples.

  npm run conformance:differential -- [--queries N] [--seed N]

  --queries N   how many (default 2400)
  --seed N      of the samples and the queries (default: by chance)

Equal are numbers that differ by 1e-9 of their size at most. Each difference is shown by the smallest
part of the query that has it. Differences between Prometheus 2 and 3 that docs/promql.md lists are
counted. Ends with 1 when there is any other. \`prometheus\` is found by the PATH.
`;

exitOnSignals();
const values = readOptions(HELP, ["queries", "seed"]);
const different = await runDifferential(
  wholeNumber(values.queries, 2400, HELP),
  wholeNumber(values.seed, randomInt(1_000_000_000), HELP),
);
process.exitCode = different === 0 ? 0 : 1;
