import type { ChoicePolicy } from "../../agent/uplink/choose-state.ts";
import type { CrashKind } from "../support/memory-store.ts";
import { SeededRandom } from "../support/random.ts";
import type { DiskSpeed } from "./host.ts";
import type { Span } from "./source.ts";

type LastingKind = "cut" | "disk-full" | "sync-fails" | "sync-hangs" | "receiver-down";

/** What befalls the system. `host`: an agent's name or "aggregator"; times are monotonic. */
export type SimulatedEvent = { readonly atMs: number; readonly host: string } & (
  | { readonly kind: "crash"; readonly crash: CrashKind; readonly downMs: number }
  // Dies in the middle of its disk work: `steps` write steps later.
  | {
      readonly kind: "crash-in-write";
      readonly steps: number;
      readonly crash: CrashKind;
      readonly downMs: number;
    }
  | { readonly kind: "stop"; readonly downMs: number }
  | { readonly kind: "clock-step"; readonly byMs: number }
  | { readonly kind: LastingKind; readonly forMs: number }
  // The aggregator's files change and are read again; wrong ones must change nothing.
  | { readonly kind: "reload"; readonly isWrong: boolean }
  | { readonly kind: "drop" | ConnectionKind }
);

/** Those that are drawn by their weights. */
type EventKind = Exclude<SimulatedEvent["kind"], ConnectionKind | "reload">;

export type AgentPlan = {
  readonly name: string;
  readonly wallMs: number; // how far its clock is ahead
  readonly startMs: number;
  readonly hot: readonly Span[];
  readonly passing: readonly Span[];
  /** That its configuration adds to all series; some have one of these themselves. */
  readonly labels: Readonly<Record<string, string>>;
  /** Log files that programs write there. */
  readonly logFiles: number;
};

export type NetworkOptions = {
  readonly latencyMaxMs: number;
  /** How long a side that hears nothing takes to give its connection up, at most. */
  readonly silenceMaxMs: number;
  /** Messages on their way in one direction before `send` waits. */
  readonly roomMessages: number;
};

export type Plan = {
  readonly seed: number;
  readonly agents: readonly AgentPlan[];
  /** Until then things happen; afterwards all is mended and the rest is delivered. */
  readonly faultsMs: number;
  readonly events: readonly SimulatedEvent[];
  readonly network: NetworkOptions;
  readonly speed: DiskSpeed;
  /** Chance that the receiver's answer to a notification is an error, or is lost on its way. */
  readonly receiverFailure: number;
  /** Chance that a reconnecting agent is told of fewer frames than the aggregator holds. */
  readonly forgetfulness: number;
  readonly evaluationMs: number;
  /** Six times this much of a stream becomes chunks at once. */
  readonly chunkMs: number;
  /** How agents choose between the aggregator and a second one; null where there is none. */
  readonly choice: ChoicePolicy["kind"] | null;
  /** Whether the agents send everything to both aggregators, instead of choosing. */
  readonly isMirrored: boolean;
  /** What an agent's buffer may hold, in bytes: mostly more than it ever gets. */
  readonly bufferBytes: number;
};

export const AGGREGATOR = "aggregator";
/** The second aggregator. */
export const STANDBY = "standby";

/** How much of each fault a run may have; most runs have a few kinds only, and more of those. */
const WEIGHTS: readonly (readonly [EventKind, number])[] = [
  ["crash", 4],
  ["crash-in-write", 5],
  ["stop", 2],
  ["drop", 5],
  ["cut", 3],
  ["disk-full", 2],
  ["sync-fails", 2],
  ["sync-hangs", 2],
  ["clock-step", 2],
  ["receiver-down", 1],
];
/** Those of the connection happen beside all others. */
const CONNECTION_KINDS = ["half-open", "replay"] as const;
type ConnectionKind = (typeof CONNECTION_KINDS)[number];

const CHOICES = ["pick_first", "round_robin", "random", "weighted"] as const;

export function planOf(seed: number): Plan {
  const random = new SeededRandom(`plan ${seed}`);
  const faultsMs = 1000 * random.int(8, 26);
  const agentCount = random.pick([1, 1, 1, 2, 2, 3, 4]);
  const names = Array.from({ length: agentCount }, (_, i) => `node-${i + 1}`);
  const agents = names.map((name, index): AgentPlan => {
    const own = random.fork(name);
    return {
      name,
      wallMs: own.chance(0.5) ? 0 : own.int(-1500, 1500),
      startMs: index === 0 ? 0 : own.int(0, 3000),
      hot: hotSpans(own, faultsMs),
      passing: Array.from({ length: own.int(0, 4) }, () => spanWithin(own, faultsMs)),
      labels: own.fork("labels").chance(0.5) ? { zone: name, index: "none" } : {},
      logFiles: own.fork("logs").pick([0, 0, 0, 1, 2]),
    };
  });
  const choice = random.fork("choice").pick([...CHOICES, ...new Array<null>(12).fill(null)]);
  const events = [
    ...eventsOf(random, names, faultsMs),
    ...connectionEvents(random.fork("connections"), names, faultsMs),
    ...reloadEvents(random.fork("reloads"), faultsMs),
  ].sort((a, b) => a.atMs - b.atMs);
  const isMirrored = choice !== null && random.fork("mirror").chance(0.4);
  // A second destination, and logs, nearly double the series that an agent has of its own.
  const hasLogs = agents.some(({ logFiles }) => logFiles > 0);
  const share = 1 + Number(isMirrored) + Number(hasLogs);
  const small = [9000 * share, 12_000 * share];
  return {
    seed,
    agents,
    faultsMs,
    events: choice === null ? events : sharedOut(events, random.fork("standby")),
    choice,
    isMirrored,
    network: {
      latencyMaxMs: random.pick([1, 5, 50, 400]),
      silenceMaxMs: random.int(3000, 8000),
      roomMessages: random.pick([1, 4, 64]),
    },
    speed: {
      read: random.pick([0.1, 1, 5]),
      write: random.pick([0.1, 2]),
      sync: random.pick([1, 10, 60, 300]),
    },
    receiverFailure: random.pick([0, 0, 0.2]),
    forgetfulness: random.pick([0, 0, 0.5]),
    evaluationMs: random.pick([1000, 1000, 2000]),
    chunkMs: random.pick([1000, 2500, 6500, 600_000]),
    bufferBytes: random.fork("buffer").pick([...small, ...new Array<number>(6).fill(1024 ** 2)]),
  };
}

