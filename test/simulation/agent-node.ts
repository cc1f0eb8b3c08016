import { startAgent } from "../../agent/app.ts";
import type { Collector } from "../../agent/collect/collector.ts";
import { agentConfigSchema } from "../../agent/config/agent-config.ts";
import { FrameQueue } from "../../agent/frames/frame-queue.ts";
import type { GroupSink } from "../../agent/model/group-sink.ts";
import type { AgentPlatform } from "../../agent/platform.ts";
import type { ChoicePolicy } from "../../agent/uplink/choose-state.ts";
import { FrameEncoder } from "../../shared/wire/frame-encoder.ts";
import { MemoryFiles } from "../support/memory-files.ts";
import { NOTHING_SCRAPED } from "../support/nothing-scraped.ts";
import { watchBuffer } from "./frame-buffer-watch.ts";
import type { Host, Process, Surroundings } from "./host.ts";
import { AgentJournal } from "./journal.ts";
import { filesOf, LogWriter } from "./log-writer.ts";
import type { Network } from "./network.ts";
import { AGGREGATOR, type AgentPlan, STANDBY } from "./plan.ts";
import type { Plant } from "./plant.ts";
import { replaced } from "./replaced.ts";
import { Service } from "./service.ts";
import { Source, type SourceReading } from "./source.ts";

/** What is known of an agent's frames on their way to one aggregator, or to one of several. */
type AgentWay = {
  readonly journal: AgentJournal;
  /** What the running agent says of its frames. */
  readonly accounts: () => Accounts;
  /** Frames that its ledger has as made since this life of it began. */
  readonly madeInLife: () => number;
};

export type AgentNode = AgentWay & {
  readonly host: Host;
  readonly source: Source;
  readonly service: Service;
  /** What programs there log; empty where the agent reads none. */
  readonly logs: readonly LogWriter[];
  /** The way to the second aggregator, where the agent sends everything to both. */
  readonly mirror: AgentWay | null;
};

/** The agent as each of its ways shows it. */
export function waysOf(node: AgentNode): readonly AgentNode[] {
  return node.mirror === null ? [node] : [node, { ...node, ...node.mirror, mirror: null }];
}

type Accounts = {
  readonly made: number;
  readonly stored: number;
  readonly waiting: number;
  readonly dropped: ReadonlyMap<string, number>;
};

const FRAMES_METRIC =
  /^telltale_agent_frames_(made_total|stored_total|waiting|dropped_total)(?:\{([^}]*)\})? (.+)$/gm;

/** Reads the agent's own metrics page: of one destination, or where it is null of the only one. */
function readAccounts(page: string, destination: string | null): Accounts {
  const own = destination === null ? "" : `destination="${destination}"`;
  const totals = new Map<string, number>();
  const dropped = new Map<string, number>();
  for (const [, name = "", labels = "", text] of page.matchAll(FRAMES_METRIC)) {
    if (!labels.includes(own)) continue;
    const value = Number(text);
    if (name === "dropped_total") dropped.set(/reason="(\w+)"/.exec(labels)?.[1] ?? "", value);
    else totals.set(name, value);
  }
  return {
    made: totals.get("made_total") ?? 0,
    stored: totals.get("stored_total") ?? 0,
    waiting: totals.get("waiting") ?? 0,
    dropped,
  };
}

const LOG_FOLDER = "/logs";
/** The disk of the store of the data directory itself. */
const BUFFER = "buffer";

export type AgentParts = {
  readonly network: Network;
  readonly plant: Plant;
  readonly choice: ChoicePolicy["kind"] | "mirror" | null;
  readonly bufferBytes: number;
  readonly onBug: (what: string) => void;
};

