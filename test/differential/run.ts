import { stringify } from "yaml";
import { type Side, startAlertmanager } from "../support/alertmanager.ts";
import { ROUND_S } from "./alert-plan.ts";
import { type Comparison, compare } from "./compare.ts";
import { makePlan, type Plan } from "./plan.ts";
import { play } from "./play.ts";
import { type Notice, Recorder } from "./recorder.ts";
import { fileOf } from "./routing-plan.ts";
import { type StartSide, startAggregator } from "./sides.ts";

export type RunOptions = {
  readonly configs: number;
  readonly seconds: number;
  readonly seed: number;
  /** Which program is compared with the real one. */
  readonly ours: "aggregator" | "real" | "none";
};

const STARTS = { aggregator: startAggregator, real: startAlertmanager };
/** Pairs of programs. */
const STARTS_AT_ONCE = 2;
/** Two real ones look for empty groups at almost the same time; alert-plan.ts leaves it so much. */
const SWEEPS_APART_MAX_MS = 1200;
const BEFORE_ZERO_MS = 300;
/** Beyond it an alert comes near a flush, and the run proves nothing. */
const LATE_MAX_MS = 300;

/** What became of one plan. */
type Outcome = {
  readonly plan: Plan;
  readonly comparison: Comparison | null;
  readonly lateMs: number;
  /** Why nothing is proved. */
  readonly failure: string | null;
  readonly real: readonly Notice[];
  readonly zeroMs: number;
};

type Sides = { readonly real: Side; readonly ours: Side | null };

/** @returns whether nothing differs */
export async function runPlans(options: RunOptions): Promise<boolean> {
  const { configs, seconds, seed, ours } = options;
  console.error(`seeds ${seed} to ${seed + configs - 1}, ${seconds} s each`);
  await using recorder = await Recorder.open();
  const turns = new Turns(STARTS_AT_ONCE);
  const planned = Array.from({ length: configs }, (_, index) => {
    const plan = makePlan(seed + index, seconds, Date.now());
    return { plan, starting: turns.take(() => startSides(plan, ours, recorder)) };
  });
  // Starting takes the processors; nothing is timed before all are there.
  await Promise.allSettled(planned.map(({ starting }) => starting));
  const outcomes = await Promise.all(
    planned.map(({ plan, starting }) => playAndCompare(plan, starting, recorder)),
  );
  if (outcomes.every(({ real }) => real.length === 0)) console.error("The real ones sent nothing");
  if (ours === "none") printTrace(outcomes);
  else printTable(outcomes);
  return outcomes.some(({ real }) => real.length > 0) && outcomes.every(isGood);
}

function isGood({ failure, comparison }: Outcome): boolean {
  return failure === null && (comparison?.firstDifference ?? null) === null;
}

async function startSides(
  plan: Plan,
  ours: RunOptions["ours"],
  recorder: Recorder,
): Promise<Sides> {
  const start = (startSide: StartSide, side: "real" | "ours") => {
    return startSide(stringify(fileOf(plan.routing, recorder.urlOf(`${side}-${plan.seed}`))));
  };
  const [real, other] = await Promise.all([
    start(startAlertmanager, "real"),
    ours === "none" ? null : start(STARTS[ours], "ours"),
  ]);
  return { real, ours: other };
}

async function playAndCompare(
  plan: Plan,
  starting: Promise<Sides>,
  recorder: Recorder,
): Promise<Outcome> {
  const nothing = { plan, comparison: null, lateMs: 0, real: [], zeroMs: 0 };
  try {
    const sides = await starting;
    await using real = sides.real;
    await using ours = sides.ours;
    const both = ours === null ? [real] : [real, ours];
    const zeroMs = zeroAfterSweep(both);
    const endMs = zeroMs + plan.seconds * 1000;
    const lateMs = await play(plan, both, zeroMs);
    const noticesOf = (side: "real" | "ours") =>
      recorder.of(`${side}-${plan.seed}`).filter(({ atMs }) => atMs < endMs);
    const notices = noticesOf("real");
    const comparison =
      ours === null ? null : compare(notices, noticesOf("ours"), { zeroMs, endMs });
    const failure = lateMs > LATE_MAX_MS ? `The machine was too slow: ${lateMs} ms late` : null;
    return { plan, comparison, lateMs, failure, real: notices, zeroMs };
  } catch (error) {
    return { ...nothing, failure: error instanceof Error ? error.message : String(error) };
  }
}

/** The next full second, Unix milliseconds, before which the real ones looked for empty groups. */
function zeroAfterSweep(sides: readonly Side[]): number {
  const sweeps = sides.flatMap(({ sweepsFromMs }) => sweepsFromMs ?? []);
  const [first, last] = [Math.min(...sweeps), Math.max(...sweeps)];
  if (last - first > SWEEPS_APART_MAX_MS) {
    throw new Error(
      `The machine was too slow: one started ${Math.round(last - first)} ms after the other`,
    );
  }
  const roundMs = ROUND_S * 1000;
  const rounds = Math.ceil((Date.now() - last) / roundMs);
  return Math.ceil((last + rounds * roundMs + BEFORE_ZERO_MS) / 1000) * 1000;
}

/** Only so many at the same time. */
class Turns {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(atOnce: number) {
    this.#free = atOnce;
  }

  async take<T>(work: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free -= 1;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free += 1;
      else next();
    }
  }
}

function printTrace(outcomes: readonly Outcome[]): void {
  const traces = outcomes.map(({ plan, real, zeroMs, failure }) => {
    const notices = real.map(({ atMs, ...notice }) => ({ atS: (atMs - zeroMs) / 1000, ...notice }));
    return { plan, failure, notices };
  });
  console.log(JSON.stringify(traces, null, 1));
}

function printTable(outcomes: readonly Outcome[]): void {
  const row = (...cells: readonly unknown[]) =>
    console.log(cells.map((cell) => String(cell).padStart(10)).join(""));
  row("seed", "real", "ours", "equal", "apart", "late");
  for (const { plan, comparison, lateMs, failure } of outcomes) {
    const { real = "-", ours = "-", equal = "-", apartMaxMs = "-" } = comparison ?? {};
    row(plan.seed, real, ours, equal, `${apartMaxMs} ms`, `${lateMs} ms`);
    if (failure !== null) console.log(indent(failure));
    if (comparison?.firstDifference) console.log(indent(comparison.firstDifference));
  }
  const good = outcomes.filter(isGood);
  const notices = good.reduce((sum, { real }) => sum + real.length, 0);
  const silent = good.filter(({ real }) => real.length === 0).length;
  const judged = `${good.length} of ${outcomes.length} equal`;
  console.log(`${judged}, with ${notices} notifications; ${silent} of them sent nothing`);
}

function indent(text: string): string {
  return text.replace(/^/gm, "  ");
}
