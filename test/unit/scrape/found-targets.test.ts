import { expect, test } from "vitest";
import {
  DOCKER,
  factsOfInspected,
  factsOfListed,
} from "../../../agent/collect/containers/engine-answers.ts";
import type { ContainerFacts } from "../../../agent/containers/container-facts.ts";
import {
  ON_HOST,
  type Vantage,
  vantageOf,
} from "../../../agent/scrape/discovery/container-address.ts";
import { containerTargets } from "../../../agent/scrape/discovery/container-targets.ts";
import { foundConfig } from "../../../agent/scrape/discovery/found-config.ts";
import { ownContainerId } from "../../../agent/scrape/discovery/own-container.ts";
import { askedScrape } from "../../../agent/scrape/discovery/scrape-labels.ts";
import { compileRelabel } from "../../../agent/scrape/relabel.ts";
import { targetsOf } from "../../../agent/scrape/targets.ts";
import { labelsRecord } from "../../../shared/model/labels.ts";

type Names = Readonly<Record<string, string>>;
type Given = {
  readonly id?: number;
  readonly name?: string;
  readonly labels?: Names;
  readonly state?: string;
  readonly mode?: string;
  readonly networks?: Record<string, { ip?: string; ip6?: string; gateway?: string }>;
  /** `"9100"`, or `"9100": "0.0.0.0:8080"`. */
  readonly ports?: Record<string, string | null>;
};

const idOf = (n: number) => n.toString(16).padStart(64, "0");

function container(given: Given): ContainerFacts {
  const { id = 1, name = "web", labels = {}, state = "running", mode = "bridge" } = given;
  const networks = given.networks ?? { bridge: { ip: "172.17.0.2", gateway: "172.17.0.1" } };
  const facts = factsOfInspected(
    {
      Id: idOf(id),
      Name: `/${name}`,
      State: { Status: state },
      Config: { Image: "app:1", Labels: labels },
      HostConfig: { NetworkMode: mode },
      NetworkSettings: {
        Networks: Object.fromEntries(
          Object.entries(networks).map(([key, { ip = "", ip6 = "", gateway = "" }]) => [
            key,
            { NetworkID: `id-${key}`, IPAddress: ip, GlobalIPv6Address: ip6, Gateway: gateway },
          ]),
        ),
        Ports: Object.fromEntries(
          Object.entries(given.ports ?? {}).map(([port, host]) => {
            const [, HostIp = "", HostPort = ""] = /^(.*):(\d+)$/.exec(host ?? "") ?? [];
            return [`${port}/tcp`, host === null ? null : [{ HostIp, HostPort }]];
          }),
        ),
      },
    },
    DOCKER,
  );
  if (facts === null) throw new Error("not a container");
  return facts;
}

function found(containers: readonly ContainerFacts[], vantage: Vantage = ON_HOST) {
  const { groups, refused } = containerTargets(containers, vantage, "node-1");
  const config = foundConfig("containers");
  const { targets, dropped } = targetsOf(config, compileRelabel([]), groups);
  expect(dropped).toEqual([]);
  return {
    targets,
    urls: targets.map(({ url }) => url),
    reasons: refused.map((one) => one.reason),
  };
}

const asks = (port: string, more: Names = {}) => ({ "telltale.scrape.port": port, ...more });

test("a container that asks is a target with the names that its logs have, too", () => {
  const labels = {
    "prometheus.io/scrape": "true",
    "prometheus.io/port": "9100",
    "prometheus.io/path": "/m",
    "prometheus.io/interval": "5s",
    "com.docker.compose.project": "shop",
    "com.docker.compose.service": "web",
  };
  const { targets } = found([container({ name: "shop-web-1", labels })]);
  expect(
    targets.map(({ key, discovered, labels: own, ...rest }) => [rest, { ...labelsRecord(own) }]),
  ).toEqual([
    [
      { job: "containers", url: "http://172.17.0.2:9100/m", intervalMs: 5000, timeoutMs: 5000 },
      {
        job: "web",
        instance: "node-1:9100",
        container: "shop-web-1",
        image: "app:1",
        compose_project: "shop",
        compose_service: "web",
        service: "web",
      },
    ],
  ]);
});