function eventsOf(
  random: SeededRandom,
  agents: readonly string[],
  faultsMs: number,
): SimulatedEvent[] {
  const kinds = WEIGHTS.filter(() => random.chance(0.45));
  if (kinds.length === 0) kinds.push(random.pick(WEIGHTS));
  const pool = kinds.flatMap(([kind, weight]) => new Array<EventKind>(weight).fill(kind));
  const count = random.int(1, random.pick([4, 12, 25]));
  const events: SimulatedEvent[] = [];
  for (let i = 0; i < count; i += 1) {
    const kind = random.pick(pool);
    const atMs = random.int(500, faultsMs);
    const host = random.chance(0.5) ? AGGREGATOR : random.pick(agents);
    events.push(eventOf(kind, { atMs, host, agent: random.pick(agents) }, random));
  }
  return events;
}

function connectionEvents(
  random: SeededRandom,
  agents: readonly string[],
  faultsMs: number,
): SimulatedEvent[] {
  const count = random.pick([0, 0, 1, 3]);
  return Array.from({ length: count }, (): SimulatedEvent => {
    const kind = random.pick(CONNECTION_KINDS);
    return { kind, atMs: random.int(500, faultsMs), host: random.pick(agents) };
  });
}

function reloadEvents(random: SeededRandom, faultsMs: number): SimulatedEvent[] {
  return Array.from({ length: random.pick([0, 0, 1, 3]) }, (): SimulatedEvent => {
    const atMs = random.int(500, faultsMs);
    return { kind: "reload", atMs, host: AGGREGATOR, isWrong: random.chance(0.3) };
  });
}

/** Of what befalls the aggregator a part befalls the second one. */
function sharedOut(events: readonly SimulatedEvent[], random: SeededRandom): SimulatedEvent[] {
  return events.map((event) => {
    const isShared = event.host === AGGREGATOR && event.kind !== "receiver-down";
    return isShared && random.chance(0.4) ? { ...event, host: STANDBY } : event;
  });
}

type Where = { readonly atMs: number; readonly host: string; readonly agent: string };

function eventOf(kind: EventKind, where: Where, random: SeededRandom): SimulatedEvent {
  const { atMs, host, agent } = where;
  const crash = random.pick(["kill", "power-cut"] as const);
  const downMs = random.pick([50, 1000, random.int(1000, 8000)]);
  const forMs = random.pick([random.int(100, 2000), random.int(1000, 10_000)]);
  switch (kind) {
    case "crash":
      return { kind, atMs, host, crash, downMs };
    case "crash-in-write":
      return { kind, atMs, host, crash, downMs, steps: random.int(1, 30) };
    case "stop":
      return { kind, atMs, host, downMs };
    case "drop":
      return { kind, atMs, host: agent };
    case "cut":
      return { kind, atMs, host: agent, forMs };
    case "clock-step":
      return { kind, atMs, host, byMs: clockStep(random, host) };
    case "receiver-down":
      return { kind, atMs, host: AGGREGATOR, forMs };
    default:
      return { kind, atMs, host, forMs };
  }
}

/** Mostly seconds; an agent's now and then beyond what the aggregator takes for near, its own a minute. */
function clockStep(random: SeededRandom, host: string): number {
  const farMs = host === AGGREGATOR ? 60_000 : 700_000;
  if (random.chance(0.15)) return random.pick([-1, 1]) * farMs;
  return random.int(-8000, 8000);
}

function spanWithin(random: SeededRandom, faultsMs: number): Span {
  const fromMs = random.int(0, faultsMs);
  return { fromMs, toMs: fromMs + random.int(500, 10_000) };
}

/** None, some that end, and now and then one that lasts to the end of the run. */
function hotSpans(random: SeededRandom, faultsMs: number): Span[] {
  const spans: Span[] = [];
  let fromMs = random.int(500, faultsMs);
  while (fromMs < faultsMs && random.chance(0.8)) {
    const isLast = random.chance(0.25);
    const toMs = isLast ? Number.POSITIVE_INFINITY : fromMs + random.int(500, 6000);
    spans.push({ fromMs, toMs });
    if (isLast) break;
    fromMs = toMs + random.int(1000, 6000);
  }
  return spans;
}
