import { execFileSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterEach, describe, expect, test } from "vitest";
import { ContainerDirectory } from "../../agent/collect/containers/container-directory.ts";
import type { ContainerFacts } from "../../agent/collect/containers/container-facts.ts";
import { containerStateCollector } from "../../agent/collect/containers/container-states.ts";
import { Faults } from "../../agent/collect/context.ts";
import { ReadBuffer } from "../../agent/collect/kit/held-file.ts";
import { nodeClock } from "../../shared/platform/node.ts";
import { SerialQueue } from "../../shared/time/serial-queue.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { MemoryLogger } from "../support/memory-logger.ts";
import { RecordingSink } from "../unit/collect/recording-sink.ts";
import { FakeEngine, idOf } from "./fake-engine.ts";

const SHARED = process.env["TELLTALE_SHARED"] ?? join(import.meta.dirname, "../../../shared");
const CAPTURES = join(SHARED, "fixtures/cgroup-v2/systemd-6.1");
const CAPTURED = join(CAPTURES, "docker-containers.json");

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

/** A host with nothing on it. */
class Bed {
  readonly root = mkdtempSync(join(tmpdir(), "telltale-runtime-"));
  readonly clock = new FakeClock(Date.now() - 60_000);
  readonly logger = new MemoryLogger();
  readonly sink = new RecordingSink();
  readonly faults = new Faults(this.sink);
  readonly directory: ContainerDirectory;
  readonly #states;

  constructor(options: { containersMax?: number } = {}) {
    ends.push(() => rmSync(this.root, { recursive: true, force: true }));
    const { root: hostRoot, clock, logger, faults, sink } = this;
    const random = () => 1;
    this.directory = new ContainerDirectory({
      hostRoot,
      clock,
      random,
      logger,
      faults,
      ...options,
    });
    ends.push(() => this.directory[Symbol.asyncDispose]());
    const buffer = new ReadBuffer();
    this.#states = containerStateCollector(this.directory, {
      hostRoot,
      buffer,
      sink,
      faults,
      background: new SerialQueue(),
      clock: nodeClock,
    });
  }

  async engine(path = "run/docker.sock", name = "Engine"): Promise<FakeEngine> {
    mkdirSync(dirname(join(this.root, path)), { recursive: true });
    const engine = new FakeEngine(join(this.root, path), name);
    await engine.start();
    ends.push(() => engine.stop());
    return engine;
  }

  file(path: string, content: unknown): void {
    const full = join(this.root, path);
    mkdirSync(dirname(full), { recursive: true });
    writeFileSync(full, typeof content === "string" ? content : JSON.stringify(content));
  }

  lookup(id: string, runtime = "docker", path = `/docker/${id}`): ContainerFacts | null {
    return this.directory.lookup(id, runtime, path, this.clock.nowMs());
  }

  /** Asks until it is told, without the clock going on. */
  async known(id: string, runtime?: string, path?: string): Promise<ContainerFacts> {
    return await until(() => this.lookup(id, runtime, path));
  }

  /** The state collector's series as they are now. */
  series(): Map<string, number> {
    this.sink.begin();
    this.#states.collect(this.clock.nowMs());
    this.faults.collect();
    return this.sink.values();
  }

  value(metric: string, label: string): number | undefined {
    const found = [...this.series()].filter(
      ([key]) => key.startsWith(`${metric}{`) && key.includes(label),
    );
    expect(found.length, `${metric} ${label}`).toBeLessThan(2);
    return found[0]?.[1];
  }

  fault(reason: string): number | undefined {
    return this.value("telltale_agent_collect_faults_total", `reason="${reason}"`);
  }
}

async function until<T>(look: () => T | null | undefined | false): Promise<T> {
  for (let turn = 0; turn < 4000; turn += 1) {
    const found = look();
    if (found !== null && found !== undefined && found !== false) return found;
    await delay(turn < 100 ? 1 : 5);
  }
  throw new Error("it never came");
}

const A = idOf(1);
const B = idOf(2);

