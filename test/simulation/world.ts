import type { SeriesColumns } from "../../shared/model/columns.ts";
import { labelValue } from "../../shared/model/labels.ts";
import type { AggregatorMessage__Output } from "../../shared/wire/generated/telltale/v1/AggregatorMessage.ts";
import type { Rejected__Output } from "../../shared/wire/generated/telltale/v1/Rejected.ts";
import type { SeededRandom } from "../support/random.ts";
import { type AgentNode, agentNode, waysOf } from "./agent-node.ts";
import { AggregatorNode } from "./aggregator-node.ts";
import { checkAccounts, checkLife } from "./check-accounts.ts";
import { checkAlerts, type Reading } from "./check-alerts.ts";
import { checkLines, linesOn } from "./check-lines.ts";
import { seqText } from "./check-samples.ts";
import { FinalCheck } from "./final-check.ts";
import { FrameSet } from "./frame-set.ts";
import { Host, type Surroundings } from "./host.ts";
import type { AgentJournal } from "./journal.ts";
import { type Ends, Network } from "./network.ts";
import { AGGREGATOR, type Plan, type SimulatedEvent, STANDBY } from "./plan.ts";
import type { Plant } from "./plant.ts";
import { Receiver } from "./receiver.ts";

/** How long everything may take to be delivered once nothing fails any more. */
const DRAIN_MAX_MS = 120_000;
/** Alerts have settled this long after the last change. */
const SETTLE_MS = 8000;
/** Agents tell their books every 10 s; the last of them has connected and been heard by then. */
const BOOKS_MS = 15_000;
/** More than this waits where an agent that heard of less than there is sends it again. */
const WAITING_FRAMES = 5;
/** What was said this long ago has arrived and was read. */
const UNDERWAY_MS = 1000;
/** A line that may go on in the next waits so long, and then has a second for its way. */
const LINES_MS = 12_000;
const VIOLATIONS_MAX = 12;
/** Times further ahead than this the aggregator may refuse. */
const FUTURE_MS = 599_000;

/** All hosts, what befalls them, and what may be seen at any moment. */
export class World {
  readonly violations: string[] = [];
  readonly #plan: Plan;
  readonly #surroundings: Surroundings;
  readonly #network: Network;
  readonly #receiver: Receiver;
  readonly #aggregator: AggregatorNode;
  readonly #standby: AggregatorNode | null;
  readonly #agents = new Map<string, AgentNode>();
  readonly #fate: SeededRandom;

