import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  DOCKER,
  engineOf,
  eventOf,
  eventsPath,
  factsOfInspected,
  factsOfListed,
  PODMAN,
} from "../../../agent/collect/containers/engine-answers.ts";
import { factsOfAnnotations } from "../../../agent/collect/containers/oci-annotations.ts";
import type { ContainerFacts } from "../../../agent/containers/container-facts.ts";
import { boundedLabels, cleanText } from "../../../agent/containers/hostile-json.ts";
import { OperationalError } from "../../../shared/errors.ts";
import { LineSplitter } from "../../../shared/line-splitter.ts";
import { mayRefuse } from "./mutated.ts";

const SHARED = process.env["TELLTALE_SHARED"] ?? join(import.meta.dirname, "../../../../shared");
const CAPTURES = join(SHARED, "fixtures/cgroup-v2/systemd-6.1");
const hasCaptures = existsSync(CAPTURES);
const captured = (name: string): unknown[] =>
  hasCaptures ? JSON.parse(readFileSync(join(CAPTURES, name), "utf8")) : [];

const ID = "0123456789abcdef".repeat(4);

describe.skipIf(!hasCaptures)("captured lists (skipped where they are not)", () => {
  test("Docker's", () => {
    const facts = captured("docker-containers.json").map((one) => factsOfListed(one, DOCKER));
    expect(facts.every((one) => one !== null)).toBe(true);
    const own = facts.find((one) => one?.name === "idle-labels");
    expect(own).toMatchObject({
      source: "docker-socket",
      image: "testbed/busybox:1",
      imageDigest: expect.stringMatching(/^sha256:[0-9a-f]{64}$/),
      state: "running",
      labels: {
        team: "payments",
        "com.docker.compose.project": "shop",
        "com.docker.compose.service": "cart",
      },
    });
  });

  test("Podman's", () => {
    const facts = captured("podman-compat-containers.json").map((one) =>
      factsOfListed(one, PODMAN),
    );
    expect(facts.map((one) => one?.name).sort()).toEqual(["pod-cpu", "pod-idle"]);
    expect(facts.find((one) => one?.name === "pod-idle")?.labels).toEqual({ app: "demo" });
  });
});

describe("answers of an engine", () => {
  test("the engine says who it is; one that does not is taken for Docker", () => {
    expect(engineOf({ Components: [{ Name: "Podman Engine" }] })).toBe(PODMAN);
    expect(engineOf({ Components: [{ Name: "Engine" }] })).toBe(DOCKER);
    for (const odd of [null, 1, [], {}, { Components: [null, 3] }]) {
      expect(engineOf(odd)).toBe(DOCKER);
    }
  });

  test("an exit code counts only when the container ended", () => {
    const inspected = (Status: string) =>
      factsOfInspected({ Id: ID, State: { Status, ExitCode: 0 } }, DOCKER)?.lastExitCode;
    expect(inspected("running")).toBeNull();
    expect(inspected("created")).toBeNull();
    expect(inspected("exited")).toBe(0);
  });

  test("fields of the wrong type are as if they were not there", () => {
    const odd = {
      Id: ID,
      Name: 3,
      Image: [],
      RestartCount: -1,
      State: "up",
      Config: { Labels: 7 },
    };
    expect(factsOfInspected(odd, DOCKER)).toMatchObject({
      name: "",
      image: "",
      restarts: null,
      health: "none",
      state: "unknown",
      labels: {},
    });
    expect(factsOfListed({ Id: ID, Names: [{}], Labels: null }, DOCKER)?.name).toBe("");
    expect(factsOfInspected({ Id: "../../etc" }, DOCKER)).toBeNull();
  });

  test("the manifest's digest is better than the image's id", () => {
    const descriptor = { ImageManifestDescriptor: { digest: "sha256:m" }, Image: "sha256:i" };
    expect(factsOfInspected({ Id: ID, ...descriptor }, DOCKER)?.imageDigest).toBe("sha256:m");
  });

  const event = (value: object) =>
    eventOf(JSON.stringify({ Type: "container", timeNano: 1.5e18, ...value }));

  test("events: labels are what is not the engine's, words are Docker's", () => {
    const Attributes = { name: "web", image: "app", exitCode: "137", execDuration: "3", team: "x" };
    expect(event({ Action: "died", Actor: { ID, Attributes } })).toEqual({
      id: ID,
      action: "die",
      name: "web",
      image: "app",
      labels: { team: "x" },
      exitCode: 137,
      health: null,
      timeNano: 1.5e18,
    });
    expect(event({ Action: "remove", Actor: { ID } })?.action).toBe("destroy");
    const health = event({ Action: "health_status: unhealthy", Actor: { ID } });
    expect(health).toMatchObject({ action: "health_status", health: "unhealthy" });
    expect(event({ Type: "image", Action: "pull", Actor: { ID } })).toBeNull();
    expect(event({ Action: "die", Actor: { ID: "x" } })).toBeNull();
    expect(() => eventOf("{")).toThrow(OperationalError);
  });

  test("that a container was connected to a network both engines tell, each in its way", () => {
    const Attributes = { container: ID, name: "shop", type: "bridge" };
    const docker = {
      Type: "network",
      Action: "connect",
      Actor: { ID: "f".repeat(64), Attributes },
    };
    expect(event(docker)).toMatchObject({ id: ID, action: "network", name: "", labels: {} });
    const podman = { Type: "network", Action: "disconnect", Actor: { ID, Attributes: {} } };
    expect(event(podman)).toMatchObject({ id: ID, action: "network" });
    expect(event({ Type: "network", Action: "create", Actor: { ID: "shop" } })).toBeNull();
  });

  test("only changes of containers are asked for", () => {
    const url = new URL(eventsPath(12), "http://engine");
    expect(url.searchParams.get("since")).toBe("12");
    const filters = JSON.parse(url.searchParams.get("filters") ?? "");
    expect(filters.type).toEqual(["container", "network"]);
    expect(filters.event).toContain("oom");
    expect(filters.event).not.toContain("exec_start");
  });
});

