import { once } from "node:events";
import { renameSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { DOCKER, factsOfInspected } from "../../agent/collect/containers/engine-answers.ts";
import type { ContainerFacts } from "../../agent/containers/container-facts.ts";
import { readScrapeConfigs } from "../../agent/scrape/config/read-scrape-configs.ts";
import { ON_HOST } from "../../agent/scrape/discovery/container-address.ts";
import { containerTargets } from "../../agent/scrape/discovery/container-targets.ts";
import { diskFiles } from "../../agent/scrape/discovery/disk-files.ts";
import { dockerDiscovery } from "../../agent/scrape/discovery/docker-discovery.ts";
import { followTargets } from "../../agent/scrape/follow-targets.ts";
import type { TargetGroup, TargetsOfJob } from "../../agent/scrape/targets.ts";
import { labelsRecord } from "../../shared/model/labels.ts";
import { ContainerBed, whyNoContainers } from "../support/container-bed.ts";
import { directoryForTest } from "../support/directory-for-test.ts";
import { discoveryGet } from "../support/discovery-get.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { MemoryLogger } from "../support/memory-logger.ts";
import { eventually } from "../support/programs.ts";
import { hasPrometheus, prometheusTargets } from "../support/prometheus.ts";

/** Follows the first job until the test ends. */
function follow(text: string) {
  const { configs, faults } = readScrapeConfigs({ path: "/a.yaml", text }, () => []);
  expect(faults).toEqual([]);
  const [config] = configs;
  if (config === undefined) throw new Error("no job was read");
  const clock = new FakeClock();
  const lists: TargetsOfJob[] = [];
  const stop = new AbortController();
  onTestFinished(() => stop.abort());
  const ports = { clock, logger: new MemoryLogger(), files: diskFiles, get: discoveryGet };
  const end = followTargets(config, ports, (list) => lists.push(list), stop.signal);
  end.catch(() => undefined);
  const targets = () => lists.at(-1)?.targets ?? [];
  return { clock, targets, urls: () => targets().map(({ url }) => url) };
}

type Names = Readonly<Record<string, string>>;

/** The labels that the first docker_sd_config finds. */
async function dockerLabels(text: string): Promise<Names[]> {
  const { configs } = readScrapeConfigs({ path: "/a.yaml", text }, () => []);
  const [config] = configs[0]?.dockerDiscoveries ?? [];
  if (config === undefined) throw new Error("no discovery was read");
  const stop = new AbortController();
  const logger = new MemoryLogger();
  const ports = { clock: new FakeClock(), logger, files: diskFiles, get: discoveryGet };
  return await new Promise((resolve) => {
    const onGroups = (groups: readonly TargetGroup[]) => {
      stop.abort();
      resolve(groups.flatMap(({ targets }) => targets.map(labelsRecord)));
    };
    void dockerDiscovery(config, ports).run(onGroups, stop.signal);
  });
}

test("files on a disk are followed, also when they are replaced", async () => {
  const directory = directoryForTest();
  const file = join(directory, "a.json");
  writeFileSync(file, '[{"targets": ["a:1"]}]');
  writeFileSync(join(directory, "b.yml"), "- targets: [b:1]\n");
  const files = JSON.stringify([join(directory, "*.json"), join(directory, "b.yml")]);
  const { clock, urls } = follow(
    `scrape_configs: [{job_name: a, file_sd_configs: [{files: ${files}}]}]`,
  );
  await eventually(async () => urls().length === 2);
  expect(urls()).toEqual(["http://a:1/metrics", "http://b:1/metrics"]);
  writeFileSync(`${file}.new`, '[{"targets": ["a:2"]}]');
  renameSync(`${file}.new`, file);
  await eventually(async () => {
    await clock.advance(5000);
    return urls()[0] === "http://a:2/metrics";
  });
});

test("a service is asked over HTTP", async () => {
  const seen: (string | string[] | undefined)[] = [];
  const server = createServer((request, response) => {
    seen.push(request.headers["x-prometheus-refresh-interval-seconds"]);
    response.setHeader("Content-Type", "application/json");
    response.end('[{"targets": ["a:1"]}]');
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const { urls } = follow(
    `scrape_configs: [{job_name: a, http_sd_configs: [{url: '${url}', refresh_interval: 1m30s}]}]`,
  );
  await eventually(async () => urls().length === 1);
  expect(seen).toEqual(["90"]);
});

const why = whyNoContainers();

describe.skipIf(why !== null)(`with Docker (skipped where there is none: ${why})`, () => {
  let bed: ContainerBed;

  beforeAll(async () => {
    bed = await ContainerBed.open();
    for (const name of ["one", "two", "three"]) {
      await bed.docker("network", "create", "--label", `net.label=${name}`, name);
    }
    const network = (name: string) => ["--network", name];
    const label = (text: string) => ["--label", text];
    await bed.run("plain", "sleep 1000", [
      ...network("one"),
      ...label("telltale.scrape.port=9100"),
    ]);
    await bed.run("several", "sleep 1000", [
      ...network("two"),
      ...[
        "--expose",
        "9100",
        "--expose",
        "53/udp",
        "-p",
        "127.0.0.1:18080:80",
        "-p",
        "0.0.0.0:18081:81",
      ],
      ...label("app.kubernetes.io/name=x y"),
      ...label("telltale.scrape.port=81,80"),
    ]);
    for (const name of ["one", "three"]) await bed.docker("network", "connect", name, "several");
    await bed.run("inside", "sleep 1000", [
      ...network("container:plain"),
      ...label("telltale.scrape.port=9200"),
    ]);
    await bed.run("hosted", "sleep 1000", [
      ...network("host"),
      ...label("prometheus.io/scrape=true"),
      ...label("prometheus.io/port=9300"),
    ]);
    await bed.run("alone", "sleep 1000", [...network("none"), ...label("telltale.scrape.port=1")]);
  }, 120_000);

  afterAll(() => bed?.[Symbol.asyncDispose]());

  test.skipIf(!hasPrometheus)(
    "docker_sd_configs give the labels that Prometheus gives",
    async () => {
      const host = `unix://${join(bed.hostRoot, "run/docker.sock")}`;
      const jobOf = (more: string) =>
        `scrape_configs: [{job_name: a, scrape_interval: 1h, docker_sd_configs: [{host: '${host}'${more}}]}]`;
      const ours = await dockerLabels(jobOf(", match_first_network: false"));
      const theirs = await prometheusTargets(jobOf(""));
      // Not those that release 2.42 has otherwise: it does not look up `container:…`.
      const sorted = (list: readonly Names[]) =>
        list
          .filter((one) => !one["__meta_docker_container_network_mode"]?.startsWith("container:"))
          .map((one) => Object.entries(one).filter(([name]) => /^__(meta_|address_)/.test(name)))
          .map((one) => JSON.stringify(one.sort()))
          .sort();
      expect(sorted(ours)).toEqual(sorted(theirs.activeTargets.map((one) => one.discoveredLabels)));
      // plain, several with three ports on three networks, hosted, alone.
      expect(sorted(ours)).toHaveLength(12);
      const shared = ours.filter((one) => one["__meta_docker_container_name"] === "/inside");
      expect(shared.map((one) => one["__address__"])).toEqual([
        `${await bed.inspect("plain", "{{.NetworkSettings.Networks.one.IPAddress}}")}:80`,
      ]);
    },
  );

  test("labels of containers lead to one target for each port, at an address that answers", async () => {
    const names = ["plain", "several", "inside", "hosted", "alone"];
    const facts: ContainerFacts[] = [];
    for (const name of names) {
      const [inspected] = JSON.parse(await bed.docker("inspect", name));
      const one = factsOfInspected(inspected, DOCKER);
      if (one !== null) facts.push(one);
    }
    const { groups, refused } = containerTargets(facts, ON_HOST, "node-1");
    const ip = await bed.inspect("plain", "{{.NetworkSettings.Networks.one.IPAddress}}");
    const all = groups.flatMap(({ targets }) => targets.map((one) => labelsRecord(one)));
    expect(all.map((one) => `${one["container"]} ${one["__address__"]}`)).toEqual([
      `plain ${ip}:9100`,
      "several 127.0.0.1:18081",
      "several 127.0.0.1:18080",
      `inside ${ip}:9200`,
      "hosted 127.0.0.1:9300",
    ]);
    expect(refused).toEqual([
      { subject: "alone", reason: "no address leads to its port 1: publish it" },
    ]);
  });
});
