import { OperationalError } from "../../shared/errors.ts";
import type { Clock, Random } from "../../shared/platform/ports.ts";
import { withDeadline } from "../../shared/time/deadline.ts";
import { sleepUnlessAborted } from "../../shared/time/repeat.ts";
import type { ConnectIngest } from "../../shared/wire/ingest-connection.ts";
import {
  afterFailure,
  afterGoodbye,
  afterLoad,
  afterProbe,
  type ChoicePolicy,
  chooseDestination,
  type DestinationState,
  hasAlternative,
  isReturnDue,
  UNTRIED,
} from "./choose-state.ts";
import { LONG_PATIENCE, type Patience, SHORT_PATIENCE } from "./patience.ts";

const PROBE_EVERY_MS = 2000;
const PROBE_TIMEOUT_MS = 1000;

/** An aggregator that the agent may send to. */
export type Destination = {
  /** Its address, for a person and as a label. */
  readonly name: string;
  readonly connect: ConnectIngest;
  /** Whether it would serve; false also when the signal is aborted first. Never rejects. */
  readonly probe: (signal: AbortSignal) => Promise<boolean>;
};

/** The aggregators, how each stands, and where the agent sends to at the moment. */
export class Destinations {
  readonly #all: readonly Destination[];
  readonly #policy: ChoicePolicy;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #states: DestinationState[];
  #lastIndex: number | null = null;
  /** Where the agent is connected, and what makes it leave. */
  #stay: { readonly index: number; readonly leave: AbortController } | null = null;

  constructor(
    all: readonly Destination[],
    policy: ChoicePolicy,
    { clock, random }: { readonly clock: Clock; readonly random: Random },
  ) {
    this.#all = all;
    this.#policy = policy;
    this.#clock = clock;
    this.#random = random;
    this.#states = all.map(() => UNTRIED);
  }

  /** Where to connect now, once its time has come. Rejects with the signal's reason. */
  async next(signal: AbortSignal): Promise<{ index: number; destination: Destination }> {
    const index = chooseDestination(this.#states, this.#policy, this.#lastIndex, this.#random);
    const waitMs = this.#state(index).retryAtMs - this.#clock.monotonicMs();
    if (waitMs > 0) await this.#clock.sleep(waitMs, signal);
    const destination = this.#all[index];
    if (destination === undefined) throw new RangeError(`destination ${index}`);
    this.#lastIndex = index;
    return { index, destination };
  }

  /** The agent stays there until it fails, or the signal that this returns is aborted. */
  welcomed(index: number): AbortSignal {
    const leave = new AbortController();
    this.#stay = { index, leave };
    return leave.signal;
  }

  failed(index: number, heldMs: number): void {
    this.#stay = null;
    const nowMs = this.#clock.monotonicMs();
    this.#states[index] = afterFailure(this.#state(index), nowMs, heldMs, this.#random);
  }

  left(index: number): void {
    this.#stay = null;
    this.#states[index] = afterGoodbye(this.#state(index));
  }

  saidLoad(index: number, load: number): void {
    this.#states[index] = afterLoad(this.#state(index), load);
  }

  /** With the destination `index`. */
  patience(index: number): Patience {
    return hasAlternative(this.#states, index) ? SHORT_PATIENCE : LONG_PATIENCE;
  }

  /** Until the signal is aborted: while the agent sends to one, looks after those that failed. */
  async watch(signal: AbortSignal): Promise<void> {
    while (this.#all.length > 1 && !signal.aborted) {
      const waitMs = PROBE_EVERY_MS * (0.75 + this.#random() / 2);
      await sleepUnlessAborted(this.#clock, waitMs, signal);
      if (this.#stay === null || signal.aborted) continue;
      const { index: current } = this.#stay;
      const suspects = [...this.#states.keys()].filter(
        (index) => index !== current && this.#state(index).isSuspect,
      );
      await Promise.all(suspects.map((index) => this.#probe(index, signal)));
      const stay = this.#stay;
      if (stay === null || !isReturnDue(this.#states, this.#policy, stay.index)) continue;
      stay.leave.abort(new OperationalError("UNAVAILABLE", "The agent goes to another aggregator"));
    }
  }

  async #probe(index: number, signal: AbortSignal): Promise<void> {
    const state = this.#state(index);
    const deadline = { clock: this.#clock, ms: PROBE_TIMEOUT_MS, signal, late: () => "no answer" };
    const answer = await withDeadline(deadline, async (within) => {
      return (await this.#all[index]?.probe(within)) === true;
    }).catch(() => false); // it took too long, or the agent stops
    // It may have been tried, and have failed, meanwhile.
    if (this.#state(index) !== state) return;
    this.#states[index] = afterProbe(state, this.#clock.monotonicMs(), answer);
  }

  #state(index: number): DestinationState {
    return this.#states[index] ?? UNTRIED;
  }
}
