import type { SeededRandom } from "../support/random.ts";
import { LABEL_VALUES } from "./alert-plan.ts";

type SilenceMatcher = {
  readonly name: string;
  readonly value: string;
  readonly isRegex: boolean;
  readonly isEqual: boolean;
};

/** What a person does with a silence at a time; times count from the start of the run. */
export type SilenceStep = {
  readonly atS: number;
  /** Of the plan: each program gives ids of its own. */
  readonly name: string;
  /** Null: it is ended now. */
  readonly silence: {
    readonly matchers: readonly SilenceMatcher[];
    readonly startS: number;
    readonly endS: number;
  } | null;
};

const SILENCES_MAX = 3;

export function planSilences(random: SeededRandom, seconds: number): SilenceStep[] {
  const steps: SilenceStep[] = [];
  for (let index = random.int(0, SILENCES_MAX); index > 0; index -= 1) {
    steps.push(...planSilence(random, `s${index}`, seconds));
  }
  return steps.filter(({ atS }) => atS < seconds).sort((a, b) => a.atS - b.atS);
}

function planSilence(random: SeededRandom, name: string, seconds: number): SilenceStep[] {
  const atS = random.int(1, Math.max(2, seconds - 20));
  const matchers = planSilenceMatchers(random);
  const startS = atS + random.pick([0, 0, random.int(1, 4)]);
  const endS = startS + random.int(4, 25);
  const posted = { atS, name, silence: { matchers, startS, endS } };
  const laterS = startS + random.int(2, endS - startS - 1);
  switch (random.pick(["runs out", "is ended", "is changed"])) {
    case "is ended":
      return [posted, { atS: laterS, name, silence: null }];
    case "is changed": {
      const longer = { matchers, startS, endS: endS + random.int(1, 10) };
      return [posted, { atS: laterS, name, silence: longer }];
    }
    default:
      return [posted];
  }
}

function planSilenceMatchers(random: SeededRandom): SilenceMatcher[] {
  const first = random.pick(["team", "alertname", "severity"] as const);
  const values = LABEL_VALUES[first];
  const [one, other] = [random.pick(values), random.pick(values)];
  const equal = { name: first, value: one, isRegex: false, isEqual: true };
  const either = { name: first, value: `${one}|${other}`, isRegex: true, isEqual: true };
  const more = [
    { name: "zone", value: "a", isRegex: false, isEqual: false },
    { name: "zone", value: "b.*", isRegex: true, isEqual: false },
    { name: "replica", value: "0", isRegex: false, isEqual: true },
  ];
  return [random.pick([equal, either]), ...(random.chance(0.4) ? [random.pick(more)] : [])];
}
