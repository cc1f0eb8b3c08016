import { describe, expect, test } from "vitest";
import { containerLabels } from "../../../agent/logs/containers/container-labels.ts";
import { ContainerNames } from "../../../agent/logs/containers/container-names.ts";
import { formatLabels } from "../../../shared/model/labels.ts";
import { MemoryFiles } from "../../support/memory-files.ts";

const ID = "ab".repeat(32);
const DOCKER = "/var/lib/docker/containers";
const PODMAN = "/var/lib/containers/storage/overlay-containers";
const LABELS = { "com.docker.compose.project": "shop", "com.docker.compose.service": "web" };

const config = (name: string, labels: Readonly<Record<string, unknown>> = LABELS) =>
  JSON.stringify({ ID, Name: `/${name}`, Config: { Image: "nginx:1", Labels: labels } });
const list = (name: string) => {
  const metadata = JSON.stringify({ "image-name": "docker.io/library/alpine:3", name });
  return JSON.stringify([{ id: ID, names: [name], image: "cd".repeat(32), metadata }]);
};

class Bed {
  readonly files = new MemoryFiles(() => this.nowMs);
  nowMs = 1000;

  names(): ContainerNames {
    return new ContainerNames(this.files, { docker: [DOCKER], podman: [PODMAN] });
  }

  docker(content: string): void {
    this.nowMs += 1000;
    this.files.create(`${DOCKER}/${ID}/config.v2.json`, Buffer.from(content));
  }

  podman(content: string, file = "containers.json"): void {
    this.nowMs += 1000;
    this.files.create(`${PODMAN}/${file}`, Buffer.from(content));
  }

  labels(runtime: "docker" | "podman" = "docker", id = ID): string {
    const directory = runtime === "docker" ? DOCKER : PODMAN;
    return formatLabels(
      containerLabels(
        { instance: "web1" },
        this.names().at(runtime, directory, id, true),
        "stdout",
      ),
    );
  }
}

describe("names of containers", () => {
  test("of Docker: name, image, compose's service and project", () => {
    const bed = new Bed();
    bed.docker(config("shop-web-1"));
    expect(bed.labels()).toBe(
      '{compose_project="shop", compose_service="web", container="shop-web-1", image="nginx:1", instance="web1", job="containers", service="web", stream="stdout"}',
    );
    expect(bed.files.openCount).toBe(0);
  });

  test.each([["containers.json"], ["volatile-containers.json"]])("of Podman, from %s", (file) => {
    const bed = new Bed();
    bed.podman(list("db"), file);
    expect(bed.labels("podman")).toBe(
      '{container="db", image="docker.io/library/alpine:3", instance="web1", job="containers", service="db", stream="stdout"}',
    );
  });

  test.each<[name: string, content: string | null]>([
    ["there is none", null],
    ["it is half written", config("web").slice(0, 40)],
    ["it is another container's", config("web").replace(ID, "cd".repeat(32))],
    ["it is over a megabyte", config("web", { long: "x".repeat(1024 * 1024) })],
    ["it is no object", "[1]"],
    ["it is of other types", JSON.stringify({ ID, Name: 7, Config: { Image: {}, Labels: [] } })],
  ])("the short id where %s", (_, content) => {
    const bed = new Bed();
    if (content !== null) bed.docker(content);
    expect(bed.labels()).toBe(
      '{container="abababababab", instance="web1", job="containers", service="abababababab", stream="stdout"}',
    );
  });

  test("a label of a million characters, control characters and names of methods do no harm", () => {
    const bed = new Bed();
    const labels = {
      "com.docker.compose.service": `w\u0000e\u001b[31mb\n${"x".repeat(1_000_000)}`,
      "com.docker.compose.project": { evil: true },
      constructor: "no",
      __proto__: "no",
    };
    bed.docker(config("a\u0007b\u202e", labels));
    const service = `we[31mb${"x".repeat(1024 - 7)}`;
    expect(bed.labels()).toBe(
      `{compose_service="${service}", container="ab", image="nginx:1", instance="web1", job="containers", service="${service}", stream="stdout"}`,
    );
  });

  test("a directory that is named like no container is the container's name", () => {
    expect(new Bed().labels("docker", "../\u0000x")).toBe(
      '{container="../x", instance="web1", job="containers", service="../x", stream="stdout"}',
    );
  });

  test("lines that come after the directory went have the labels, too", () => {
    const bed = new Bed();
    const names = bed.names();
    bed.docker(config("web"));
    expect(names.at("docker", DOCKER, ID, true).name).toBe("web");
    bed.files.unlink(`${DOCKER}/${ID}/config.v2.json`);
    expect(names.at("docker", DOCKER, ID, false).name).toBe("web");
  });

  test("a storage's list is read again when it changed", () => {
    const bed = new Bed();
    const names = bed.names();
    bed.podman(list("before"));
    expect(names.at("podman", PODMAN, ID, true).name).toBe("before");
    bed.podman(list("later"));
    expect(names.at("podman", PODMAN, ID, true).name).toBe("later");
  });

  test("by an id of the journal: found in each runtime, and again when it has another name", () => {
    const bed = new Bed();
    const names = bed.names();
    expect(names.find(ID, "web")).toBe(null);
    expect(names.find("../../etc", "web")).toBe(null);
    bed.docker(config("web"));
    expect(names.find(ID, "web")?.labels).toEqual(LABELS);
    bed.docker(config("renamed", {}));
    expect(names.find(ID, "web")?.labels).toEqual(LABELS);
    expect(names.find(ID, "renamed")?.labels).toEqual({});
    const other = new Bed();
    other.podman(list("db"));
    expect(other.names().find(ID, "db")?.name).toBe("db");
  });
});