/** A host with an agent: the program as it is, with collectors that read `Source`. */
export function agentNode(host: Host, plan: AgentPlan, parts: AgentParts): AgentNode {
  const { world } = host;
  const { network, plant, choice, onBug } = parts;
  const source = new Source(world.clock, world.random.fork(`source ${plan.name}`), plan);
  const addresses = [`${AGGREGATOR}:7070`, `${STANDBY}:7070`];
  const parsed = agentConfigSchema.parse({
    node: plan.name,
    aggregator: choice === null ? addresses[0] : { addresses, policy: choice },
    insecure: true,
    labels: plan.labels,
    logs: plan.logFiles === 0 ? "none" : { files: [{ include: `${LOG_FOLDER}/*.log` }] },
  });
  // Smaller than anybody may set it.
  const config = { ...parsed, buffer: { ...parsed.buffer, bytes_max: parts.bufferBytes } };
  const logDisk = `${parsed.data_dir}/logs`;
  const files = new MemoryFiles(() => host.wallMs());
  const logs = Array.from(
    { length: plan.logFiles },
    (_, n) => new LogWriter({ host, files, disk: logDisk, path: `${LOG_FOLDER}/${n}.log` }),
  );
  let page = () => "";
  const [first, second] = addresses.map((name) => {
    const isOnly = choice !== "mirror";
    return wayOf(plan.name, () => readAccounts(page(), isOnly ? null : name));
  }) as [Way, Way];
  const ways = choice === "mirror" ? [first, second] : [first];
  const boot = (process: Process) => {
    const isDead = () => process.isDead;
    const platform: AgentPlatform = {
      clock: process.clock,
      random: world.random.fork(`${plan.name} ${service.lives}`).next,
      logger: process.logger,
      hostName: plan.name,
      openStore: (directory, load) => {
        const disk = directory === config.data_dir ? BUFFER : directory;
        const { journal } = disk === BUFFER ? first : second;
        return host.loadStore(process, disk, async (store) => {
          const opened = await load(plant.agentStore(store));
          if (opened instanceof FrameQueue) watchBuffer(opened, { journal, isDead });
          return opened;
        });
      },
      foldersIn: (directory) =>
        [...host.disks.keys()]
          .filter((disk) => disk.startsWith(`${directory}/`))
          .map((disk) => disk.slice(directory.length + 1)),
      logFiles: () => {
        files.closeAll(); // those of the process before
        return filesOf(process, files);
      },
      freeBytes: async () => Number.POSITIVE_INFINITY,
      journalctl: () => {
        throw new Error("the simulation has no journal");
      },
      identity: null,
      connect: (to) => (signal) => network.connect(process, to.host, signal),
      probe: (to) => () => network.probe(process, to.host),
      collectors: (_config, sink) => {
        const life = service.lives;
        const journals = ways.map(({ journal }) => journal);
        const collector = collectorOf(sink, { source, journals, life, world, process });
        const only = { collector, intervalMs: 0, isSheddable: false, group: null };
        return { collectors: [only], containers: null };
      },
      ...NOTHING_SCRAPED,
      onReload: () => ({ [Symbol.dispose]: () => {} }),
      readConfig: async () => config,
      setLogLevel: () => {},
      processUsage: () => ({ cpuUsec: 0, residentBytes: 0 }),
      servePage: async (_address, served) => {
        page = served;
        for (const way of ways) way.begin();
        return { [Symbol.asyncDispose]: async () => {} };
      },
    };
    return startAgent(config, platform);
  };
  const service = new Service({ host, network, boot, onBug });
  return { ...first, mirror: choice === "mirror" ? second : null, host, source, service, logs };
}

type Way = AgentWay & { begin(): void };

function wayOf(agent: string, accounts: () => Accounts): Way {
  let madeBefore = 0;
  return {
    journal: new AgentJournal(agent),
    accounts,
    madeInLife: () => accounts().made - madeBefore,
    begin: () => {
      madeBefore = accounts().made;
    },
  };
}

type CollectorParts = {
  readonly source: Source;
  /** One a way. */
  readonly journals: readonly AgentJournal[];
  readonly life: number;
  readonly world: Surroundings;
  readonly process: Process;
};

/** Reads the source into the encoder and writes down what each frame was made of. */
function collectorOf(sink: GroupSink, parts: CollectorParts): Collector {
  const { source, journals, life, world, process } = parts;
  let readings: readonly SourceReading[] = [];
  const encoder = encoderBehind(sink);
  const collect = source.reader(sink, (read) => {
    readings = read;
  });
  const encodeTick = encoder.encodeTick.bind(encoder);
  encoder.encodeTick = (timeMs) => {
    const frame = encodeTick(timeMs);
    if (process.isDead) return frame;
    for (const journal of journals) journal.made(frame, readings, life);
    world.trace.add("tick", process.host.name, `${frame.seq} ${timeMs} ${frame.bytes.length}`);
    return frame;
  };
  return { name: "simulated", families: [], collect, close: () => {} };
}

/** The encoder itself: with labels of its own the agent gives its collectors a sink before it. */
function encoderBehind(sink: GroupSink): FrameEncoder {
  if (sink instanceof FrameEncoder) return sink;
  const found: FrameEncoder[] = [];
  const putBack = replaced(FrameEncoder.prototype, "newGroup", (newGroup, encoder) => {
    found.push(encoder);
    return newGroup();
  });
  sink.newGroup();
  putBack();
  const [encoder] = found;
  if (encoder === undefined) throw new Error("No frame encoder is behind the sink");
  return encoder;
}
