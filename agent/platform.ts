import type { Address } from "../shared/model/address.ts";
import type { Clock, KeyValueStore, Logger, Random } from "../shared/platform/ports.ts";
import type { SystemAuthorities } from "../shared/platform/system-authorities.ts";
import type { ConnectIngest } from "../shared/wire/ingest-connection.ts";
import type { ProcessUsage } from "./collect/self-collector.ts";
import type { ScheduledCollector } from "./collect/tick.ts";
import type { AgentConfig } from "./config/agent-config.ts";
import type { Renewable } from "./identity/renewal.ts";
import type { RunJournalctl } from "./logs/journal/journalctl.ts";
import type { LogFiles } from "./logs/tail/ports.ts";
import type { GroupSink } from "./model/group-sink.ts";
import type { OpenDatagrams } from "./receive/statsd/statsd.ts";
import type { KnownContainers } from "./scrape/discovery/found-containers.ts";
import type { UnitPorts } from "./scrape/discovery/unit-targets.ts";
import type { ProcFiles } from "./scrape/offers/offer-watch.ts";
import type { ScrapePorts } from "./scrape/scraper.ts";
import type { Destination } from "./uplink/destinations.ts";

export type Collected = {
  readonly collectors: readonly ScheduledCollector[];
  /** Null: the collectors know of none. */
  readonly containers: KnownContainers | null;
};

type HostPorts = { readonly units: UnitPorts; readonly proc: ProcFiles };

/** What the agent needs of the world; the simulation has one of its own. */
export type AgentPlatform = {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly hostName: string;
  /** Opens the directory's store; `load` may be called again after a repair, which it is told of. */
  openStore<T>(
    directory: string,
    load: (store: KeyValueStore) => Promise<T>,
    onDamage: (outcome: string) => void,
  ): Promise<T>;
  /** Names of the folders in a directory; none where it is missing. */
  foldersIn(directory: string): readonly string[];
  logFiles(): LogFiles;
  readonly journalctl: RunJournalctl;
  /** Bytes that are left on the disk of the directory. */
  freeBytes(directory: string): Promise<number>;
  /** The certificates of a node that has joined; null: nothing is sent. */
  readonly identity: Renewable | null;
  connect(address: Address): ConnectIngest;
  /** Asks the aggregator whether it serves. */
  probe(address: Address): Destination["probe"];
  collectors(config: AgentConfig, groups: GroupSink): Collected;
  /** How jobs find their targets and get pages. */
  readonly scraping: ScrapePorts;
  /** Whom probes trust, as scraping does. */
  readonly authorities: SystemAuthorities;
  /** What is looked for on the host besides; null: nothing. */
  host(hostRoot: string): HostPorts | null;
  /** Of the container that the agent runs in; null: it runs in none. */
  readonly containerId: string | null;
  readonly openDatagrams: OpenDatagrams;
  processUsage(): ProcessUsage;
  /** Serves the text at /metrics until disposed. */
  servePage(address: Address, page: () => string): Promise<AsyncDisposable>;
  /** Calls `reload` whenever the configuration is to be read again, until disposed. */
  onReload(reload: () => Promise<void>): Disposable;
  /**
   * The configuration as the file has it now, read and checked whole.
   * @throws OperationalError CONFIG, UNAVAILABLE
   */
  readConfig(): Promise<AgentConfig>;
  setLogLevel(level: AgentConfig["log_level"]): void;
};
