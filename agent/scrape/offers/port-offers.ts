import type { TargetOffer } from "../../../shared/model/target.ts";
import type { ContainerFacts } from "../../containers/container-facts.ts";
import { askedScrape } from "../discovery/scrape-labels.ts";
import { exporterAt, isExporter, portOf } from "./exporters.ts";
import type { Listener } from "./listeners.ts";

/** A program whose name says that it can be scraped. */
export type ExporterProgram = {
  readonly name: string;
  /** Numbers of its command line that may be ports. */
  readonly numbers: readonly number[];
  /** Of systemd; "": none. */
  readonly unit: string;
};

export type Surroundings = {
  readonly listeners: readonly Listener[];
  readonly programs: readonly ExporterProgram[];
  readonly containers: readonly ContainerFacts[];
  /** `HOST:PORT` of what is scraped already. */
  readonly scraped: ReadonlySet<string>;
  /** Of the host. */
  readonly ownAddresses: ReadonlySet<string>;
};

const LOOPBACK = /^(?:127\..*|localhost|\[::1\])$/;
const ALL_ADDRESSES: ReadonlySet<string> = new Set(["0.0.0.0", "::"]);

/** Ports that look as if somebody could be scraped there and that are no targets yet; by port. */
export function portOffers(around: Surroundings): TargetOffer[] {
  const ofHost = [...around.scraped].map(hostAndPort).filter(({ host }) => {
    return LOOPBACK.test(host) || around.ownAddresses.has(host);
  });
  const scrapedPorts = new Set(ofHost.map(({ port }) => port));
  const published = new Set(
    around.containers.flatMap(({ network }) => network?.published.map((one) => one.hostPort) ?? []),
  );
  const offers = new Map<number, TargetOffer>();
  for (const { address, port } of around.listeners) {
    if (scrapedPorts.has(port) || published.has(port)) continue;
    const program = around.programs.find((one) => listensOn(one, port, around.listeners));
    const what = program?.name ?? exporterAt(port);
    const before = offers.get(port);
    if (what === null || (before !== undefined && !ALL_ADDRESSES.has(address))) continue;
    const { name = "", unit = "" } = program ?? {};
    const accept = unit === "" ? jobText(what, address, port) : unitText(unit, port);
    offers.set(port, { port, address, program: name, container: "", unit, what, accept });
  }
  const all = [...offers.values(), ...around.containers.flatMap((one) => ofContainer(one, around))];
  return all.sort((a, b) => a.port - b.port || (a.container < b.container ? -1 : 1));
}

/** A port that its command line names; where it names none that is listened on, the usual one. */
function listensOn(
  { name, numbers }: ExporterProgram,
  port: number,
  listeners: readonly Listener[],
): boolean {
  const isOpen = (one: number) => listeners.some((listener) => listener.port === one);
  const named = numbers.filter(isOpen);
  return named.length > 0 ? named.includes(port) : portOf(name) === port;
}

function ofContainer(
  { state, labels, network, name, image, id }: ContainerFacts,
  { scraped }: Surroundings,
): TargetOffer[] {
  // Somebody has said already whether it is to be scraped.
  if (askedScrape(labels) !== null || Object.hasOwn(labels, "telltale.scrape")) return [];
  if (state !== "running" || network === null) return [];
  const imageName = image.replace(/[@:][^/]*$/, "").replace(/^.*\//, "");
  const isNamed = isExporter(imageName);
  const isScraped = (port: number) =>
    network.networks.some(({ ip }) => scraped.has(`${ip}:${port}`)) ||
    network.published.some((one) => one.port === port && scraped.has(`127.0.0.1:${one.hostPort}`));
  return network.exposed.flatMap((port): TargetOffer[] => {
    const what = isNamed ? imageName : exporterAt(port);
    if (what === null || isScraped(port)) return [];
    const address = network.networks.find(({ ip }) => ip !== "")?.ip ?? "";
    const container = name || id.slice(0, 12);
    const accept = `telltale.scrape.port: "${port}"`;
    return [{ port, address, program: "", container, unit: "", what, accept }];
  });
}

function hostAndPort(address: string) {
  const [, host = "", port] = /^(.*):(\d+)$/.exec(address) ?? [];
  return { host, port: Number(port) };
}

function unitText(unit: string, port: number): string {
  return `systemctl edit ${unit}\n[Unit]\nX-Telltale-Scrape=:${port}/metrics`;
}

function jobText(what: string, address: string, port: number): string {
  const host = ALL_ADDRESSES.has(address) ? "127.0.0.1" : address;
  const target = host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
  return `scrape_configs:\n- job_name: ${JSON.stringify(what)}\n  static_configs: [{ targets: ["${target}"] }]`;
}
