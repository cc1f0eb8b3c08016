import { execFileSync } from "node:child_process";
import { mkdirSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, onTestFinished, test } from "vitest";
import { ContainerDirectory } from "../../agent/collect/containers/container-directory.ts";
import { ContainerStates } from "../../agent/collect/containers/container-states.ts";
import type { ContainerFacts } from "../../agent/containers/container-facts.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { MemoryLogger } from "../support/memory-logger.ts";
import { FakeEngine, idOf } from "./fake-engine.ts";
import { HostOnDisk } from "./host-on-disk.ts";

class Bed extends HostOnDisk {
  readonly clock = new FakeClock(Date.now() - 60_000);
  readonly logger = new MemoryLogger();
  readonly directory: ContainerDirectory;
  readonly #states;

  constructor(options: { containersMax?: number } = {}) {
    super();
    const { clock, logger } = this;
    const { hostRoot, faults } = this.context;
    const random = () => 1;
    const ports = { hostRoot, clock, random, logger, faults };
    this.directory = new ContainerDirectory({ ...ports, ...options });
    onTestFinished(() => this.directory[Symbol.asyncDispose]());
    this.#states = new ContainerStates(this.directory, this.context);
  }

  async engine(path = "run/docker.sock", name = "Engine"): Promise<FakeEngine> {
    mkdirSync(dirname(join(this.root, path)), { recursive: true });
    const engine = new FakeEngine(join(this.root, path), name);
    await engine.start();
    onTestFinished(() => engine.stop());
    return engine;
  }

  writeJson(path: string, content: unknown): void {
    this.write(path, JSON.stringify(content));
  }

  lookup(id: string, runtime = "docker", path = `/docker/${id}`): ContainerFacts | null {
    return this.directory.lookup(id, runtime, path, this.clock.nowMs());
  }

  /** Asks until it is told, without the clock going on. */
  async known(id: string, runtime?: string, path?: string): Promise<ContainerFacts> {
    return await until(() => this.lookup(id, runtime, path));
  }

