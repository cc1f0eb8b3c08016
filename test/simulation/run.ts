import { FakeClock } from "../support/fake-clock.ts";
import { SeededRandom } from "../support/random.ts";
import { type Plan, planOf } from "./plan.ts";
import { type PlantName, plantOf } from "./plants.ts";
import { stackOf } from "./service.ts";
import { Trace } from "./trace.ts";
import { World } from "./world.ts";

export type RunReport = {
  readonly seed: number;
  readonly plan: Plan;
  /** Empty when every promise was kept. */
  readonly violations: readonly string[];
  /** The same for every run of the seed with the same program. */
  readonly digest: string;
  readonly lines: readonly string[];
  /** How often each kind of thing happened. */
  readonly counts: ReadonlyMap<string, number>;
  readonly virtualMs: number;
};

export type RunOptions = {
  readonly plant: PlantName | null;
  /** Whether the report has the lines of the trace. */
  readonly isTraced: boolean;
};

/** One life of the whole system; everything in it follows from the seed. */
export async function runSeed(seed: number, options: RunOptions): Promise<RunReport> {
  const clock = new FakeClock();
  const trace = new Trace(() => clock.monotonicMs(), { isKept: options.isTraced });
  const random = new SeededRandom(`run ${seed}`);
  const plan = planOf(seed);
  const plant = plantOf(options.plant);
  const world = new World(plan, plant, { clock, random, trace });
  const onRejection = (reason: unknown) => world.violate(`unhandled: ${stackOf(reason)}`);
  process.on("unhandledRejection", onRejection);
  const undos = plant.install();
  try {
    await world.live();
  } catch (error) {
    world.violate(`the simulation failed: ${stackOf(error)}`);
  } finally {
    for (const undo of undos) undo();
    process.off("unhandledRejection", onRejection);
  }
  return {
    seed,
    plan,
    violations: world.violations,
    digest: trace.digest(),
    lines: trace.lines(),
    counts: trace.counts,
    virtualMs: clock.monotonicMs(),
  };
}