  constructor(plan: Plan, plant: Plant, surroundings: Surroundings) {
    this.#plan = plan;
    this.#surroundings = surroundings;
    this.#fate = surroundings.random.fork("fate");
    this.#network = new Network(surroundings, plan.network, {
      agentGot: (ends, message) => this.#agentGot(ends, message),
      aggregatorSent: (ends, message) => this.#aggregatorSent(ends, message),
    });
    this.#receiver = new Receiver(surroundings, plan.receiverFailure);
    const onBug = (what: string) => this.violate(what);
    const { speed, bufferBytes } = plan;
    const network = this.#network;
    const receiver = this.#receiver;
    const shared = new FrameSet();
    const aggregatorOn = (name: string) => {
      const safeFrames = plan.isMirrored ? new FrameSet() : shared;
      const parts = { plan, plant, network, receiver, safeFrames, onBug };
      return new AggregatorNode(new Host(name, surroundings, { speed, wallMs: 0 }), parts);
    };
    this.#aggregator = aggregatorOn(AGGREGATOR);
    this.#standby = plan.choice === null ? null : aggregatorOn(STANDBY);
    const choice = plan.isMirrored ? ("mirror" as const) : plan.choice;
    for (const agent of plan.agents) {
      const host = new Host(agent.name, surroundings, { speed, wallMs: agent.wallMs });
      const parts = { network, plant, bufferBytes, choice, onBug };
      this.#agents.set(agent.name, agentNode(host, agent, parts));
    }
  }

  violate(what: string): void {
    this.#surroundings.trace.add("VIOLATION", "oracle", what);
    if (this.violations.length < VIOLATIONS_MAX) this.violations.push(what);
  }

  async live(): Promise<void> {
    const { clock } = this.#surroundings;
    for (const { service } of this.#aggregators) service.start();
    for (const { name, startMs } of this.#plan.agents)
      this.#agent(name).service.startLater(startMs);
    for (const event of this.#plan.events) {
      void clock.sleep(event.atMs).then(() => this.#befall(event));
    }
    void this.#watch();
    for (const { logs } of this.#agents.values()) {
      for (const writer of logs) void writer.run(this.#plan.faultsMs);
    }
    await clock.advance(this.#plan.faultsMs);
    await this.#mend();
    await this.#drain();
    if (this.violations.length > 0) return;
    // All as of now: while one asks, time goes on, and what is made then is on its way to the other.
    const checks = this.#parties().map(({ safeFrames, agents, aggregators }) => {
      for (const agent of agents.values()) {
        const evidence = { safeFrames, plan: this.#plan };
        for (const violation of checkAccounts(agent, evidence)) this.violate(violation);
        this.#checkTimes(agent.journal);
      }
      return new FinalCheck(this.#plan, this.#surroundings, aggregators, agents);
    });
    for (const check of checks) {
      for (const violation of await check.run()) this.violate(violation);
    }
    await this.#checkLines();
    for (const [way, aggregator] of this.#aggregators.entries()) {
      const { transitions, troubles, changesMs, host } = aggregator;
      const { failuresMs } = this.#receiver;
      const told = this.#receiver.told.filter(({ from }) => from === host.name);
      const readings = this.#readings(aggregator, way);
      const endMs = this.#surroundings.clock.monotonicMs();
      const said = { transitions, told, readings };
      const found = checkAlerts({ ...said, failuresMs, troubles, changesMs, endMs });
      const lost = [
        ...aggregator.lostSilences().map((id) => `silence ${id} is lost`),
        ...aggregator.lostAcknowledgements().map((key) => `acknowledgement of ${key} is lost`),
      ];
      for (const violation of [...found, ...lost]) this.violate(`${host.name}: ${violation}`);
    }
  }

  /** Lines go to one aggregator, also where ticks go to both. */
  async #checkLines(): Promise<void> {
    const writers = [...this.#agents].flatMap(([name, { logs }]) =>
      logs.map((writer) => ({ name, writer })),
    );
    if (writers.length === 0) return;
    await this.#surroundings.clock.advance(LINES_MS);
    const stored = await Promise.all(
      this.#aggregators.map((one) => linesOn(one, this.#surroundings)),
    );
    for (const { name, writer } of writers) {
      for (const violation of checkLines(name, writer, stored)) this.violate(violation);
    }
  }

  /** All as one; where agents mirror, each aggregator with what is on its way to it. */
  #parties() {
    const party = (aggregators: readonly AggregatorNode[], way: number) => {
      const agents = [...this.#agents].map(([name, node]): [string, AgentNode] => {
        return [name, waysOf(node)[way] ?? node];
      });
      const { safeFrames } = aggregators[0] ?? this.#aggregator;
      return { aggregators, agents: new Map(agents), safeFrames };
    };
    if (!this.#plan.isMirrored) return [party(this.#aggregators, 0)];
    return this.#aggregators.map((aggregator, way) => party([aggregator], way));
  }

  /** However the clock of a host is set, a process makes no two ticks at one time. */
  #checkTimes({ agent, ticks }: AgentJournal): void {
    const seen = new Set<string>();
    for (const { life, timeMs } of ticks) {
      const key = `${life} ${timeMs}`;
      if (seen.has(key)) this.violate(`${agent}: life ${life} made two ticks at ${timeMs}`);
      seen.add(key);
    }
  }

  /** What each agent read and when it was safe at this aggregator. */
  #readings({ host: { name: own }, ownFrames }: AggregatorNode, way: number) {
    const isSet = (name: string) =>
      this.#plan.events.some(({ kind, host }) => kind === "clock-step" && host === name);
    const readings = new Map<string, Reading[]>();
    for (const [name, node] of this.#agents) {
      if (isSet(own) || isSet(name)) continue;
      const { journal } = waysOf(node)[way] ?? node;
      const ofNode = journal.ticks.map(({ bytes, readings: read }): Reading => {
        return { isHot: node.source.isHotIn(read), safeAtMs: ownFrames.firstSeenMs(bytes) };
      });
      readings.set(name, ofNode);
    }
    return readings;
  }

  #befall(event: SimulatedEvent): void {
    const { clock, trace } = this.#surroundings;
    const { host, service } = this.#node(event.host);
    const later = (ms: number, act: () => void) => void clock.sleep(ms).then(act);
    trace.add(`event-${event.kind}`, event.host);
    const aggregator = this.#aggregators.find((one) => one.host === host);
    if (aggregator !== undefined) noteTrouble(aggregator, event);
    switch (event.kind) {
      case "crash":
        service.crash(event.crash, event.downMs);
        break;
      case "crash-in-write":
        service.crashInWrite(event.steps, event.crash, event.downMs);
        break;
      case "stop":
        service.stop(event.downMs);
        break;
      case "drop":
        this.#network.drop(event.host);
        break;
      case "cut":
        this.#network.cut(event.host);
        later(event.forMs, () => this.#network.heal(event.host));
        break;
      case "disk-full":
        host.setFull(true);
        later(event.forMs, () => host.setFull(false));
        break;
      case "sync-fails":
        host.setSyncFailing(true);
        later(event.forMs, () => host.setSyncFailing(false));
        break;
      case "sync-hangs":
        later(event.forMs, host.hangSync());
        break;
      case "clock-step":
        host.stepWall(event.byMs);
        break;
      case "half-open":
        this.#network.halfOpen(event.host);
        break;
      case "replay":
        if (service.process !== null) void this.#network.replay(service.process);
        break;
      case "reload":
        aggregator?.changeFiles(event.isWrong);
        break;
      case "receiver-down":
        this.#receiver.setDown(true);
        later(event.forMs, () => this.#receiver.setDown(false));
        break;
    }
  }

  /** Nothing fails any more, and everybody starts once more from what the disks hold. */
  async #mend(): Promise<void> {
    const { clock, trace } = this.#surroundings;
    const fate = this.#fate;
    trace.add("mend", "world");
    this.#receiver.mend();
    const fromMs = clock.monotonicMs();
    for (const { troubles } of this.#aggregators) {
      troubles.push({ fromMs, toMs: Number.POSITIVE_INFINITY });
    }
    for (const { host, service } of [...this.#aggregators, ...this.#agents.values()]) {
      this.#network.heal(host.name);
      host.mend();
      const kind = fate.pick(["kill", "power-cut"] as const);
      service.crash(kind, fate.int(0, 1500));
    }
    for (const { name, wallMs } of this.#plan.agents) this.#agent(name).host.setWall(wallMs);
    for (const { host } of this.#aggregators) host.setWall(0);
  }

  /** Until all that lay in the buffers is acknowledged, and alerts had time to settle. */
  async #drain(): Promise<void> {
    const { clock } = this.#surroundings;
    const isStarting = () => this.#aggregators.some(({ service }) => !service.isRunning);
    await clock.advanceWhile(DRAIN_MAX_MS, isStarting);
    // No restart after this one makes up for a bad reload.
    for (const aggregator of this.#aggregators) aggregator.changeFiles(false);
    const spans = this.#plan.agents.flatMap(({ hot }) => hot.map(({ toMs }) => toMs));
    const lastChangeMs = Math.max(0, ...spans.filter(Number.isFinite));
    await clock.advance(Math.max(0, lastChangeMs - clock.monotonicMs()));
    await clock.advanceWhile(DRAIN_MAX_MS, () => !this.#isDrained());
    const saidMs = this.#aggregator.host.wallMs() + UNDERWAY_MS;
    await clock.advance(SETTLE_MS);
    await clock.advanceWhile(BOOKS_MS - SETTLE_MS, () => !this.#areBooksSince(saidMs));
    await clock.advanceWhile(DRAIN_MAX_MS, () => !this.#isDrained());
    if (this.#isDrained()) return;
    for (const { journal, service, host } of this.#ways()) {
      const { name } = host;
      const waiting = journal.owed().filter(({ seq }) => seq > journal.ackedSeq);
      const first = waiting[0];
      if (first !== undefined || !service.isRunning) {
        const what = first === undefined ? "nothing" : `${waiting.length} from ${seqText(first)}`;
        this.violate(`${name}: not delivered after ${DRAIN_MAX_MS} ms: ${what}`);
      }
    }
  }

  /**
   * Whether the aggregator has books of all agents that came when its clock said this, or later, and
   * say that all is delivered.
   */
  #areBooksSince(wallMs: number): boolean {
    if (this.#standby !== null && !this.#plan.isMirrored) return true; // they are not looked at
    const nodes = this.#aggregators.flatMap(({ services }) => services?.api.nodes() ?? []);
    return nodes.every(({ accounting: books }) => {
      return books !== null && books.toldMs >= wallMs && books.waiting <= WAITING_FRAMES;
    });
  }

  #isDrained(): boolean {
    if (this.#aggregators.some(({ service }) => !service.isRunning)) return false;
    return this.#ways().every(({ service, journal }) => {
      const last = journal.owed().at(-1);
      return service.isRunning && last !== undefined && last.seq <= journal.ackedSeq;
    });
  }

  #ways(): readonly AgentNode[] {
    return [...this.#agents.values()].flatMap(waysOf);
  }

  #agentGot(ends: Ends, { ack }: AggregatorMessage__Output): void {
    if (ends.isLogs) return;
    const journal = this.#journal(ends);
    if (ack !== null && ack !== undefined) {
      journal.ackedSeq = Math.max(journal.ackedSeq, ack.seq);
    }
  }

  /** What an agent is told of its frames must be true on the aggregator's disk at that moment. */
  #aggregatorSent(ends: Ends, message: AggregatorMessage__Output): AggregatorMessage__Output {
    if (ends.isLogs) return this.#aboutLines(message);
    const journal = this.#journal(ends);
    const { agent } = ends;
    const isAlone = this.#standby === null || this.#plan.isMirrored;
    const { ack, rejected, welcome } = message;
    if (ack !== null && ack !== undefined) this.#checkSafe(ends, ack.seq, "acknowledged");
    if (rejected !== null && rejected !== undefined) this.#checkRefusal(journal, rejected);
    if (welcome === null || welcome === undefined) return message;
    const { lastSeq } = welcome;
    for (const { fromSeq, toSeq } of welcome.refused) journal.refused(fromSeq, toSeq);
    this.#checkSafe(ends, lastSeq, "said to be held");
    if (lastSeq < journal.ackedSeq && isAlone) {
      this.violate(`${agent}: held up to ${lastSeq}, acknowledged was ${journal.ackedSeq}`);
    }
    return { ...message, welcome: { ...welcome, lastSeq: this.#forgetful(journal, lastSeq) } };
  }

  /** Now and then an agent hears that no line is there, and sends again what it still has. */
  #aboutLines(message: AggregatorMessage__Output): AggregatorMessage__Output {
    const { welcome } = message;
    if (welcome === null || welcome === undefined) return message;
    if (!this.#fate.chance(this.#plan.forgetfulness)) return message;
    return { ...message, welcome: { ...welcome, lastSeq: 0 } };
  }

  /** Now and then an agent hears of less than there is, and sends again what is there already. */
  #forgetful(journal: AgentJournal, lastSeq: number): number {
    if (!this.#fate.chance(this.#plan.forgetfulness)) return lastSeq;
    const held = journal.ticks.filter(({ seq, isSafe }) => seq <= lastSeq && isSafe);
    const from = held.at(-this.#fate.int(1, 20)) ?? held[0];
    if (from !== undefined) this.#surroundings.trace.add("forget", journal.agent, seqText(from));
    return from === undefined ? lastSeq : from.seq - 1;
  }

  /** Every frame up to `seq` that was not given up is on the aggregator's disk. */
  #checkSafe(ends: Ends, seq: number, what: string): void {
    const journal = this.#journal(ends);
    const { safeFrames } =
      this.#aggregators.find(({ host }) => host.name === ends.aggregator) ?? this.#aggregator;
    for (const tick of journal.unsafeUpTo(seq)) {
      if (safeFrames.has(tick.bytes)) tick.isSafe = true;
      else if (tick.dropReason === null && tick.fate === "buffered") {
        this.violate(`${journal.agent}: ${seqText(tick)} is ${what} and not on the disk`);
        tick.isSafe = true; // said once
      }
    }
  }

  /** A refusal must have its reason. */
  #checkRefusal(journal: AgentJournal, { seq, reason, detail }: Rejected__Output): void {
    const tick = journal.bySeq.get(seq);
    journal.dropped(seq, reason);
    this.#surroundings.trace.add("refused", journal.agent, `${seq} ${reason} ${detail}`);
    if (tick === undefined) {
      this.violate(`${journal.agent}: ${seq} is refused and was never made`);
      return;
    }
    // The agent begins an epoch where its clock goes back, and sends each in order.
    const wallMs = Math.min(...this.#aggregators.map(({ host }) => host.wallMs()));
    const isFuture = tick.timeMs > wallMs + FUTURE_MS;
    if (reason !== "REJECT_REASON_FUTURE" || !isFuture) {
      this.violate(`${journal.agent}: ${seqText(tick)} is refused: ${reason} ${detail}`);
    }
  }

  /** Looks at what queries see while things happen: nothing that a crash could take back. */
  async #watch(): Promise<void> {
    const { clock, random } = this.#surroundings;
    const own = random.fork("watch");
    const { signal } = new AbortController();
    for (;;) {
      await clock.sleep(own.between(300, 4000));
      for (const agent of this.#ways()) {
        for (const violation of checkLife(agent)) this.violate(violation);
      }
      const services = this.#aggregator.services;
      if (services === null) continue;
      const timeMs = this.#aggregator.host.wallMs() + 20_000;
      try {
        const options = { timeoutMs: null, limit: null, signal };
        const result = await services.api.instant({ query: "sim_ops_total[30s]", timeMs }, options);
        if (result.type === "matrix")
          for (const series of result.series) this.#checkVisible(series);
      } catch (error) {
        this.#surroundings.trace.add("query-failed", "watch", String(error));
      }
    }
  }

  #checkVisible({ labels, times }: SeriesColumns): void {
    const agent = labelValue(labels, "instance");
    const journal = this.#journal({ agent, aggregator: AGGREGATOR, isLogs: false });
    const timeMs = times.at(-1) ?? 0;
    const ticks = journal.ticks.filter((tick) => tick.timeMs === timeMs);
    if (ticks.some((tick) => this.#aggregator.safeFrames.has(tick.bytes))) return;
    this.violate(`${journal.agent}: a query sees ${timeMs}, which is not on the disk`);
  }

  get #aggregators(): readonly AggregatorNode[] {
    return this.#standby === null ? [this.#aggregator] : [this.#aggregator, this.#standby];
  }

  #journal({ agent, aggregator }: Ends): AgentJournal {
    const node = this.#agent(agent);
    return (aggregator === STANDBY ? node.mirror : node)?.journal ?? node.journal;
  }

  #node(name: string): AggregatorNode | AgentNode {
    return this.#aggregators.find(({ host }) => host.name === name) ?? this.#agent(name);
  }

  #agent(name: string): AgentNode {
    const node = this.#agents.get(name);
    if (node === undefined) throw new Error(`There is no agent "${name}"`);
    return node;
  }
}

function noteTrouble({ troubles }: AggregatorNode, event: SimulatedEvent): void {
  const fromMs = event.atMs;
  switch (event.kind) {
    case "crash":
    case "crash-in-write": // any time from now on
    case "sync-fails": // until it is opened again
      troubles.push({ fromMs, toMs: Number.POSITIVE_INFINITY });
      break;
    case "disk-full":
    case "sync-hangs":
      troubles.push({ fromMs, toMs: fromMs + event.forMs });
      break;
  }
}
