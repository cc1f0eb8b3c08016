import type { SeededRandom } from "../support/random.ts";

/**
 * The lives of some alerts. The real dispatcher lets go of empty groups only every 30 s from its
 * start; scaled down with the rest that would be half a second. So that it decides nothing, time is
 * cut into rounds of 30 s: what begins in a round begins before anything ends in it, and what ends
 * has been sent when the next round begins.
 */
export const ROUND_S = 30;
export const START_MIN_S = 1;
export const START_MAX_S = 13;
export const END_MIN_S = 14;
export const END_MAX_S = 20;

export const LABEL_VALUES = {
  alertname: ["DiskFull", "HighLoad", "TargetDown", "SlowQuery"],
  team: ["db", "web", "infra"],
  severity: ["critical", "warning", "info"],
  zone: ["a", "b"],
} as const;

export type PlannedAlert = {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  /** From the start of the run; null: it is not said. */
  readonly startS: number | null;
  readonly endS: number | null;
};

export type AlertPost = { readonly atS: number; readonly alert: PlannedAlert };

export type AlertTiming = { readonly resolveTimeoutS: number; readonly seconds: number };

/** A third of a second is a time of its own: one alert long after its start flushes at once. */
const THIRD_S = 1 / 3;
const OLD_S = 60;
const RENEWED_EARLIER_S = 2;

const ALERTS_MIN = 8;
const ALERTS_MAX = 14;

/** @param canFlap an alert may end and fire again in the time of starts: twins keep its groups alive */
export function planAlerts(
  random: SeededRandom,
  timing: AlertTiming,
  canFlap: boolean,
): AlertPost[] {
  const labelSets = new Map<string, Record<string, string>>();
  for (let left = random.int(ALERTS_MIN, ALERTS_MAX); left > 0; left -= 1) {
    const labels = planLabels(random);
    labelSets.set(JSON.stringify(labels), labels);
  }
  const posts = [...labelSets.values()].flatMap((labels) => {
    if (canFlap && random.chance(0.25)) return twinLives(random, labels, timing);
    return new Life(random, { ...labels, replica: "0" }, timing).live();
  });
  posts.push(...oldAlert(random));
  return posts.filter(({ atS }) => atS < timing.seconds).sort((a, b) => a.atS - b.atS);
}

function planLabels(random: SeededRandom): Record<string, string> {
  const labels: Record<string, string> = {};
  for (const [name, values] of Object.entries(LABEL_VALUES)) {
    if (name !== "zone" || random.chance(0.7)) labels[name] = random.pick(values);
  }
  return labels;
}

/** What one alert does, round by round. */
class Life {
  readonly #random: SeededRandom;
  readonly #labels: Readonly<Record<string, string>>;
  readonly #timing: AlertTiming;
  readonly #posts: AlertPost[] = [];

  constructor(random: SeededRandom, labels: Readonly<Record<string, string>>, timing: AlertTiming) {
    this.#random = random;
    this.#labels = labels;
    this.#timing = timing;
  }

  live(): AlertPost[] {
    let firingFromS: number | null = null;
    for (let roundS = 0; roundS < this.#timing.seconds; roundS += ROUND_S) {
      if (firingFromS === null && this.#random.chance(0.2)) {
        if (this.#random.chance(0.3)) this.#neverSeenFiring(roundS);
        continue;
      }
      firingFromS = this.#liveRound(roundS, firingFromS);
    }
    return this.#posts;
  }

  /** Fires from the beginning of a round, and ends in the time of ends. */
  liveThroughStarts(roundS: number): AlertPost[] {
    const startS = roundS + START_MIN_S;
    this.#renew(startS, roundS + this.#endInRound(), this.#isStartSaid(startS));
    this.#post(roundS + END_MAX_S, null, roundS + END_MAX_S);
    return this.#posts;
  }

  /** Fires, ends and fires again while other alerts begin. */
  flap(roundS: number): AlertPost[] {
    const startS = roundS + this.#random.int(START_MIN_S, 5);
    const endS = startS + this.#random.int(1, 4);
    const againS = endS + this.#random.int(1, 3);
    this.#post(startS);
    this.#post(endS, null, endS);
    this.#renew(againS, roundS + END_MIN_S, this.#isStartSaid(againS));
    return this.#posts;
  }

  /** @returns since when it fires on into the next round; null: it does not */
  #liveRound(roundS: number, firingFromS: number | null): number | null {
    const { resolveTimeoutS } = this.#timing;
    const endS = roundS + Math.max(this.#endInRound(), resolveTimeoutS + START_MIN_S);
    const lastS = Math.min(roundS + START_MAX_S, endS - resolveTimeoutS);
    const startS = firingFromS ?? roundS + this.#random.int(START_MIN_S, lastS - roundS);
    const fromS = Math.max(startS, roundS);
    const start = this.#isStartSaid(startS);
    switch (this.#random.pick(["resolved", "resolved", "silent", "announced", "goes on"])) {
      case "resolved":
        this.#renew(fromS, endS, start);
        this.#post(endS, this.#random.chance(0.5) ? startS : null, endS);
        return null;
      case "silent":
        this.#renew(fromS, endS - resolveTimeoutS, start);
        this.#post(endS - resolveTimeoutS, start);
        return null;
      case "announced":
        this.#post(fromS, start, endS);
        return null;
      default:
        this.#renew(fromS, roundS + ROUND_S, start);
        return startS;
    }
  }

  /** An end without a beginning: nobody is notified. */
  #neverSeenFiring(roundS: number): void {
    const endS = roundS + this.#endInRound();
    this.#post(endS, null, endS);
  }

  #endInRound(): number {
    return this.#random.int(END_MIN_S, END_MAX_S);
  }

  /** As rules do, a program may say the start with each post, or leave it to Alertmanager. */
  #isStartSaid(startS: number): number | null {
    return this.#random.chance(0.5) ? startS : null;
  }

  #renew(fromS: number, untilS: number, startS: number | null): void {
    const stepS = this.#timing.resolveTimeoutS - RENEWED_EARLIER_S;
    for (let atS = fromS; atS < untilS; atS += stepS) this.#post(atS, startS);
  }

  #post(atS: number, startS: number | null = null, endS: number | null = null): void {
    const annotations = { summary: this.#random.pick(["as before", "as before", "worse"]) };
    this.#posts.push({ atS, alert: { labels: this.#labels, annotations, startS, endS } });
  }
}

/** Two alerts in the same groups: one fires all the time while the other one flaps. */
function twinLives(
  random: SeededRandom,
  labels: Readonly<Record<string, string>>,
  timing: AlertTiming,
): AlertPost[] {
  const posts: AlertPost[] = [];
  for (let roundS = 0; roundS < timing.seconds; roundS += ROUND_S) {
    posts.push(
      ...new Life(random, { ...labels, replica: "0" }, timing).liveThroughStarts(roundS),
      ...new Life(random, { ...labels, replica: "1" }, timing).flap(roundS),
    );
  }
  return posts;
}

/** One that began long ago flushes its groups at once. No inhibition starts with it. */
function oldAlert(random: SeededRandom): AlertPost[] {
  const labels = { ...planLabels(random), severity: "info", replica: "old" };
  const atS = random.int(START_MIN_S, START_MAX_S - 1) + THIRD_S;
  const endS = random.int(END_MIN_S, END_MAX_S);
  const fires = { labels, annotations: {}, startS: atS - OLD_S, endS };
  return [{ atS, alert: fires }];
}