describe("hostile text", () => {
  test("labels are bounded in number, in size each and in all", () => {
    const many = Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`l${i}`, "v"]));
    expect(Object.keys(boundedLabels(many, () => true))).toHaveLength(64);
    const long = boundedLabels({ ["n".repeat(999)]: "v".repeat(9999) }, () => true);
    const [[name = "", value = ""] = []] = Object.entries(long);
    expect([name.length, value.length]).toEqual([256, 1024]);
    const large = Object.fromEntries(
      Array.from({ length: 64 }, (_, i) => [`l${i}`, "v".repeat(1024)]),
    );
    expect(JSON.stringify(boundedLabels(large, () => true)).length).toBeLessThan(17_000);
  });

  test("a label may be called __proto__ or constructor", () => {
    const labels = boundedLabels(JSON.parse('{"__proto__":"p","constructor":"c"}'), () => true);
    expect(JSON.stringify(labels)).toBe('{"__proto__":"p","constructor":"c"}');
    expect(boundedLabels(Object.create({ inherited: "x" }), () => true)).toEqual({});
  });

  test.each([
    ["a\u0000b\nc\u001b[31md\u202ee", "abc[31mde"],
    ["\ud800x", "x"],
    ["größe 🐳", "größe 🐳"],
  ])("%j becomes %j", (text, expected) => {
    expect(cleanText(text)).toBe(expected);
  });

  const codePoint = fc.oneof(fc.nat(0x7f), fc.nat(0xffff), fc.nat(0x10ffff));

  test("any text becomes bounded valid UTF-8 without control characters", () => {
    fc.assert(
      fc.property(fc.array(codePoint, { maxLength: 60 }), fc.nat(40), (points, max) => {
        const text = String.fromCodePoint(...points);
        const cleaned = cleanText(text, max);
        expect(cleaned.length).toBeLessThanOrEqual(max + 1);
        expect(Buffer.from(cleaned).toString("utf8")).toBe(cleaned);
        expect(cleaned).not.toMatch(/\p{Cc}/u);
      }),
      { numRuns: 300 },
    );
  });
});

