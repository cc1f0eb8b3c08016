import { describe, expect, test } from "vitest";
import { conmonOf } from "../../../agent/collect/containers/conmon.ts";
import { ContainerEntry } from "../../../agent/collect/containers/container-entry.ts";
import { systemContainer } from "../../../agent/collect/containers/system-container.ts";
import {
  factsFrom,
  factsOfPath,
  podOfPath,
  runtimeOf,
  seriesLabels,
} from "../../../agent/containers/container-facts.ts";

const ID = "0123456789abcdef".repeat(4);

describe("LXC and nspawn containers by their cgroup", () => {
  test.each([
    ["/lxc.payload.web", "lxc web"],
    ["/lxc.payload.proj_web.1", "lxc proj_web.1"],
    ["/lxc.payload/web", "lxc web"],
    ["/lxc/101", "lxc 101"],
    ["/machine.slice/machine-deb12.scope", "nspawn deb12"],
    ["/machine.slice/machine-my\\x2dbox.scope", "nspawn my-box"],
    ["/machine.slice/systemd-nspawn@gr\\xc3\\xbcn.service", "nspawn grün"],
    ["/lxc.monitor.web", "monitor of lxc web"],
    ["/lxc.monitor/web", "monitor of lxc web"],
    ["/", "none"],
    ["", "none"],
    ["/lxc", "none"],
    ["/lxc/101/ns", "none"],
    ["/lxc.payload", "none"],
    ["/machine.slice", "none"],
    ["/machine.slice/machine-qemu\\x2d1\\x2dvm.scope", "none"],
    ["/machine.slice/machine-deb12.scope/payload", "none"],
    ["/system.slice/machine-deb12.scope", "none"],
    ["/system.slice/ssh.service", "none"],
    [`/machine.slice/libpod-${ID}.scope`, "none"],
  ])("%s: %s", (path, expected) => {
    const found = systemContainer(path);
    const name = found === null ? "none" : `${found.runtime} ${found.name}`;
    expect(found?.isMonitor ? `monitor of ${name}` : name).toBe(expected);
  });
});

describe("what a path tells", () => {
  test.each([
    ["docker", `/system.slice/docker-${ID}.scope`, "docker"],
    ["", `/docker/${ID}`, "docker"],
    ["libpod", `/libpod_parent/libpod-${ID}`, "podman"],
    ["", `/machine.slice/libpod-${ID}.scope/container`, "podman"],
    ["cri-containerd", "/x", "containerd"],
    ["", `/default/${ID}`, "containerd"],
    ["crio", "/x", "crio"],
    ["constructor", `/somewhere/${ID}`, ""],
  ])("%s %s: %s", (hint, path, runtime) => {
    expect(runtimeOf(hint, path)).toBe(runtime);
  });

  test.each([
    ["/kubepods/burstable/pod6f1e2a9c-3d4b-4c5d-8e6f-0a1b2c3d4e5f/x"],
    ["/kubepods.slice/kubepods-burstable-pod6f1e2a9c_3d4b_4c5d_8e6f_0a1b2c3d4e5f.slice/x"],
  ])("a pod's uid in %s", (path) => {
    expect(podOfPath(path)?.uid).toBe("6f1e2a9c-3d4b-4c5d-8e6f-0a1b2c3d4e5f");
  });

  test("no pod, no uid; the name is the short id", () => {
    expect(podOfPath(`/docker/${ID}`)).toBeNull();
    expect(factsOfPath(ID, "", `/docker/${ID}`).name).toBe(ID.slice(0, 12));
  });
});

describe("labels of a container's series", () => {
  const known = { source: "docker-socket", runtime: "docker", id: ID, name: "web" } as const;

  test("are cAdvisor's: name, image and the chosen ones, and the service; empty ones are left out", () => {
    const labels = { "com.docker.compose.project": "shop", "a-b": "1", "a.b": "2", other: "3" };
    const facts = factsFrom({ ...known, image: "app:1", labels });
    expect(seriesLabels(facts)).toEqual({
      name: "web",
      image: "app:1",
      service: "web",
      container_label_com_docker_compose_project: "shop",
    });
    expect(seriesLabels(facts, ["a-b", "a.b", "absent", "constructor"])).toEqual({
      name: "web",
      image: "app:1",
      service: "web",
      container_label_a_b: "1",
    });
  });

  test("have the pod's where there is one", () => {
    const labels = {
      "io.kubernetes.pod.name": "web-0",
      "io.kubernetes.pod.namespace": "prod",
      "io.kubernetes.container.name": "app",
    };
    expect(seriesLabels(factsFrom({ ...known, labels }))).toEqual({
      name: "web",
      service: "web",
      pod: "web-0",
      namespace: "prod",
      container: "app",
    });
  });

  test("facts that say the same are the same object", () => {
    const first = factsFrom({ ...known, labels: { a: "1" } });
    const entry = new ContainerEntry(ID);
    expect(entry.set(first, 0)).toBe(true);
    expect(entry.set(factsFrom({ ...known, labels: { a: "1" } }), 0)).toBe(false);
    expect(entry.facts).toBe(first);
    const changed = factsFrom({ ...known, labels: { a: "2" } });
    expect(entry.set(changed, 0)).toBe(true);
    expect(entry.facts).toBe(changed);
  });
});

describe("conmon's arguments", () => {
  const bundle = `/var/lib/containers/storage/overlay-containers/${ID}/userdata`;
  const words = (...more: string[]) => ["/usr/bin/conmon", "-c", ID, "-n", "web", ...more];

  test("name, and the list beside the bundle", () => {
    expect(conmonOf(words("-b", bundle), ID)).toEqual({
      name: "web",
      listDirectory: "/var/lib/containers/storage/overlay-containers",
    });
  });

  test.each([
    `/x/../etc/overlay-containers/${ID}/userdata`,
    `overlay-containers/${ID}/userdata`,
    "/etc/shadow",
    `/x/overlay-containers/${"1".repeat(64)}/userdata`,
    "",
  ])("a bundle %j leads nowhere", (odd) => {
    expect(conmonOf(words("-b", odd), ID)?.listDirectory).toBeNull();
  });

  test("another's conmon, another program, and what follows for the end are not asked", () => {
    expect(conmonOf(words(), "1".repeat(64))).toBeNull();
    expect(conmonOf(["/usr/bin/notconmon", "-c", ID], ID)).toBeNull();
    expect(conmonOf([], ID)).toBeNull();
    expect(conmonOf(words("--exit-command", "x", "-n", "evil"), ID)?.name).toBe("web");
  });
});
