import { setTimeout as delay } from "node:timers/promises";
import { checkAccounts } from "../support/accounts.ts";
import { type Bed, eventually, type Program } from "../support/programs.ts";
import { Progress } from "../support/progress.ts";
import type { SeededRandom } from "../support/random.ts";

const SIDES = ["agent", "aggregator"] as const;
type Side = (typeof SIDES)[number];

/** Ticks come faster than in use, so that each kill has some to lose. */
export const INTERVAL = "500ms";
/** For a program to start and everything to be delivered, also on a busy machine. */
const SETTLE_MAX_MS = 60_000;
/** How long a program that is about to be killed has run, at most. */
const RUN_MAX_MS = 900;
/** How often the next kill comes before the restart from the last one is complete. */
const HASTE = 0.3;

/** Kills either side at random moments and starts it again; after each the books must be right. */
export class Killer {
  readonly #bed: Bed;
  readonly #random: SeededRandom;
  readonly #running = new Map<Side, Program>();

  constructor(bed: Bed, random: SeededRandom) {
    this.#bed = bed;
    this.#random = random;
  }

  /** @throws Error with what does not hold */
  async run(kills: number): Promise<void> {
    const progress = new Progress(kills, "kills");
    for (const side of SIDES) this.#start(side);
    let note = "";
    for (let kill = 1; kill <= kills; kill += 1) {
      await delay(this.#random.between(0, RUN_MAX_MS));
      const both = this.#random.chance(0.2);
      const sides = both ? SIDES : [this.#random.pick(SIDES)];
      await Promise.all(sides.map((side) => this.#running.get(side)?.kill()));
      for (const side of sides) this.#start(side);
      if (this.#random.chance(HASTE) && kill < kills) {
        progress.step(note);
        continue;
      }
      await this.#awaitReady();
      const { made, stored } = await checkAccounts(this.#bed, SETTLE_MAX_MS);
      note = `${made} ticks made, ${stored} stored, none twice`;
      progress.step(note);
    }
  }

  #start(side: Side): void {
    const extra = side === "agent" ? [`--interval=${INTERVAL}`] : [];
    this.#running.set(side, this.#bed.start(side, extra));
  }

  async #awaitReady(): Promise<void> {
    await eventually(async () => {
      for (const [side, program] of this.#running) {
        if (program.child.exitCode === null) continue;
        throw new Error(`The ${side} ended by itself:\n${program.errors}`);
      }
      return (await fetch(`http://127.0.0.1:${this.#bed.httpPort}/-/ready`)).ok;
    }, SETTLE_MAX_MS);
  }
}
