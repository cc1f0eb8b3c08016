import fc from "fast-check";
import { expect, test } from "vitest";
import type { Sender } from "../../../agent/receive/pushed-sender.ts";
import { PushedSeries } from "../../../agent/receive/pushed-series.ts";
import { labelsOf } from "../../../shared/model/labels.ts";
import { Metrics } from "../../../shared/telemetry/metrics.ts";
import { TableSink } from "../../support/table-sink.ts";

const START_MS = 1_700_000_000_000;
const NAMES = ["a", "b", "c", "d", "held_e", "held_f"];

type Sample = readonly [timeMs: number, value: number];

type Step =
  | { readonly kind: "take"; readonly names: readonly string[]; readonly agoMs: number }
  | { readonly kind: "tick" }
  | { readonly kind: "reload" };

/** What was taken of each series, and what the encoders were told of it. */
class World {
  nowMs = START_MS;
  #value = 0;
  sink = new TableSink();
  readonly sinks = [this.sink];
  readonly pushed: PushedSeries;
  readonly sender: Sender;
  readonly sent = new Map<string, Sample[]>(NAMES.map((name) => [name, []]));

  constructor() {
    const clock = { nowMs: () => this.nowMs, monotonicMs: () => this.nowMs };
    const limits = { senders: 1, series: 100 };
    this.pushed = new PushedSeries("test", this.sink, limits, { clock, metrics: new Metrics() });
    this.sender = this.pushed.sender("app") as Sender;
  }

  play(step: Step): void {
    if (step.kind === "tick") this.#tick();
    else if (step.kind === "take") this.#take(step.names, this.nowMs - step.agoMs);
    else {
      this.sink = new TableSink();
      this.sinks.push(this.sink);
      this.pushed.useSink(this.sink);
    }
  }

  #tick(): void {
    this.nowMs = Math.floor(this.nowMs / 1000) * 1000 + 1000;
    this.pushed.tick(this.nowMs);
    this.nowMs += 400;
  }

  #take(names: readonly string[], timeMs: number): void {
    this.#value += 1;
    const value = this.#value;
    const fresh = names.filter((name) => (this.sent.get(name)?.at(-1)?.[0] ?? 0) < timeMs);
    for (const name of fresh) this.sent.get(name)?.push([timeMs, value]);
    const series = names.map((name) => {
      const one = this.sender.series(labelsOf({ __name__: name }), name.startsWith("held"));
      if (typeof one === "string") throw new Error(one);
      return one;
    });
    const reading = { timeMs, series, values: names.map(() => value) };
    for (let rest = this.sender.take(reading); rest !== null; rest = this.sender.take(rest)) {
      this.#tick();
    }
  }

  /** Without ends; what an encoder was told again after a reload counts once. */
  told(name: string): Sample[] {
    const all = this.sinks.flatMap((sink) => sink.series.get(`${name}{}`)?.samples ?? []);
    const samples = all.filter((sample): sample is [number, number] => sample[1] !== null);
    return samples.filter(([timeMs], i) => timeMs !== samples[i - 1]?.[0]);
  }
}

const step = fc.oneof(
  { weight: 6, arbitrary: takeStep() },
  { weight: 4, arbitrary: fc.constant<Step>({ kind: "tick" }) },
  { weight: 1, arbitrary: fc.constant<Step>({ kind: "reload" }) },
);

function takeStep(): fc.Arbitrary<Step> {
  const names = fc.oneof(fc.constant(NAMES), fc.subarray(NAMES, { minLength: 1 }));
  const agoMs = fc.constantFrom(0, 0, 50, 200, 3000);
  return fc.record({ kind: fc.constant<"take">("take"), names, agoMs });
}

test("each value that is sent is told once, with its own time, and no other is", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40, size: "max" }), (steps) => {
      const world = new World();
      for (const one of steps) world.play(one);
      world.play({ kind: "tick" });
      for (const name of NAMES.filter((one) => !one.startsWith("held"))) {
        expect([name, world.told(name)]).toEqual([name, world.sent.get(name)]);
      }
    }),
    { numRuns: 100 },
  );
});

test("a held series has at each of its times the value that it was sent last", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40, size: "max" }), (steps) => {
      const world = new World();
      for (const one of steps) world.play(one);
      world.play({ kind: "tick" });
      for (const name of ["held_e", "held_f"]) {
        const values = world.told(name).map(([, value]) => value);
        expect(values).toEqual(values.toSorted((a, b) => a - b));
        const sent = (world.sent.get(name) ?? []).map(([, value]) => value);
        expect(values.filter((value) => !sent.includes(value))).toEqual([]);
      }
    }),
    { numRuns: 100 },
  );
});
