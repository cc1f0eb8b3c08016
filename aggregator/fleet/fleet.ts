import { addAbortListener } from "node:events";
import { OperationalError } from "../../shared/errors.ts";
import type { ClockMeasure, DroppedRange } from "../../shared/model/accounts.ts";
import { labelsOf, METRIC_NAME } from "../../shared/model/labels.ts";
import type { TargetReport } from "../../shared/model/target.ts";
import { put } from "../../shared/platform/ports.ts";
import type { Counter, Gauge } from "../../shared/telemetry/metrics.ts";
import type { StoredPartDeps } from "../../shared/telemetry/part-deps.ts";
import { ChangeSignal } from "../../shared/time/change-signal.ts";
import { FailureStreak } from "../../shared/time/failure-streak.ts";
import { sleepUnlessAborted } from "../../shared/time/repeat.ts";
import type { FrameOutcome, StreamStatus } from "../model/commit.ts";
import type { AccountsReport, AgentIdentity, NodeStatus } from "../model/node.ts";
import type { NodeTargets } from "../model/node-targets.ts";
import { type Member, newMember } from "./member.ts";
import { decodeNodeEntry, encodeNodeEntry, NODE_KEYS } from "./node-entry.ts";
import { NodeReports, type WriteFn } from "./node-reports.ts";
import {
  awaitedState,
  dueMsOf,
  heardLater,
  type NodeEvent,
  type NodeState,
  nextNodeState,
  silenceMsOf,
  upValueOf,
} from "./node-state.ts";
import { nodeStatuses, targetsOfNodes } from "./shown-nodes.ts";
import { withTargets } from "./targets-state.ts";

export type FleetDeps = StoredPartDeps & {
  readonly write: WriteFn;
  readonly streams: () => readonly StreamStatus[];
};

export type FleetOptions = {
  readonly nodesMax: number;
  /** A node's clock that is further from ours is off. */
  readonly clockOffsetMaxMs: number;
};

/** `up` is written every so often, on the whole second. */
const TURN_MS = 1000;
/** Changes that come closer together than this are written together. */
const PAUSE_MS = 100;
/** A turn that comes later than this was held up, and nothing could be heard meanwhile. */
const LATE_MS = 500;
/** Rules do not wait for a node whose newest tick is older: it has a backlog, or is slow. */
const LAG_MAX_MS = 2000;
const UP_GROUP = "up";
/** Our clock was set back when it is this far before the last `up`. */
const SET_BACK_MS = 1000;

/**
 * Loads the nodes this aggregator knows. Those that were up have a grace to come back.
 * @throws OperationalError STORAGE when the store cannot be read
 */
export async function openFleet(deps: FleetDeps, options: FleetOptions): Promise<Fleet> {
  const fleet = new Fleet(deps, options);
  await fleet.load();
  return fleet;
}

/**
 * Which nodes there are and how each stands; the author of `up`. Takes what ingest reports
 * (`connected`, `committed`, `goodbye`, `disconnected`) and gives rules their clock.
 */
export class Fleet {
  readonly #deps: FleetDeps;
  readonly #options: FleetOptions;
  readonly #members = new Map<string, Member>();
  readonly #changes = new ChangeSignal();
  readonly #gauge: Gauge;
  readonly #failures: Counter;
  readonly #reports: NodeReports;
  #turn = new AbortController();
  #isUpChanged = false;
  readonly #streak: FailureStreak;
  #lastUpMs = 0; // time of the last `up` written, Unix
  #lastTurnMs: number; // monotonic