  value(metric: string, label: string): number | undefined {
    this.sink.tick(this.#states, this.clock.nowMs());
    return this.sink.value(metric, label);
  }

  /** Containers that the collector tells of. */
  infos(): string[] {
    const keys = [...this.sink.tick(this.#states, this.clock.nowMs()).keys()];
    return keys.filter((key) => key.startsWith("telltale_container_info"));
  }
}

/** A host whose Docker answers. */
async function bedWithEngine(options: { containersMax?: number } = {}) {
  const bed = new Bed(options);
  return { bed, engine: await bed.engine() };
}

/** A host whose Docker runs, so that its events are listened to. */
async function bedWithDaemon() {
  const { bed, engine } = await bedWithEngine();
  bed.write("run/docker.pid", "1");
  bed.infos();
  await until(() => engine.listeners === 1);
  return { bed, engine };
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
    const { bed, engine } = await bedWithEngine();
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
      labels,
      restarts: 3,
      health: "healthy",
    });
    expect(bed.lookup(A)).toBe(facts);
    expect(bed.infos()).toEqual([
      `telltale_container_info{compose_project="shop", compose_service="cart", id="/docker/${A}", ` +
        `image="app:1", image_digest="sha256:${"a".repeat(64)}", job="cadvisor", name="web", ` +
        'runtime="docker", service="cart", source="docker-socket"}',
    ]);
    expect(bed.value("container_health_state", 'name="web"')).toBe(1);
    expect(bed.value("container_restarts_total", 'name="web"')).toBe(3);
  });

  test("events tell of a container before its cgroup is seen, and of all that happens to it", async () => {
    const { bed, engine } = await bedWithDaemon();
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
    expect(bed.value("container_state", 'name="job2", service="job2", state="exited"')).toBe(1);
    await until(() => bed.value("container_restarts_total", 'name="job2"') === 1);
    bed.directory.forget(A);
    expect(bed.value("container_state", 'state="exited"'), "stopped, but there").toBe(1);
    engine.containers.delete(A);
    engine.event(A, "destroy");
    await until(() => bed.value("telltale_container_info", "job2") === undefined);
    expect(bed.sink.liveCount).toBe(0);
    expect(bed.lookup(A), "a new container of that id would be asked for").toBeNull();
  });

  test("a network that it is connected to while it runs is known", async () => {
    const { bed, engine } = await bedWithDaemon();
    engine.add({ id: A, name: "job", networks: { one: "10.0.0.1" } });
    engine.event(A, "start");
    const networks = () =>
      bed
        .lookup(A)
        ?.network?.networks.map(({ ip }) => ip)
        .join() ?? "";
    await until(() => networks() === "10.0.0.1");
    const { changes } = bed.directory;
    engine.add({ id: A, name: "job", networks: { one: "10.0.0.1", two: "10.0.0.2" } });
    const actor = { ID: "f".repeat(64), Attributes: { container: A, name: "two" } };
    engine.write(`${JSON.stringify({ Type: "network", Action: "connect", Actor: actor })}\n`);
    await until(() => networks() === "10.0.0.1,10.0.0.2");
    expect(bed.directory.changes).toBeGreaterThan(changes);
    expect(bed.lookup(A)?.name).toBe("job");
  });

  test("an event cut in two, garbage and an endless line do not stop the stream", async () => {
    const { bed, engine } = await bedWithDaemon();
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
    await until(() => bed.faultCounts()["limit"] === 1);
    expect(bed.faultCounts()).toEqual({ limit: 1, malformed: 1 });
    expect(engine.requests.filter((path) => path.startsWith("/events"))).toHaveLength(1);
  });

  test("a cut stream is taken up again; what was removed meanwhile is gone", async () => {
    const { bed, engine } = await bedWithEngine();
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
    const { bed, engine } = await bedWithEngine();
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
    const { bed, engine } = await bedWithEngine();
    engine.instead.set("/version", () => undefined);
    expect(bed.lookup(A)).toBeNull();
    await until(() => engine.requests.length === 1);
    await bed.clock.advance(1999);
    expect(bed.lookup(A)).toBeNull();
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
    const { bed, engine } = await bedWithEngine();
    engine.instead.set("/containers/json", (response) => {
      response.writeHead(200);
      response.end(`[${'{"Id":"x"},'.repeat(1e6)}{}]`);
    });
    engine.add({ id: A, name: "a" });
    expect((await bed.known(A)).name).toBe("a");
    expect(bed.faultCounts()["limit"]).toBe(1);
    expect(engine.listeners).toBe(1);
  });

  test("answers that are no JSON, of another shape or of another container are no facts", async () => {
    const { bed, engine } = await bedWithEngine();
    engine.instead.set("/containers/json", (response) => response.end('{"not":"a list"}'));
    const answers = ["{{{", "[]", JSON.stringify({ Id: B, Name: "/other" })];
    engine.instead.set("/containers/", (response) => response.end(answers.shift() ?? "null"));
    for (const id of [A, B, idOf(3)]) {
      expect(await bed.known(id)).toMatchObject({ source: "cgroup", name: id.slice(0, 12) });
    }
    expect(bed.faultCounts()).toEqual({ malformed: 2 });
  });

  test("5,000 containers: the newest are listed, the others found when seen", async () => {
    const { bed, engine } = await bedWithEngine({ containersMax: 2000 });
    for (let number = 0; number < 5000; number += 1) {
      engine.add({ id: idOf(number), name: `c${number}`, labels: { l: "v".repeat(100) } });
    }
    expect((await bed.known(idOf(4999))).name).toBe("c4999");
    expect((await bed.known(idOf(10))).name).toBe("c10");
    await until(() => bed.infos().length === 1001);
    for (let number = 0; number < 2500; number += 1) {
      engine.event(idOf(1000 + number), "start");
    }
    await until(() => (bed.faultCounts()["limit"] ?? 0) >= 1501);
    await until(() => bed.infos().length === 2000);
    expect(engine.requests.length).toBeLessThan(2100);
  });

  test("nothing but GET is sent, over no more than two connections", async () => {
    const { bed, engine } = await bedWithEngine();
    for (let number = 0; number < 50; number += 1)
      engine.add({ id: idOf(number), name: `c${number}` });
    for (let number = 0; number < 50; number += 1) bed.lookup(idOf(number));
    for (let number = 0; number < 50; number += 1) await bed.known(idOf(number));
    expect([...engine.methods]).toEqual(["GET"]);
    expect(engine.connectionsMost).toBe(2);
  });

  test("an answer that comes after the container was removed does not bring it back", async () => {
    const { bed, engine } = await bedWithEngine();
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
    const { bed, engine } = await bedWithEngine();
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
    bed.infos();
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
    const { bed, engine } = await bedWithEngine();
    bed.write("run/docker.pid", "1");
    engine.add({ id: A, name: "a" });
    engine.add({ id: B, name: "b" });
    await bed.known(A);
    await until(() => bed.value("container_restarts_total", 'name="b"') === 0);
    bed.remove("run/docker.pid");
    engine.cut();
    await until(() => bed.logger.messages("warn").length === 1);
    const count = engine.requests.length;
    await bed.clock.advance(14_000);
    await until(() => bed.value("telltale_container_info", 'name="b"') === undefined);
    expect(bed.lookup(A)?.name, "its cgroup is still there").toBe("a");
    expect(engine.requests.length).toBe(count);
    bed.write("run/docker.pid", "2");
    await bed.clock.advance(15_000);
    await until(() => bed.value("telltale_container_info", 'name="b"'));
  });

  test("what ended is told of for a day at most", async () => {
    const { bed, engine } = await bedWithEngine();
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
      bed.writeJson("etc/docker/daemon.json", { "data-root": "/srv/docker" });
      bed.writeJson(`${root}/containers/${A}/config.v2.json`, DOCKER_CONFIG);
      expect(await bed.known(A)).toMatchObject({
        source: "docker-config",
        runtime: "docker",
        name: "db",
        image: "postgres:16",
        imageDigest: DOCKER_CONFIG.Image,
        labels: { "com.docker.compose.project": "shop" },
        restarts: 2,
        health: null,
        isOomKilled: true,
      });
    }
  });

  test("half a file, another's file and one of 2 MB are none; they are read once", async () => {
    const bed = new Bed();
    const path = `var/lib/docker/containers/${A}/config.v2.json`;
    bed.write(path, JSON.stringify(DOCKER_CONFIG).slice(0, 100));
    bed.writeJson(`var/lib/docker/containers/${B}/config.v2.json`, DOCKER_CONFIG);
    const large = { ...DOCKER_CONFIG, ID: idOf(3), More: "x".repeat(2_000_000) };
    bed.writeJson(`var/lib/docker/containers/${idOf(3)}/config.v2.json`, large);
    for (const id of [A, B, idOf(3)]) expect((await bed.known(id)).source).toBe("cgroup");
    bed.writeJson(path, DOCKER_CONFIG);
    expect(bed.lookup(A)?.source).toBe("cgroup");
    bed.directory.forget(A);
    expect((await bed.known(A)).source, "the container was started again").toBe("docker-config");
  });

  test("a file that answers after the wait is late, not lost", async () => {
    const bed = new Bed();
    bed.writeJson(`var/lib/docker/containers/${A}/config.v2.json`, DOCKER_CONFIG);
    const lookup = (afterMs: number) =>
      bed.directory.lookup(A, "docker", `/docker/${A}`, bed.clock.nowMs() + afterMs)?.source;
    // No turn of the event loop in between: the disk has had no time to answer.
    expect(lookup(0)).toBeUndefined();
    expect(lookup(2500)).toBe("cgroup");
    await until(() => lookup(2500) === "docker-config");
  });

  test("links and pipes under a config's name are not followed, and not waited for", async () => {
    const bed = new Bed();
    bed.writeJson("secret.json", DOCKER_CONFIG);
    const configOf = (id: string) => {
      const folder = join(bed.root, "var/lib/docker/containers", id);
      mkdirSync(folder, { recursive: true });
      return join(folder, "config.v2.json");
    };
    symlinkSync(join(bed.root, "secret.json"), configOf(A));
    expect((await bed.known(A)).source).toBe("cgroup");
    execFileSync("mkfifo", [configOf(B)]);
    expect((await bed.known(B)).source).toBe("cgroup");
  });

  test.each([
    ["root's", "var/lib/containers/storage/overlay-containers/containers.json"],
    ["one that is not kept", "var/lib/containers/storage/vfs-containers/volatile-containers.json"],
    ["a user's", "home/ann/.local/share/containers/storage/overlay-containers/containers.json"],
  ])("Podman's storage: %s", async (_, path) => {
    const bed = new Bed();
    bed.writeJson("root/.local/share/containers/storage/overlay-containers/containers.json", {
      a: [],
    });
    bed.writeJson(path, [null, storageEntry(B, "other"), storageEntry(A, "cache")]);
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
        bed.write(`sys/fs/cgroup${LIBPOD}/cgroup.procs`, "");
        bed.write(`sys/fs/cgroup${LIBPOD}${below}/cgroup.procs`, "77\n78\n");
        bed.write("proc/77/cmdline", "nginx\0-g\0daemon off;\0");
        bed.write("proc/77/status", "Name:\tnginx\nPPid:\t50\n");
        const words = `/usr/bin/conmon -c ${A} -b ${bundle} -n front --exit-command x `;
        bed.write("proc/50/cmdline", words.replaceAll(" ", "\0"));
        if (hasList) bed.writeJson(`${storage}/containers.json`, [storageEntry(A, "front")]);
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
    bed.writeJson(`run/containerd/io.containerd.runtime.v2.task/k8s.io/${A}/config.json`, {
      annotations: {
        "io.kubernetes.cri.container-name": "app",
        "io.kubernetes.cri.sandbox-name": "web-0",
        "io.kubernetes.cri.sandbox-namespace": "prod",
        "io.kubernetes.cri.image-name": "registry.example/app:1",
      },
    });
    bed.writeJson(`run/containers/storage/overlay-containers/${B}/userdata/config.json`, {
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
    bed.infos();
    expect(bed.sink.liveCount).toBe(0);
  });
});