test("five containers on three networks, each on several, are five targets", () => {
  const networks = { a: { ip: "10.0.0.2" }, b: { ip: "10.1.0.2" }, c: { ip: "10.2.0.2" } };
  const five = [1, 2, 3, 4, 5].map((id) =>
    container({ id, name: `c${id}`, labels: asks("80"), networks }),
  );
  expect(found(five).targets).toHaveLength(5);
});

test("several ports are several targets, each port once", () => {
  expect(found([container({ labels: asks("9100, 9200,9100") })]).urls).toEqual([
    "http://172.17.0.2:9100/metrics",
    "http://172.17.0.2:9200/metrics",
  ]);
});

const INSIDE = vantageOf(
  container({
    id: 99,
    networks: { own: { ip: "10.9.0.9", gateway: "10.9.0.1" } },
  }),
);

test.each<[string, Given, Vantage, string | null]>([
  [
    "a published port before its own address",
    { ports: { 80: "0.0.0.0:8080" } },
    ON_HOST,
    "127.0.0.1:8080",
  ],
  [
    "a port published on one address",
    { ports: { 80: "192.168.1.5:81" } },
    ON_HOST,
    "192.168.1.5:81",
  ],
  ["a port published for IPv6", { ports: { 80: ":::81" } }, ON_HOST, "[::1]:81"],
  [
    "its own address where it publishes another port",
    { ports: { 81: "0.0.0.0:81" } },
    ON_HOST,
    "172.17.0.2:80",
  ],
  ["an address of IPv6", { networks: { a: { ip6: "fd00::2" } } }, ON_HOST, "[fd00::2]:80"],
  ["the host's network", { mode: "host", networks: { host: {} } }, ON_HOST, "127.0.0.1:80"],
  ["no network", { mode: "none", networks: { none: {} } }, ON_HOST, null],
  [
    "rootless, published",
    { networks: {}, ports: { 80: "0.0.0.0:8080" } },
    ON_HOST,
    "127.0.0.1:8080",
  ],
  [
    "a shared network before a published port",
    { networks: { a: { ip: "10.0.0.2" }, own: { ip: "10.9.0.2" } }, ports: { 80: "0.0.0.0:8080" } },
    INSIDE,
    "10.9.0.2:80",
  ],
  [
    "from a container: a published port of the host",
    { ports: { 80: "0.0.0.0:8080" } },
    INSIDE,
    "10.9.0.1:8080",
  ],
  [
    "from a container: not the host's loopback",
    { ports: { 80: "127.0.0.1:8080" } },
    INSIDE,
    "172.17.0.2:80",
  ],
  [
    "from a container: the host's network",
    { mode: "host", networks: { host: {} } },
    INSIDE,
    "10.9.0.1:80",
  ],
])("the address is %s", (_, given, vantage, expected) => {
  const { urls, reasons } = found([container({ labels: asks("80"), ...given })], vantage);
  expect(urls).toEqual(expected === null ? [] : [`http://${expected}/metrics`]);
  expect(reasons).toEqual(expected === null ? ["no address leads to its port 80: publish it"] : []);
});

test("a container in another one's network is found at that one's address", () => {
  const pod = container({ id: 1, name: "pod", networks: { a: { ip: "10.0.0.7" } } });
  const mode = `container:${idOf(1)}`;
  const side = container({ id: 2, name: "side", labels: asks("9100"), mode, networks: {} });
  expect(found([side, pod]).urls).toEqual(["http://10.0.0.7:9100/metrics"]);
  const self = container({ id: 3, labels: asks("1"), mode: `container:${idOf(3)}`, networks: {} });
  expect(found([self]).reasons).toEqual(["its engine does not say at which address it is"]);
});