  constructor(deps: FleetDeps, options: FleetOptions) {
    this.#deps = deps;
    this.#options = options;
    this.#lastTurnMs = deps.clock.monotonicMs();
    this.#reports = new NodeReports(deps.write, deps.clock, options.clockOffsetMaxMs);
    this.#gauge = deps.metrics.gauge("telltale_nodes", "Nodes known, by how they stand");
    this.#streak = new FailureStreak(deps.logger, "cannot write the state of the nodes");
    this.#failures = deps.metrics.counter(
      "telltale_fleet_write_failures_total",
      "Turns in which the state of the nodes could not be written",
    );
  }

  async load(): Promise<void> {
    const { store, clock, logger, metrics } = this.#deps;
    const damaged = metrics.counter(
      "telltale_fleet_damaged_entries_total",
      "Stored nodes that could not be read and were left out",
    );
    const nowMs = clock.monotonicMs();
    for await (const raw of store.entries(NODE_KEYS)) {
      const entry = decodeNodeEntry(raw);
      if (entry === null) {
        damaged.add();
        logger.warn({ bytes: raw[1].length }, "A stored node cannot be read and is left out");
        continue;
      }
      const member = this.#add(entry.name);
      const isOut = entry.state === "down" || entry.state === "left";
      member.state = isOut ? { kind: entry.state } : awaitedState(nowMs, entry.state === "up");
      member.stateSinceMs = entry.sinceMs;
      member.agentVersion = entry.agentVersion;
      member.intervalMs = entry.intervalMs;
      member.accounts.frames = entry.accounts;
      member.accounts.log_blocks = entry.logAccounts;
      member.isSaved = true;
    }
    for (const { node, lastTickMs } of this.#deps.streams()) {
      const known = this.#members.get(node);
      const member = known ?? this.#add(node);
      if (known === undefined) member.state = awaitedState(nowMs, false);
      member.lastTickMs = Math.max(member.lastTickMs, lastTickMs);
    }
    // Before an agent says more: what it lost meanwhile is seen to have changed.
    await this.#attempt(() => this.#reports.write(this.#members.values()));
  }

  /** @throws OperationalError LIMIT when the node is new and there are too many */
  isNode(name: string): boolean {
    return this.#members.has(name);
  }

  connected(node: string, identity: AgentIdentity): void {
    if (!this.#members.has(node) && this.#members.size >= this.#options.nodesMax) {
      throw new OperationalError(
        "LIMIT",
        `Node ${node} is refused: ${this.#options.nodesMax} nodes are known already`,
      );
    }
    const member = this.#members.get(node) ?? this.#add(node);
    member.connections += 1;
    if (member.agentVersion !== identity.agentVersion) member.isSaved = false;
    member.agentVersion = identity.agentVersion;
    member.address = identity.address;
    member.intervalMs = identity.intervalMs;
    this.#step(member, "connected");
  }

  /** Only a frame that is stored is a sign of life. */
  committed(node: string, outcome: FrameOutcome): void {
    const member = this.#members.get(node);
    if (member === undefined) return;
    member.frames[outcome.kind] += 1;
    if (outcome.kind !== "stored") return;
    member.frames.missing += outcome.missing;
    this.#reports.stored(member, "frames", outcome.seq, outcome.missing);
    member.lastTickMs = outcome.timeMs;
    this.#reports.ticked(member, outcome.timeMs);
    this.#step(member, "tick");
    this.#changes.notify();
  }

  accounted(node: string, report: AccountsReport): void {
    const member = this.#members.get(node);
    if (member !== undefined) this.#reports.accounted(member, "frames", report);
  }

  droppedRanges(node: string, ranges: readonly DroppedRange[]): void {
    const member = this.#members.get(node);
    if (member !== undefined) this.#reports.droppedRanges(member, "frames", ranges);
  }

  clockMeasured(node: string, measure: ClockMeasure): void {
    const member = this.#members.get(node);
    if (member !== undefined) this.#reports.clockMeasured(member, measure);
  }

  targetsTold(node: string, report: TargetReport): void {
    const member = this.#members.get(node);
    if (member !== undefined) member.targets = withTargets(member.targets, report);
  }

  /** Of the nodes that told of any, sorted by name. */
  targets(): NodeTargets[] {
    return targetsOfNodes(this.#members.values());
  }

  /** What is told of a node's blocks of log lines. How it stands, only its ticks say. */
  get logEvents() {
    const reports = this.#reports;
    const told = (node: string, tell: (member: Member) => void) => {
      const member = this.#members.get(node);
      if (member !== undefined) tell(member);
    };
    return {
      isNode: () => false,
      connected: () => {},
      committed: (node: string, outcome: FrameOutcome) => {
        if (outcome.kind !== "stored") return;
        const { seq, missing } = outcome;
        told(node, (member) => reports.stored(member, "log_blocks", seq, missing));
      },
      accounted: (node: string, report: AccountsReport) =>
        told(node, (member) => reports.accounted(member, "log_blocks", report)),
      droppedRanges: (node: string, ranges: readonly DroppedRange[]) =>
        told(node, (member) => reports.droppedRanges(member, "log_blocks", ranges)),
      clockMeasured: () => {},
      targetsTold: () => {},
      goodbye: () => {},
      disconnected: (node: string) =>
        told(node, (member) => {
          member.isSaved = false; // its accounts, as last reported
        }),
    };
  }

  goodbye(node: string): void {
    const member = this.#members.get(node);
    if (member === undefined) return;
    // With a newer connection open, this was the last word of the agent's former process.
    if (member.connections <= 1) this.#step(member, "goodbye");
  }

  disconnected(node: string): void {
    const member = this.#members.get(node);
    if (member === undefined) return;
    member.connections = Math.max(0, member.connections - 1);
    if (member.connections > 0) return;
    member.address = "";
    member.isSaved = false; // its accounts, as last reported
    this.#reports.clockMeasured(member, null);
  }

  /** Whether every node that is up and keeps pace has its ticks up to `timeMs` in the store. */
  isComplete(timeMs: number): boolean {
    const oldestMs = this.#deps.clock.nowMs() - LAG_MAX_MS;
    for (const { state, lastTickMs } of this.#members.values()) {
      if (state.kind === "up" && lastTickMs >= oldestMs && lastTickMs < timeMs) return false;
    }
    return true;
  }

  /** 0 where the node keeps pace or is silent; for an empty name that of the one furthest behind. */
  latenessMs(node: string): number {
    const members = node === "" ? [...this.#members.values()] : [this.#members.get(node)];
    const late = members.map((member) =>
      member?.state.kind === "up" ? this.#reports.latenessMs(member) : 0,
    );
    return Math.max(0, ...late);
  }

  /** Resolves when `isComplete` may answer otherwise; rejects when the signal is aborted. */
  changed(signal: AbortSignal): Promise<void> {
    return this.#changes.wait(signal);
  }

  /** Sorted by name. */
  nodes(): NodeStatus[] {
    return nodeStatuses(this.#members.values(), this.#deps.streams(), this.#reports);
  }

  /** Writes `up` on every whole second and soon after every change, until the signal is aborted. */
  async run(signal: AbortSignal): Promise<void> {
    using _wake = addAbortListener(signal, () => this.#turn.abort());
    this.#lastTurnMs = this.#deps.clock.monotonicMs();
    while (!signal.aborted) {
      await this.#takeTurn();
      await this.#sleepUntilDue(signal);
    }
    await this.#attempt(() => this.#save());
  }

  async #takeTurn(): Promise<void> {
    const nowMs = this.#deps.clock.monotonicMs();
    const sinceMs = nowMs - this.#lastTurnMs;
    const wasHeldUp = sinceMs > TURN_MS + LATE_MS;
    this.#lastTurnMs = nowMs;
    for (const member of this.#members.values()) {
      if (wasHeldUp) member.state = heardLater(member.state, sinceMs);
      this.#step(member, "silence");
    }
    this.#showCounts();
    await this.#attempt(async () => {
      await this.#save();
      await this.#writeUp();
      await this.#reports.write(this.#members.values());
    });
    this.#changes.notify(); // a node may have fallen behind meanwhile, and is not waited for
  }

  #step(member: Member, event: NodeEvent): void {
    const { clock, logger } = this.#deps;
    const before = member.state;
    const silenceMs = silenceMsOf(member.intervalMs);
    member.state = nextNodeState(before, event, clock.monotonicMs(), silenceMs);
    if (member.state.kind === before.kind) return;
    member.stateSinceMs = clock.nowMs();
    member.isSaved = false;
    const level = member.state.kind === "down" ? "warn" : "info";
    logger[level]({ node: member.name, before: before.kind }, `Node is ${member.state.kind}`);
    if (upValueOf(member.state) === upValueOf(before)) return;
    this.#isUpChanged = true;
    this.#turn.abort();
  }

  /** States that changed, in one batch; nothing where nothing did. */
  async #save(): Promise<void> {
    const unsaved = [...this.#members.values()].filter((member) => !member.isSaved);
    if (unsaved.length === 0) return;
    const operations = unsaved.map((member) => {
      const { name, stateSinceMs: sinceMs, agentVersion, intervalMs, accounts: told } = member;
      const state = storedStateOf(member.state);
      const kept = { accounts: told.frames, logAccounts: told.log_blocks };
      return put(...encodeNodeEntry({ name, state, sinceMs, agentVersion, intervalMs, ...kept }));
    });
    for (const member of unsaved) member.isSaved = true;
    try {
      await this.#deps.store.batch(operations, { sync: true });
    } catch (error) {
      for (const member of unsaved) member.isSaved = false;
      throw error;
    }
  }

  /**
   * A sample on the whole second, or now when something changed; never one before the last, unless
   * our clock was set back: then `up` goes on from the time that it is now.
   */
  async #writeUp(): Promise<void> {
    const nowMs = this.#deps.clock.nowMs();
    const timeMs = this.#isUpChanged ? nowMs : Math.floor(nowMs / TURN_MS) * TURN_MS;
    if (timeMs <= this.#lastUpMs && timeMs > this.#lastUpMs - SET_BACK_MS) return;
    this.#isUpChanged = false;
    const samples = [...this.#members.values()].flatMap(({ name, state }) => {
      const value = upValueOf(state);
      const labels = labelsOf({ [METRIC_NAME]: "up", instance: name, job: "node" });
      return value === null ? [] : [{ labels, value }];
    });
    try {
      await this.#deps.write(UP_GROUP, timeMs, samples);
      this.#lastUpMs = timeMs;
    } catch (error) {
      this.#isUpChanged = true;
      throw error;
    }
  }

  /** A disk that fails must not end the watch: it is logged once, and tried again each turn. */
  async #attempt(work: () => Promise<void>): Promise<void> {
    try {
      await work();
      this.#streak.succeeded();
    } catch (error) {
      if (!(error instanceof OperationalError)) throw error;
      this.#failures.add();
      this.#streak.failed(error, { code: error.code });
    }
  }

  /** Until the next whole second, the first silence that is due, or a change. */
  async #sleepUntilDue(signal: AbortSignal): Promise<void> {
    const { clock } = this.#deps;
    await sleepUnlessAborted(clock, PAUSE_MS, signal);
    if (signal.aborted) return;
    this.#turn = new AbortController();
    if (this.#isUpChanged && this.#streak.failures === 0) return;
    let waitMs = TURN_MS - (clock.nowMs() % TURN_MS);
    for (const { state, intervalMs } of this.#members.values()) {
      const dueMs = dueMsOf(state, silenceMsOf(intervalMs));
      waitMs = Math.min(waitMs, dueMs - clock.monotonicMs());
    }
    await sleepUnlessAborted(clock, waitMs, this.#turn.signal);
  }

  #showCounts(): void {
    const counts = { awaited: 0, up: 0, down: 0, left: 0 };
    for (const { state } of this.#members.values()) counts[state.kind] += 1;
    for (const [state, count] of Object.entries(counts)) this.#gauge.set(count, { state });
  }

  #add(name: string): Member {
    const member = newMember(name, this.#deps.clock.nowMs());
    this.#members.set(name, member);
    return member;
  }
}

/** One that is awaited after a restart was up before, and still is for the next restart. */
function storedStateOf(state: NodeState): NodeState["kind"] {
  return state.kind === "awaited" && state.wasUp ? "up" : state.kind;
}
