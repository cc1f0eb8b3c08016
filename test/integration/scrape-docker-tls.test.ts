import { createServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { expect, onTestFinished, test, vi } from "vitest";
import { BodyRoom } from "../../agent/model/body-room.ts";
import { readScrapeConfigs } from "../../agent/scrape/config/read-scrape-configs.ts";
import { dockerDiscovery } from "../../agent/scrape/discovery/docker-discovery.ts";
import { discoveryGet } from "../../agent/scrape/http/http-gets.ts";
import type { TargetGroup } from "../../agent/scrape/targets.ts";
import { labelValue } from "../../shared/model/labels.ts";
import { nodeClock } from "../../shared/platform/node.ts";
import { testGets } from "../support/http-gets.ts";
import { MemoryLogger } from "../support/memory-logger.ts";
import { testCertificate } from "../support/test-certificate.ts";

const SERVER = await testCertificate("127.0.0.1");
const CLIENT = await testCertificate("agent.example");
const ENGINE: Readonly<Record<string, unknown>> = {
  "/containers/json": [
    {
      Id: "a".repeat(64),
      Names: ["/shop"],
      HostConfig: { NetworkMode: "bridge" },
      NetworkSettings: { Networks: { bridge: { NetworkID: "n1", IPAddress: "10.0.0.2" } } },
      Ports: [{ PrivatePort: 9100, Type: "tcp" }],
    },
  ],
  "/networks": [{ Id: "n1", Name: "bridge" }],
};

/** An engine that takes only clients with our certificate, as `dockerd --tlsverify` does. */
async function startEngine(): Promise<number> {
  const sockets = new Set<Socket>();
  const tls = { ...SERVER, ca: CLIENT.cert, requestCert: true, rejectUnauthorized: true };
  const server = createServer(tls, ({ url = "" }, response) => {
    response.end(JSON.stringify(ENGINE[url] ?? null));
  });
  server.on("connection", (socket: Socket) => sockets.add(socket));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

/** What the job of a configuration finds first, or what it logs. */
async function find(host: string, tlsConfig: string) {
  const text = `scrape_configs:
- job_name: docker
  docker_sd_configs:
  - host: ${host}
${tlsConfig}`;
  const { configs, faults } = readScrapeConfigs({ path: "/a.yaml", text }, () => []);
  expect(faults).toEqual([]);
  const config = configs[0]?.dockerDiscoveries[0];
  if (config === undefined) throw new Error("no docker_sd_configs");
  const logger = new MemoryLogger();
  const nothing = () => Promise.reject(new Error("no files"));
  const files = { list: nothing, mark: nothing, read: nothing };
  const get = discoveryGet(testGets(), new BodyRoom());
  const stop = new AbortController();
  let found: readonly TargetGroup[] = [];
  const onGroups = (groups: readonly TargetGroup[]) => {
    found = groups;
    stop.abort();
  };
  const discovery = dockerDiscovery(config, { clock: nodeClock, logger, files, get });
  const run = discovery.run(onGroups, stop.signal);
  await vi.waitFor(() => expect(found.length + logger.lines.length).toBeGreaterThan(0), 10_000);
  stop.abort();
  await run;
  const addresses = found.flatMap(({ targets }) =>
    targets.map((labels) => labelValue(labels, "__address__")),
  );
  return { addresses, errors: logger.lines.map(({ fields }) => JSON.stringify(fields)) };
}

const indented = (pem: string) => pem.trim().replaceAll("\n", "\n        ");
const TRUSTED = `    tls_config:
      ca: |
        ${indented(SERVER.cert)}
`;
const KNOWN = `${TRUSTED}      cert: |
        ${indented(CLIENT.cert)}
      key: |
        ${indented(CLIENT.key)}
`;

test.each(["tcp", "https"])(
  "an engine at %s:// with TLS and a client's certificate",
  async (scheme) => {
    const { addresses, errors } = await find(`${scheme}://127.0.0.1:${await startEngine()}`, KNOWN);
    expect({ addresses, errors }).toEqual({ addresses: ["10.0.0.2:9100"], errors: [] });
  },
);

test.each([
  ["without our certificate", TRUSTED],
  ["that we do not trust", "    tls_config: { server_name: 127.0.0.1 }\n"],
  ["in the clear", ""],
])("an engine %s is not asked with success, and the reason is logged", async (_what, tlsConfig) => {
  const { addresses, errors } = await find(`tcp://127.0.0.1:${await startEngine()}`, tlsConfig);
  expect(addresses).toEqual([]);
  expect(errors.join()).toMatch(/127\.0\.0\.1/);
});