test("without a port the one that it exposes is taken, and nothing is guessed of several", () => {
  const labels = { "telltale.scrape": "true" };
  expect(found([container({ labels, ports: { 9187: null } })]).urls).toEqual([
    "http://172.17.0.2:9187/metrics",
  ]);
  expect(found([container({ labels, ports: { 1: null, 2: null } })]).reasons).toEqual([
    "it names no port, and exposes several: 1, 2",
  ]);
  expect(found([container({ labels })]).reasons).toEqual(["it names no port, and exposes none"]);
});

test("what does not run, or does not ask, is no target", () => {
  const all = [
    container({ id: 1, labels: asks("80"), state: "exited" }),
    container({ id: 2, labels: asks("80"), state: "paused" }),
    container({ id: 3, labels: { "prometheus.io/port": "80" } }),
    container({ id: 4, labels: { "telltale.scrape": "false", "prometheus.io/scrape": "true" } }),
    container({ id: 5, labels: asks("80", { "telltale.scrape": "false" }) }),
  ];
  expect(found(all)).toMatchObject({ urls: [], reasons: [] });
});

test.each([
  [{ "prometheus.io/scrape": "false" }, null],
  [
    { "telltale.scrape": "TRUE" },
    { ports: [], path: "/metrics", scheme: "http", intervalMs: null },
  ],
  [
    { "prometheus.io/scrape": "1", "prometheus.io/port": "1", "telltale.scrape.port": "2" },
    { ports: [2], path: "/metrics", scheme: "http", intervalMs: null },
  ],
  [asks("0"), /port/],
  [asks("65536"), /port/],
  [asks("80;90"), /port/],
  [asks(Array.from({ length: 17 }, (_, i) => i + 1).join()), /at most 16/],
  [asks("80", { "telltale.scrape.path": "metrics" }), /path/],
  [asks("80", { "telltale.scrape.path": "/a b" }), /path/],
  [asks("80", { "telltale.scrape.scheme": "file" }), /scheme/],
  [asks("80", { "telltale.scrape.interval": "100ms" }), /interval/],
  [asks("80", { "telltale.scrape.interval": "often" }), /interval/],
])("labels %j", (labels, expected) => {
  const asked = askedScrape(labels);
  if (expected instanceof RegExp) expect(asked).toMatch(expected);
  else expect(asked).toEqual(expected);
});

test("a list of containers says the same of networks and ports as an inspection", () => {
  const listed = factsOfListed(
    {
      Id: idOf(1),
      Names: ["/web"],
      State: "running",
      HostConfig: { NetworkMode: "bridge" },
      NetworkSettings: {
        Networks: {
          bridge: { NetworkID: "id-bridge", IPAddress: "172.17.0.2", Gateway: "172.17.0.1" },
        },
      },
      Ports: [
        { PrivatePort: 80, PublicPort: 8080, IP: "0.0.0.0", Type: "tcp" },
        { PrivatePort: 53, Type: "udp" },
        { PrivatePort: 81, Type: "tcp" },
      ],
    },
    DOCKER,
  );
  const inspected = container({ ports: { 80: "0.0.0.0:8080", 81: null } });
  expect(listed?.network).toEqual(inspected.network);
});

test("the agent's own container is known by what is mounted over /etc", () => {
  const id = "c".repeat(64);
  const line = (root: string, place: string) => `1 2 8:1 ${root} ${place} rw - ext4 /dev/sda1 rw`;
  expect(
    ownContainerId(
      `${line("/", "/")}\n${line(`/var/lib/docker/containers/${id}/hostname`, "/etc/hostname")}`,
    ),
  ).toBe(id);
  expect(
    ownContainerId(
      line(`/run/containers/storage/overlay-containers/${id}/userdata/hosts`, "/etc/hosts"),
    ),
  ).toBe(id);
  // On the host, mounts of containers are seen, but not over /etc.
  expect(ownContainerId(line("/", `/var/lib/docker/containers/${id}/mounts/shm`))).toBeNull();
});