/** Takes fields out, and puts others' values in their place. */
function mutated(original: string): fc.Arbitrary<unknown> {
  const odd = fc.oneof(
    fc.jsonValue({ maxDepth: 2 }),
    fc.constantFrom("__proto__", -1, 1e308, "\u0000", [], undefined),
  );
  const step = fc.tuple(fc.nat(20), odd);
  return fc.array(step, { minLength: 1, maxLength: 6 }).map((steps) => {
    let text = original;
    for (const [at, odd] of steps) {
      let index = -1;
      const changed = JSON.parse(text, (key, value) => {
        index += 1;
        return index === at && key !== "" ? odd : value;
      });
      text = JSON.stringify(changed);
    }
    return JSON.parse(text);
  });
}

function checkFacts(facts: ContainerFacts | null): void {
  if (facts === null) return;
  expect(facts.id).toMatch(/^[0-9a-f]{64}$/);
  for (const text of [facts.name, facts.image, facts.imageDigest, ...Object.values(facts.labels)]) {
    expect(typeof text).toBe("string");
    expect(text.length).toBeLessThanOrEqual(1025);
  }
  for (const count of [facts.restarts, facts.lastExitCode]) {
    if (count !== null) expect(Number.isSafeInteger(count) && count >= 0).toBe(true);
  }
}

describe("mutated answers never throw and give bounded facts", () => {
  const inspect = JSON.stringify({
    Id: ID,
    Name: "/web",
    Image: "sha256:i",
    RestartCount: 1,
    State: { Status: "exited", OOMKilled: false, ExitCode: 3, Health: { Status: "healthy" } },
    Config: { Image: "app:1", Labels: { a: "b", "io.kubernetes.pod.name": "p" } },
  });
  const listed = JSON.stringify({ Id: ID, Names: ["/web"], Image: "a", Labels: { a: "b" } });
  const event = JSON.stringify({
    Type: "container",
    Action: "die",
    Actor: { ID, Attributes: { name: "a", exitCode: "1" } },
    timeNano: 1,
  });
  const annotations = JSON.stringify({
    "io.kubernetes.cri.sandbox-name": "p",
    "io.kubernetes.cri-o.Labels": '{"a":"b"}',
  });

  test.each<[string, string, (value: unknown) => ContainerFacts | null]>([
    ["inspect", inspect, (value) => factsOfInspected(value, DOCKER)],
    ["list", listed, (value) => factsOfListed(value, PODMAN)],
    ["annotations", annotations, (value) => factsOfAnnotations(ID, "crio", value as never)],
  ])("%s", (_, original, read) => {
    fc.assert(
      fc.property(mutated(original), (value) => checkFacts(read(value))),
      { numRuns: 200 },
    );
  });

  test("event, also cut and garbled as text", () => {
    fc.assert(
      fc.property(mutated(event), fc.nat(200), (value, cut) => {
        for (const line of [JSON.stringify(value), event.slice(0, cut)]) {
          mayRefuse(() => {
            const heard = eventOf(line ?? "");
            if (heard?.exitCode) expect(heard.exitCode).toBeLessThan(1000);
          });
        }
      }),
      { numRuns: 200 },
    );
  });
});

describe("lines of a stream", () => {
  function linesOf(chunks: readonly Uint8Array[], max: number) {
    const splitter = new LineSplitter(max);
    const lines: string[] = [];
    for (const chunk of chunks) {
      splitter.push(chunk, (line) => lines.push(line));
      chunk.fill(0); // it is not ours to keep
    }
    return { lines, tooLong: splitter.tooLong };
  }

  test("are the same however the stream is cut", () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ maxLength: 12 }).map((text) => text.replaceAll("\n", ""))),
        fc.array(fc.nat(60)),
        (texts, cuts) => {
          const bytes = Buffer.from(texts.map((text) => `${text}\n`).join(""));
          const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length];
          places.sort((a, b) => a - b);
          const chunks = places
            .slice(1)
            .map((end, i) => Buffer.from(bytes.subarray(places[i], end)));
          const expected = texts.filter((text) => text !== "" && Buffer.byteLength(text) <= 8);
          const tooLong = texts.filter((text) => Buffer.byteLength(text) > 8).length;
          expect(linesOf(chunks, 8)).toEqual({ lines: expected, tooLong });
        },
      ),
    );
  });
});
