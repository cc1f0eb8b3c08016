import type { Clock, Logger } from "../../../shared/platform/ports.ts";
import { repeat, sleepUnlessAborted } from "../../../shared/time/repeat.ts";
import { OFFERS_MAX } from "../../../shared/wire/target-limits.ts";
import type { TargetBook, TargetList } from "../../model/target-book.ts";
import type { KnownContainers } from "../discovery/found-containers.ts";
import { isExporter } from "./exporters.ts";
import { type Listener, parseListeners } from "./listeners.ts";
import { type ExporterProgram, portOffers } from "./port-offers.ts";

/** The host's /proc. */
export type ProcFiles = {
  /** Null: it cannot be read. */
  list(path: string): Promise<readonly string[] | null>;
  /** The beginning of a file; null: it cannot be read. */
  start(path: string, bytesMax: number): Promise<string | null>;
};

export type OfferDeps = {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly proc: ProcFiles;
  readonly containers: KnownContainers | null;
  readonly book: TargetBook;
};

/** Until then targets are being found. */
const FIRST_AFTER_MS = 10_000;
const EVERY_MS = 60_000;
/** Of net/tcp: 2,000 sockets that listen. */
const SOCKETS_BYTES_MAX = 320 * 1024;
const ADDRESSES_BYTES_MAX = 256 * 1024;
const PROCESSES_MAX = 5000;
const PROGRAMS_MAX = 200;
const COMMAND_BYTES_MAX = 4096;

/**
 * Looks for ports that could be scraped, and offers them in a list of its own, until the signal. It looks
 * only at files: nothing is ever sent to a port before a person says so.
 */
export async function watchOffers(deps: OfferDeps, signal: AbortSignal): Promise<void> {
  const { clock, logger, book } = deps;
  const list = book.open([]);
  const eyes = new Eyes(deps, list);
  const failure = "cannot look for what could be scraped";
  await sleepUnlessAborted(clock, FIRST_AFTER_MS, signal);
  const watch = { run: () => eyes.look(), pauseMs: () => EVERY_MS, failure };
  await repeat(watch, { clock, logger }, signal);
  list.close();
}

class Eyes {
  readonly #deps: OfferDeps;
  readonly #list: TargetList;
  #listening = "";
  #programs: readonly ExporterProgram[] = [];
  #offered = "[]";

  constructor(deps: OfferDeps, list: TargetList) {
    this.#deps = deps;
    this.#list = list;
  }

  async look(): Promise<void> {
    const { containers, book } = this.#deps;
    const listeners = [...(await this.#listeners("tcp")), ...(await this.#listeners("tcp6"))];
    const listening = JSON.stringify(listeners);
    // Whoever begins to listen is a program that was not looked at yet.
    if (listening !== this.#listening) this.#programs = await this.#exporters();
    this.#listening = listening;
    const offers = portOffers({
      listeners,
      programs: this.#programs,
      containers: [...(containers?.containers() ?? [])].map(({ facts }) => facts),
      scraped: scrapedAddresses(book),
      ownAddresses: ownAddresses((await this.#net("fib_trie", ADDRESSES_BYTES_MAX)) ?? ""),
    });
    const offered = JSON.stringify(offers);
    if (offered === this.#offered) return;
    this.#offered = offered;
    const leftOut = Math.max(0, offers.length - OFFERS_MAX);
    this.#list.setOffers(offers.slice(0, OFFERS_MAX), leftOut);
  }

  async #listeners(file: "tcp" | "tcp6"): Promise<Listener[]> {
    const text = await this.#net(file, SOCKETS_BYTES_MAX);
    return text === null ? [] : parseListeners(text);
  }

  /** Of the host where its /proc is seen from a container. */
  async #net(file: string, bytesMax: number): Promise<string | null> {
    const { proc } = this.#deps;
    const ofHost = await proc.start(`1/net/${file}`, bytesMax);
    return ofHost ?? (await proc.start(`net/${file}`, bytesMax));
  }

  /** Of containers those that have the host's network are found by their ports. */
  async #exporters(): Promise<ExporterProgram[]> {
    const { proc } = this.#deps;
    const names = (await proc.list("")) ?? [];
    const found: ExporterProgram[] = [];
    for (const pid of names.filter((name) => /^\d+$/.test(name)).slice(0, PROCESSES_MAX)) {
      const name = (await proc.start(`${pid}/comm`, 64))?.trim() ?? "";
      if (!isExporter(name)) continue;
      const command = (await proc.start(`${pid}/cmdline`, COMMAND_BYTES_MAX)) ?? "";
      const cgroup = (await proc.start(`${pid}/cgroup`, COMMAND_BYTES_MAX)) ?? "";
      found.push({
        name: wholeName(name, command),
        numbers: numbersOf(command),
        unit: unitOf(cgroup),
      });
      if (found.length === PROGRAMS_MAX) break;
    }
    return found;
  }
}

/** The kernel keeps 15 characters of a name; the command line has all of it. */
function wholeName(name: string, command: string): string {
  const file = (command.split("\0", 1)[0] ?? "").replace(/^.*\//, "");
  return file.startsWith(name) ? file.slice(0, 100) : name;
}

function numbersOf(command: string): number[] {
  const found = command.match(/(?<=[:=\0])\d{2,5}(?=\0|$)/g) ?? [];
  return [...new Set(found.map(Number))].slice(0, 20);
}

/** `/system.slice/postgres_exporter.service`; "" of a container's, or a person's session. */
function unitOf(cgroup: string): string {
  const [, slice = "", unit = ""] =
    /:\/((?:[\w@-]+\.slice\/)*)([^/\n]+\.service)$/m.exec(cgroup) ?? [];
  return slice.startsWith("user.slice") ? "" : unit;
}

/** Those of the host, by its routes. Source: kernel docs, networking/fib_trie. */
function ownAddresses(fibTrie: string): ReadonlySet<string> {
  const found = fibTrie.matchAll(/\|-- ([\d.]+)\n\s+\/32 host LOCAL/g);
  return new Set([...found].map(([, address = ""]) => address));
}

function scrapedAddresses(book: TargetBook): ReadonlySet<string> {
  const found = new Set<string>();
  for (const { entries } of book.lists) {
    for (const { target } of entries) {
      const address = /^https?:\/\/([^/?#]+)/.exec(target.url)?.[1];
      if (address !== undefined) found.add(address);
    }
  }
  return found;
}
