import { type AgentPlatform, startAgent } from "../../agent/app.ts";
import type { Collector } from "../../agent/collect/collector.ts";
import { agentConfigSchema } from "../../agent/config.ts";
import type { ChoicePolicy } from "../../agent/uplink/choose-state.ts";
import { FrameEncoder } from "../../shared/wire/frame-encoder.ts";
import { watchFrame } from "./frame-buffer-watch.ts";
import type { Host, Process, Surroundings } from "./host.ts";
import { AgentJournal } from "./journal.ts";
import type { Network } from "./network.ts";
import { AGGREGATOR, type AgentPlan, STANDBY } from "./plan.ts";
import type { Plant } from "./plants.ts";
import { Service } from "./service.ts";
import { Source, type TickValues } from "./source.ts";

export type AgentNode = {
  readonly host: Host;
  readonly journal: AgentJournal;
  readonly source: Source;
  readonly service: Service;
  /** What the running agent says of its frames. */
  readonly accounts: () => Accounts;
  /** Frames that its ledger has as made since this life of it began. */
  readonly madeInLife: () => number;
};

type Accounts = {
  readonly made: number;
  readonly stored: number;
  readonly waiting: number;
  readonly dropped: ReadonlyMap<string, number>;
};

/** Reads the agent's own metrics page. */
function readAccounts(page: string): Accounts {
  const metric = (name: string) => Number(new RegExp(`^${name} (.+)$`, "m").exec(page)?.[1] ?? 0);
  const dropped = new Map<string, number>();
  for (const [, labels = "", value] of page.matchAll(
    /^telltale_agent_frames_dropped_total\{([^}]*)\} (.+)$/gm,
  )) {
    const reason = /reason="(\w+)"/.exec(labels)?.[1] ?? "";
    dropped.set(reason, Number(value));
  }
  return {
    made: metric("telltale_agent_frames_made_total"),
    stored: metric("telltale_agent_frames_stored_total"),
    waiting: metric("telltale_agent_frames_waiting"),
    dropped,
  };
}

export type AgentParts = {
  readonly network: Network;
  readonly plant: Plant;
  readonly choice: ChoicePolicy["kind"] | null;
  readonly bufferBytes: number;
  readonly onBug: (what: string) => void;
};

/** A host with an agent: the program as it is, with collectors that read `Source`. */
export function agentNode(host: Host, plan: AgentPlan, parts: AgentParts): AgentNode {
  const { world } = host;
  const { network, plant, choice, onBug } = parts;
  const journal = new AgentJournal(plan.name);
  const source = new Source(world.clock, world.random.fork(`source ${plan.name}`), plan);
  const addresses = [`${AGGREGATOR}:7070`, `${STANDBY}:7070`];
  const parsed = agentConfigSchema.parse({
    node: plan.name,
    aggregator: choice === null ? addresses[0] : { addresses, policy: choice },
    insecure: true,
  });
  // Smaller than anybody may set it.
  const config = { ...parsed, buffer: { ...parsed.buffer, bytes_max: parts.bufferBytes } };
  let page = () => "";
  let madeBefore = 0;
  const boot = (process: Process) => {
    const platform: AgentPlatform = {
      clock: process.clock,
      random: world.random.fork(`${plan.name} ${service.lives}`).next,
      logger: process.logger,
      hostName: plan.name,
      openStore: (_directory, load) =>
        host.loadStore(process, "buffer", (store) => load(plant.agentStore(store))),
      freeBytes: async () => Number.POSITIVE_INFINITY,
      connect: (to) => (signal) => network.connect(process, to.host, signal),
      probe: (to) => () => network.probe(process, to.host),
      collectors: (sink) => {
        if (!(sink instanceof FrameEncoder)) throw new Error("The sink is no frame encoder");
        const life = service.lives;
        const collector = collectorOf(sink, { source, journal, life, world, process });
        return [{ collector, intervalMs: 0, isSheddable: false, keep: () => undefined }];
      },
      processUsage: () => ({ cpuUsec: 0, residentBytes: 0 }),
      servePage: async (_address, served) => {
        page = served;
        madeBefore = readAccounts(page()).made;
        return { [Symbol.asyncDispose]: async () => {} };
      },
    };
    return startAgent(config, platform);
  };
  const service = new Service({ host, network, boot, onBug });
  const accounts = () => readAccounts(page());
  const madeInLife = () => accounts().made - madeBefore;
  return { host, journal, source, service, accounts, madeInLife };
}

type CollectorParts = {
  readonly source: Source;
  readonly journal: AgentJournal;
  readonly life: number;
  readonly world: Surroundings;
  readonly process: Process;
};

/** Reads the source into the encoder and writes down what each frame was made of. */
function collectorOf(encoder: FrameEncoder, parts: CollectorParts): Collector {
  const { source, journal, life, world, process } = parts;
  let values: TickValues = new Map();
  const reader = source.reader(encoder, (read) => {
    values = read;
  });
  const encodeTick = encoder.encodeTick.bind(encoder);
  encoder.encodeTick = (timeMs, groups) => {
    const frame = encodeTick(timeMs, groups);
    if (process.isDead) return frame;
    const tick = journal.made(frame, values, life);
    watchFrame(frame, { tick, journal, isDead: () => process.isDead });
    world.trace.add("tick", journal.agent, `${frame.seq} ${timeMs} ${frame.bytes.length}`);
    return frame;
  };
  return { name: "simulated", families: [], collect: () => reader.read(), close: () => {} };
}
