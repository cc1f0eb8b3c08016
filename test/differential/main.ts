import { randomInt } from "node:crypto";
import { parseArgs } from "node:util";
import { refuse, wholeNumber } from "../support/command-line.ts";
import { exitOnSignals } from "../support/programs.ts";
import { runPlans } from "./run.ts";

const HELP = `Sends the same alerts to Debian's Alertmanager and to the aggregator, under many routing files,
and compares what their webhooks get, and when.

  npm run differential -- [--configs N] [--seconds N] [--seed N]

  --configs N       routing files, all at the same time (default 20)
  --seconds N       how long alerts come and go (default 90)
  --seed N          of the first routing file; the next one has N + 1 (default: by chance)
  --only-real       print what the real one sends, as JSON, and compare nothing
  --ours-is-real    compare the real one with itself: no difference may be found

A row of the table names the seed that plays it again: --seed SEED --configs 1. The real one is
\`prometheus-alertmanager\` of the PATH. Ends with 1 when there is a difference, or when the machine was
too slow to tell.
`;

const CONFIGS_DEFAULT = 20;
const SECONDS_DEFAULT = 90;

function readCommand() {
  const text = { type: "string" } as const;
  const flag = { type: "boolean", default: false } as const;
  try {
    return parseArgs({
      options: {
        configs: text,
        seconds: text,
        seed: text,
        "only-real": flag,
        "ours-is-real": flag,
        help: flag,
      },
    }).values;
  } catch (error) {
    return refuse(error instanceof Error ? error.message : String(error), HELP);
  }
}

exitOnSignals();
const values = readCommand();
if (values.help) {
  console.log(HELP);
} else {
  const isGood = await runPlans({
    configs: wholeNumber(values.configs, CONFIGS_DEFAULT, HELP),
    seconds: wholeNumber(values.seconds, SECONDS_DEFAULT, HELP),
    seed: wholeNumber(values.seed, randomInt(1_000_000_000), HELP),
    ours: values["only-real"] ? "none" : values["ours-is-real"] ? "real" : "aggregator",
  });
  process.exitCode = isGood ? 0 : 1;
}