describe("a runtime's socket", () => {
  test("a container is known by name, image and labels; asking again gives the same object", async () => {
    const bed = new Bed();
    const engine = await bed.engine();
    const labels = { "com.docker.compose.project": "shop", "com.docker.compose.service": "cart" };
    engine.add({ id: A, name: "web", labels, restarts: 3, health: "healthy" });
    expect(bed.lookup(A)).toBeNull();
    const facts = await bed.known(A);
    expect(facts).toMatchObject({
      source: "docker-socket",
      runtime: "docker",
      name: "web",
      image: "app:1",
      imageDigest: `sha256:${"a".repeat(64)}`,
      composeProject: "shop",
      composeService: "cart",
      restarts: 3,
      health: "healthy",
    });
    expect(bed.lookup(A)).toBe(facts);
    expect([...bed.series().keys()].filter((key) => key.startsWith("telltale_container"))).toEqual([
      `telltale_container_info{compose_project="shop", compose_service="cart", id="/docker/${A}", ` +
        `image="app:1", image_digest="sha256:${"a".repeat(64)}", job="cadvisor", name="web", ` +
        'runtime="docker", source="docker-socket"}',
    ]);
    expect(bed.value("container_health_state", 'name="web"')).toBe(1);
    expect(bed.value("container_restarts_total", 'name="web"')).toBe(3);
  });

  test("events tell of a container before its cgroup is seen, and of all that happens to it", async () => {
    const bed = new Bed();
    const engine = await bed.engine();
    bed.file("run/docker.pid", "1");
    bed.series();
    await until(() => engine.listeners === 1);
    engine.add({ id: A, name: "job", labels: { team: "x" }, state: "created" });
    engine.event(A, "create");
    await until(() => bed.lookup(A)?.labels["team"] === "x");
    expect(engine.requests.filter((path) => path.includes(A)).length, "not inspected yet").toBe(1);
    engine.add({ id: A, name: "job", labels: { team: "x" }, health: "starting" });
    engine.event(A, "start");
    await until(() => bed.value("container_state", 'state="running"'));
    expect(bed.value("container_health_state", 'name="job"')).toBe(0);
    expect(bed.value("container_runtime_oom_events_total", 'name="job"')).toBe(0);
    engine.event(A, "health_status: healthy");
    engine.event(A, "oom");
    engine.event(A, "oom");
    await until(() => bed.value("container_runtime_oom_events_total", 'name="job"') === 2);
    expect(bed.value("container_health_state", 'name="job"')).toBe(1);
    engine.add({ id: A, name: "job2", restarts: 1, state: "exited", exitCode: 137 });
    engine.event(A, "rename");
    engine.event(A, "die", { exitCode: "137" });
    await until(() => bed.value("container_last_exit_code", 'name="job2"') === 137);
    expect(bed.value("container_state", 'name="job2", state="exited"')).toBe(1);
    await until(() => bed.value("container_restarts_total", 'name="job2"') === 1);
    bed.directory.forget(A);
    expect(bed.value("container_state", 'state="exited"'), "stopped, but there").toBe(1);
    engine.containers.delete(A);
    engine.event(A, "destroy");
    await until(() => bed.value("telltale_container_info", "job2") === undefined);
    expect(bed.sink.liveCount).toBe(0);
    expect(bed.lookup(A), "a new container of that id would be asked for").toBeNull();
  });

  test("an event cut in two, garbage and an endless line do not stop the stream", async () => {
    const bed = new Bed();
    const engine = await bed.engine();
    bed.file("run/docker.pid", "1");
    bed.series();
    await until(() => engine.listeners === 1);
    engine.add({ id: A, name: "a" });
    const text = engine.eventText(A, "create");
    engine.write(text.slice(0, 40));
    await delay(20);
    engine.write(`${text.slice(40)}\n{"Type":"container","Actor":[]}\n[]\nnull\n{oops\n`);
    engine.write(`${"x".repeat(300_000)}\n`);
    engine.add({ id: B, name: "b" });
    engine.event(B, "create");
    await until(() => bed.lookup(B)?.name === "b");
    expect(bed.lookup(A)?.name).toBe("a");
    await until(() => bed.fault("limit") === 1);
    expect(bed.fault("malformed")).toBe(1);
    expect(engine.requests.filter((path) => path.startsWith("/events"))).toHaveLength(1);
  });

  test("a cut stream is taken up again; what was removed meanwhile is gone", async () => {
    const bed = new Bed();
    const engine = await bed.engine();
    engine.add({ id: A, name: "a" });
    engine.add({ id: B, name: "b", state: "exited", exitCode: 1 });
    await bed.known(A);
    await until(() => bed.value("container_last_exit_code", 'name="b"'));
    engine.containers.delete(B);
    engine.add({ id: A, name: "a", restarts: 7 });
    engine.write('{"Type":"conta');
    engine.cut();
    await until(() => bed.logger.messages("warn").includes("container runtime lost"));
    expect(engine.listeners).toBe(0);
    await bed.clock.advance(1000);
    await until(() => bed.value("container_restarts_total", 'name="a"') === 7);
    expect(bed.value("container_last_exit_code", 'name="b"')).toBeUndefined();
    const events = engine.requests.filter((path) => path.startsWith("/events"));
    expect(events).toHaveLength(2);
  });

  test("what an engine tells again after a cut counts once", async () => {
    const bed = new Bed();
    const engine = await bed.engine();
    engine.add({ id: A, name: "a" });
    await bed.known(A);
    await until(() => engine.listeners === 1);
    const heard = `${engine.eventText(A, "oom")}\n`;
    engine.write(heard);
    await until(() => bed.value("container_runtime_oom_events_total", 'name="a"') === 1);
    engine.cut();
    await until(() => bed.logger.messages("warn").length === 1);
    await bed.clock.advance(1000);
    await until(() => engine.listeners === 1);
    engine.write(heard);
    engine.event(A, "oom");
    await until(() => bed.value("container_runtime_oom_events_total", 'name="a"') !== 1);
    expect(bed.value("container_runtime_oom_events_total", 'name="a"')).toBe(2);
  });

  test("one that hangs is not waited for longer than two seconds, and tried again", async () => {
    const bed = new Bed();
    const engine = await bed.engine();
    engine.instead.set("/version", () => undefined);
    expect(bed.lookup(A)).toBeNull();
    await until(() => engine.requests.length === 1);
    await bed.clock.advance(1999);
    expect(bed.lookup(A)).toBeNull();
    await until(() => existsSync(bed.root)); // the files are looked at, and have nothing
    await bed.clock.advance(1);
    expect(bed.lookup(A)).toMatchObject({
      source: "cgroup",
      runtime: "docker",
      name: A.slice(0, 12),
    });
    await bed.clock.advance(8000);
    await until(() => bed.logger.messages("warn").length === 1);
    engine.instead.clear();
    engine.add({ id: A, name: "late" });
    await bed.clock.advance(1000);
    await until(() => bed.lookup(A)?.name === "late");
  });

  test("an answer of 10 MB is left out, and containers are asked for one by one", async () => {
    const bed = new Bed();
    const engine = await bed.engine();
    engine.instead.set("/containers/json", (response) => {
      response.writeHead(200);
      response.end(`[${'{"Id":"x"},'.repeat(1e6)}{}]`);
    });
    engine.add({ id: A, name: "a" });
    expect((await bed.known(A)).name).toBe("a");
    expect(bed.fault("limit")).toBe(1);
    expect(engine.listeners).toBe(1);
  });

  test("answers that are no JSON, of another shape or of another container are no facts", async () => {
    const bed = new Bed();
    const engine = await bed.engine();
    engine.instead.set("/containers/json", (response) => response.end('{"not":"a list"}'));
    const answers = ["{{{", "[]", JSON.stringify({ Id: B, Name: "/other" })];
    engine.instead.set("/containers/", (response) => response.end(answers.shift() ?? "null"));
    for (const id of [A, B, idOf(3)]) {
      expect(await bed.known(id)).toMatchObject({ source: "cgroup", name: id.slice(0, 12) });
    }
    expect(bed.fault("malformed")).toBe(2);
  });

  test("5,000 containers: the newest are listed, the others found when seen", async () => {
    const bed = new Bed({ containersMax: 2000 });
    const engine = await bed.engine();
    for (let number = 0; number < 5000; number += 1) {
      engine.add({ id: idOf(number), name: `c${number}`, labels: { l: "v".repeat(100) } });
    }
    expect((await bed.known(idOf(4999))).name).toBe("c4999");
    expect((await bed.known(idOf(10))).name).toBe("c10");
    const infos = () => [...bed.series().keys()].filter((key) => key.startsWith("telltale_cont"));
    await until(() => infos().length === 1001);
    for (let number = 0; number < 2500; number += 1) {
      engine.event(idOf(1000 + number), "start");
    }
    await until(() => (bed.fault("limit") ?? 0) >= 1501);
    await until(() => infos().length === 2000);
    expect(engine.requests.length).toBeLessThan(2100);
  });

  test("nothing but GET is sent, over no more than two connections", async () => {
    const bed = new Bed();
    const engine = await bed.engine();
    for (let number = 0; number < 50; number += 1)
      engine.add({ id: idOf(number), name: `c${number}` });
    for (let number = 0; number < 50; number += 1) bed.lookup(idOf(number));
    for (let number = 0; number < 50; number += 1) await bed.known(idOf(number));
    expect([...engine.methods]).toEqual(["GET"]);
    expect(engine.connectionsMost).toBe(2);
  });

  test("an answer that comes after the container was removed does not bring it back", async () => {
    const bed = new Bed();
    const engine = await bed.engine();
    engine.add({ id: A, name: "a" });
    await bed.known(A);
    await until(() => engine.listeners === 1);
    let release: (() => void) | null = null;
    engine.instead.set(`/containers/${A}`, (response) => {
      release = () => engine.inspect(response, A);
    });
    engine.event(A, "start");
    const answer = await until(() => release);
    engine.instead.clear();
    engine.event(A, "destroy");
    engine.add({ id: B, name: "b" });
    engine.event(B, "start");
    await until(() => bed.lookup(B)?.name === "b");
    answer();
    await until(() => engine.requests.some((path) => path.includes(B)));
    bed.directory.forget(A);
    expect(bed.value("telltale_container_info", 'name="a"')).toBeUndefined();
  });

  test("a socket of two names is one", async () => {
    const bed = new Bed();
    const engine = await bed.engine();
    mkdirSync(join(bed.root, "var"));
    symlinkSync("../run", join(bed.root, "var/run"));
    engine.add({ id: A, name: "a" });
    await bed.known(A);
    expect(engine.requests.filter((path) => path === "/version")).toHaveLength(1);
  });

  test("a runtime that is not running is not woken until a container of it is seen", async () => {
    const bed = new Bed();
    const docker = await bed.engine();
    const podman = await bed.engine("run/podman/podman.sock", "Podman Engine");
    const user = await bed.engine("run/user/1000/podman/podman.sock", "Podman Engine");
    user.add({ id: A, name: "mine" });
    bed.series();
    await bed.clock.advance(60_000);
    await delay(20);
    expect([docker, podman, user].map(({ requests }) => requests.length)).toEqual([0, 0, 0]);
    const facts = await bed.known(A, "libpod", `/user.slice/libpod-${A}.scope/container`);
    expect(facts).toMatchObject({ source: "podman-socket", runtime: "podman", name: "mine" });
    expect(podman.requests.length).toBeGreaterThan(0);
    expect(docker.requests).toEqual([]);
    expect(bed.value("container_runtime_oom_events_total", "mine")).toBeUndefined();
  });

  test("a daemon that was stopped is left alone, and found again when it is back", async () => {
    const bed = new Bed();
    const engine = await bed.engine();
    bed.file("run/docker.pid", "1");
    engine.add({ id: A, name: "a" });
    engine.add({ id: B, name: "b" });
    await bed.known(A);
    await until(() => bed.value("container_restarts_total", 'name="b"') === 0);
    rmSync(join(bed.root, "run/docker.pid"));
    engine.cut();
    await until(() => bed.logger.messages("warn").length === 1);
    const count = engine.requests.length;
    await bed.clock.advance(14_000);
    await until(() => bed.value("telltale_container_info", 'name="b"') === undefined);
    expect(bed.lookup(A)?.name, "its cgroup is still there").toBe("a");
    expect(engine.requests.length).toBe(count);
    bed.file("run/docker.pid", "2");
    await bed.clock.advance(15_000);
    await until(() => bed.value("telltale_container_info", 'name="b"'));
  });

  test("what ended is told of for a day at most", async () => {
    const bed = new Bed();
    const engine = await bed.engine();
    engine.add({ id: A, name: "old", state: "exited", exitCode: 2 });
    engine.add({ id: B, name: "b" });
    await bed.known(B);
    await until(() => bed.value("container_last_exit_code", "old") === 2);
    await bed.clock.advance(24 * 3600 * 1000 - 1000);
    expect(bed.value("container_last_exit_code", "old")).toBe(2);
    await bed.clock.advance(1000);
    await bed.clock.advance(60_000);
    expect(bed.value("container_last_exit_code", "old")).toBeUndefined();
    expect(bed.value("telltale_container_info", 'name="b"')).toBe(1);
  });

  test.skipIf(!existsSync(CAPTURED))("a real engine's list (skipped where it is not)", async () => {
    const bed = new Bed();
    const engine = await bed.engine();
    engine.instead.set("/containers/json", (response) => response.end(readFileSync(CAPTURED)));
    bed.lookup(A);
    const listed = JSON.parse(readFileSync(CAPTURED, "utf8"));
    await until(() => bed.value("telltale_container_info", 'name="idle-labels"'));
    expect(bed.value("telltale_container_info", 'compose_service="cart"')).toBe(1);
    const infos = [...bed.series().keys()].filter((key) => key.startsWith("telltale_container"));
    expect(infos).toHaveLength(listed.length);
  });
});

