import { expect, test } from "vitest";
import { type ContainerFacts, factsFrom } from "../../../agent/containers/container-facts.ts";
import { TargetBook } from "../../../agent/model/target-book.ts";
import { exporterAt, isExporter, portOf } from "../../../agent/scrape/offers/exporters.ts";
import { parseListeners } from "../../../agent/scrape/offers/listeners.ts";
import { watchOffers } from "../../../agent/scrape/offers/offer-watch.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { MemoryLogger } from "../../support/memory-logger.ts";

const HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid\n";

/** Lines as the kernel writes them. */
function socketLines(...sockets: readonly (readonly [local: string, state?: string])[]): string {
  const lines = sockets.map(([local, state = "0A"], i) => {
    return `   ${i}: ${local} 00000000:0000 ${state} 00000000:00000000 00:00000000 00000000 0 0 390745 1\n`;
  });
  return HEAD + lines.join("");
}

const ALL = "00000000";
const hex = (port: number) => port.toString(16).toUpperCase().padStart(4, "0");

test("sockets that listen are read, up to the first that does not", () => {
  const text = socketLines(
    [`0100007F:${hex(9100)}`],
    [`${ALL}:${hex(80)}`],
    [`0100007F:${hex(40_000)}`, "01"],
    [`${ALL}:${hex(81)}`],
  );
  expect(parseListeners(text)).toEqual([
    { address: "127.0.0.1", port: 9100 },
    { address: "0.0.0.0", port: 80 },
  ]);
});

test.each([
  ["00000000000000000000000000000000", "::"],
  ["00000000000000000000000001000000", "::1"],
  ["0000000000000000FFFF00000100007F", "127.0.0.1"],
  ["B80D0120000000000000000001000000", "2001:db8:0:0:0:0:0:1"],
])("the address %s of tcp6 is %s", (local, address) => {
  expect(parseListeners(socketLines([`${local}:${hex(9100)}`]))).toEqual([{ address, port: 9100 }]);
});

test("a hundred thousand sockets are 2,000 at most, and garbage is none", () => {
  const many = Array.from({ length: 3000 }, () => [`${ALL}:${hex(9100)}`] as const);
  expect(parseListeners(socketLines(...many))).toHaveLength(2000);
  expect(parseListeners(`${HEAD}x\n: :\n   0: 0100007F:GGGG 0:0 0A\n`)).toEqual([]);
  expect(parseListeners(socketLines([`${ALL}:${hex(9100)}`]).slice(0, -60))).toEqual([]); // cut
});

test.each([
  ["node_exporter", true, 9100],
  ["postgres_exporte", true, 9187],
  ["prometheus-node", true, 9100],
  ["prometheus", true, 9090],
  ["nginx", false, null],
])("of the program %s", (name, is, port) => {
  expect(isExporter(name)).toBe(is);
  if (is) expect(portOf(name)).toBe(port);
});

test("of ports that others use as well nothing is said", () => {
  expect([exporterAt(9100), exporterAt(3000), exporterAt(80)]).toEqual([
    "node_exporter",
    null,
    null,
  ]);
});

/** What is offered on a host with these files below /proc. */
async function offersOf(
  files: Readonly<Record<string, string>>,
  urls: readonly string[] = [],
  containers: readonly ContainerFacts[] = [],
) {
  const book = new TargetBook();
  const targets = book.open([]);
  for (const url of urls) {
    const times = { intervalMs: 1000, timeoutMs: 1000 };
    targets.begin({ isProbe: false, job: "a", url, labels: [], discovered: [], ...times });
  }
  const clock = new FakeClock();
  const stop = new AbortController();
  const asked: string[] = [];
  const proc = {
    list: async () => [...new Set(Object.keys(files).map((path) => path.split("/")[0] ?? ""))],
    start: async (path: string, bytesMax: number) => {
      asked.push(path);
      return files[path]?.slice(0, bytesMax) ?? null;
    },
  };
  const known = { changes: 0, containers: () => containers.map((facts) => ({ facts })) };
  const deps = { clock, logger: new MemoryLogger(), proc, containers: known, book };
  const done = watchOffers(deps, stop.signal);
  await clock.advance(11_000);
  const offers = [...book.lists].flatMap((list) => list.offers);
  const asks = asked.length;
  await clock.advance(60_000);
  const again = asked.length - asks;
  stop.abort();
  await done;
  return { offers, again };
}