describe("no socket: the runtimes' files", () => {
  const DOCKER_CONFIG = {
    ID: A,
    Name: "/db",
    Image: `sha256:${"e".repeat(64)}`,
    RestartCount: 2,
    State: { Running: true, OOMKilled: true },
    Config: { Image: "postgres:16", Labels: { "com.docker.compose.project": "shop" } },
  };
  const storageEntry = (id: string, name: string) => ({
    id,
    names: [name],
    image: "d".repeat(64),
    metadata: JSON.stringify({ "image-name": "localhost/app:2", name }),
  });
  const LIBPOD = `/machine.slice/libpod-${A}.scope/container`;

  test("Docker's own config, also where the daemon was told to keep it", async () => {
    for (const root of ["var/lib/docker", "srv/docker"]) {
      const bed = new Bed();
      bed.file("etc/docker/daemon.json", { "data-root": "/srv/docker" });
      bed.file(`${root}/containers/${A}/config.v2.json`, DOCKER_CONFIG);
      expect(await bed.known(A)).toMatchObject({
        source: "docker-config",
        runtime: "docker",
        name: "db",
        image: "postgres:16",
        imageDigest: DOCKER_CONFIG.Image,
        composeProject: "shop",
        restarts: 2,
        health: null,
        isOomKilled: true,
      });
    }
  });

  test("half a file, another's file and one of 2 MB are none; they are read once", async () => {
    const bed = new Bed();
    const path = `var/lib/docker/containers/${A}/config.v2.json`;
    bed.file(path, JSON.stringify(DOCKER_CONFIG).slice(0, 100));
    bed.file(`var/lib/docker/containers/${B}/config.v2.json`, DOCKER_CONFIG);
    const large = { ...DOCKER_CONFIG, ID: idOf(3), More: "x".repeat(2_000_000) };
    bed.file(`var/lib/docker/containers/${idOf(3)}/config.v2.json`, large);
    for (const id of [A, B, idOf(3)]) expect((await bed.known(id)).source).toBe("cgroup");
    bed.file(path, DOCKER_CONFIG);
    expect(bed.lookup(A)?.source).toBe("cgroup");
    bed.directory.forget(A);
    expect((await bed.known(A)).source, "the container was started again").toBe("docker-config");
  });

  test("links and pipes under a config's name are not followed, and not waited for", async () => {
    const bed = new Bed();
    bed.file("secret.json", DOCKER_CONFIG);
    mkdirSync(join(bed.root, "var/lib/docker/containers", A), { recursive: true });
    symlinkSync(
      join(bed.root, "secret.json"),
      join(bed.root, "var/lib/docker/containers", A, "config.v2.json"),
    );
    expect((await bed.known(A)).source).toBe("cgroup");
    mkdirSync(join(bed.root, "var/lib/docker/containers", B), { recursive: true });
    execFileSync("mkfifo", [join(bed.root, "var/lib/docker/containers", B, "config.v2.json")]);
    expect((await bed.known(B)).source).toBe("cgroup");
  });

  test.each([
    ["root's", "var/lib/containers/storage/overlay-containers/containers.json"],
    ["one that is not kept", "var/lib/containers/storage/vfs-containers/volatile-containers.json"],
    ["a user's", "home/ann/.local/share/containers/storage/overlay-containers/containers.json"],
  ])("Podman's storage: %s", async (_, path) => {
    const bed = new Bed();
    bed.file("root/.local/share/containers/storage/overlay-containers/containers.json", { a: [] });
    bed.file(path, [null, storageEntry(B, "other"), storageEntry(A, "cache")]);
    expect(await bed.known(A, "libpod", LIBPOD)).toMatchObject({
      source: "podman-config",
      runtime: "podman",
      name: "cache",
      image: "localhost/app:2",
      imageDigest: `sha256:${"d".repeat(64)}`,
    });
  });

  test.each([
    ["its scope", ""],
    ["init.scope in the container below its scope", "/container/init.scope"],
  ])(
    "conmon, by a process in %s, says where the storage is, or at least the name",
    async (_, below) => {
      for (const hasList of [true, false]) {
        const bed = new Bed();
        const storage = "/data/elsewhere/overlay-containers";
        const bundle = `${storage}/${A}/userdata`;
        bed.file(`sys/fs/cgroup${LIBPOD}/cgroup.procs`, "");
        bed.file(`sys/fs/cgroup${LIBPOD}${below}/cgroup.procs`, "77\n78\n");
        bed.file("proc/77/cmdline", "nginx\0-g\0daemon off;\0");
        bed.file("proc/77/status", "Name:\tnginx\nPPid:\t50\n");
        const words = `/usr/bin/conmon -c ${A} -b ${bundle} -n front --exit-command x `;
        bed.file("proc/50/cmdline", words.replaceAll(" ", "\0"));
        if (hasList) bed.file(`${storage}/containers.json`, [storageEntry(A, "front")]);
        expect(await bed.known(A, "libpod", LIBPOD)).toMatchObject({
          source: hasList ? "podman-config" : "conmon",
          name: "front",
        });
      }
    },
  );

  const POD_PATH = "/kubepods.slice/kubepods-pod6f1e2a9c_3d4b_4c5d_8e6f_0a1b2c3d4e5f.slice";

  test("containerd's and CRI-O's annotations", async () => {
    const bed = new Bed();
    bed.file(`run/containerd/io.containerd.runtime.v2.task/k8s.io/${A}/config.json`, {
      annotations: {
        "io.kubernetes.cri.container-name": "app",
        "io.kubernetes.cri.sandbox-name": "web-0",
        "io.kubernetes.cri.sandbox-namespace": "prod",
        "io.kubernetes.cri.image-name": "registry.example/app:1",
      },
    });
    bed.file(`run/containers/storage/overlay-containers/${B}/userdata/config.json`, {
      annotations: {
        "io.kubernetes.cri-o.Name": "k8s_app_web-1_prod_0",
        "io.kubernetes.pod.name": "web-1",
        "io.kubernetes.pod.namespace": "prod",
        "io.kubernetes.container.name": "app",
        "io.kubernetes.cri-o.ImageName": "registry.example/app:2",
        "io.kubernetes.cri-o.Labels": '{"tier":"front"}',
      },
    });
    const path = `${POD_PATH}/cri-containerd-${A}.scope`;
    expect(await bed.known(A, "cri-containerd", path)).toMatchObject({
      source: "cri-config",
      runtime: "containerd",
      name: A,
      image: "registry.example/app:1",
      pod: { name: "web-0", namespace: "prod", container: "app" },
    });
    expect(await bed.known(B, "crio", `${POD_PATH}/crio-${B}.scope`)).toMatchObject({
      source: "cri-config",
      runtime: "crio",
      name: "k8s_app_web-1_prod_0",
      image: "registry.example/app:2",
      pod: { name: "web-1", namespace: "prod", container: "app" },
      labels: { tier: "front" },
    });
  });

  test("only the path is left: runtime, short id and the pod's uid", async () => {
    const bed = new Bed();
    const path = `${POD_PATH}/cri-containerd-${A}.scope`;
    expect(await bed.known(A, "cri-containerd", path)).toMatchObject({
      source: "cgroup",
      runtime: "containerd",
      name: A.slice(0, 12),
      pod: { name: "", uid: "6f1e2a9c-3d4b-4c5d-8e6f-0a1b2c3d4e5f" },
    });
    const lxc = bed.lookup("../../x\u0007", "lxc", "/lxc/x");
    expect(lxc).toMatchObject({ runtime: "lxc", name: "../../x", source: "cgroup" });
  });

  test("20,000 containers that came and went leave nothing", async () => {
    const bed = new Bed();
    for (let number = 0; number < 20_000; number += 1) {
      bed.lookup(idOf(number), "docker", `/docker/${idOf(number)}`);
      bed.directory.forget(idOf(number));
    }
    expect([...bed.directory.containers()]).toEqual([]);
    bed.series();
    expect(bed.sink.liveCount).toBe(0);
  });
});