const POSTGRES = {
  "1/net/tcp": socketLines([`${ALL}:${hex(9999)}`], [`${ALL}:${hex(22)}`]),
  "7/comm": "postgres_export\n",
  "7/cmdline": "/usr/bin/postgres_exporter\0--web.listen-address=:9999\0",
  "7/cgroup": "0::/system.slice/pg-exporter.service\n",
  "8/comm": "sshd\n",
};

test("an exporter is offered at the port that its command line names, with what to write in its unit", async () => {
  const { offers, again } = await offersOf(POSTGRES);
  expect(offers).toEqual([
    {
      port: 9999,
      address: "0.0.0.0",
      program: "postgres_exporter",
      container: "",
      unit: "pg-exporter.service",
      what: "postgres_exporter",
      accept: "systemctl edit pg-exporter.service\n[Unit]\nX-Telltale-Scrape=:9999/metrics",
    },
  ]);
  expect(again).toBe(5); // sockets and addresses; nobody else listens, so no process is looked at
});

test("a well-known port is offered whoever listens there, as a job", async () => {
  const { offers } = await offersOf({ "net/tcp": socketLines([`0100007F:${hex(9100)}`]) });
  expect(offers[0]).toMatchObject({ port: 9100, program: "", what: "node_exporter" });
  expect(offers[0]?.accept).toContain('static_configs: [{ targets: ["127.0.0.1:9100"] }]');
});

test.each([
  ["http://127.0.0.1:9999/metrics", 0],
  ["http://localhost:9999/metrics", 0],
  ["http://10.1.2.3:9999/metrics", 0],
  ["http://10.1.2.4:9999/metrics", 1],
])("with a target %s there are %i offers", async (url, count) => {
  const trie = "Main:\n  +-- 0.0.0.0/0 3 0 5\n     |-- 10.1.2.3\n        /32 host LOCAL\n";
  const { offers } = await offersOf({ ...POSTGRES, "1/net/fib_trie": trie }, [url]);
  expect(offers).toHaveLength(count);
});

const NETWORK = {
  mode: "shop",
  networks: [{ name: "shop", id: "n1", ip: "172.20.0.5", gateway: "172.20.0.1" }],
  exposed: [9121],
  published: [{ port: 9121, hostIp: "0.0.0.0", hostPort: 19_121 }],
};
const REDIS = factsFrom({
  ...{ source: "docker-socket", runtime: "docker", id: "a".repeat(64), name: "redis-metrics" },
  ...{ image: "example/redis_exporter:v1", labels: {}, state: "running", network: NETWORK },
});

test("a container that exposes such a port is offered with its label, and its published port is not", async () => {
  const files = { "1/net/tcp": socketLines([`${ALL}:${hex(19_121)}`]) };
  const { offers } = await offersOf(files, [], [REDIS]);
  expect(offers).toEqual([
    {
      port: 9121,
      address: "172.20.0.5",
      program: "",
      container: "redis-metrics",
      unit: "",
      what: "redis_exporter",
      accept: 'telltale.scrape.port: "9121"',
    },
  ]);
});

test.each<[string, ContainerFacts, readonly string[]]>([
  ["is scraped at its address", REDIS, ["http://172.20.0.5:9121/metrics"]],
  ["is scraped at its published port", REDIS, ["http://127.0.0.1:19121/metrics"]],
  ["asks to be scraped", { ...REDIS, labels: { "telltale.scrape.port": "9121" } }, []],
  ["asks not to be", { ...REDIS, labels: { "telltale.scrape": "false" } }, []],
  ["has ended", { ...REDIS, state: "exited" }, []],
])("a container that %s is not offered", async (_what, facts, urls) => {
  expect((await offersOf({}, urls, [facts])).offers).toEqual([]);
});
