import { cleanText } from "../../containers/hostile-json.ts";

/** A container that is a whole system, known by its name only. */
export type SystemContainer = {
  readonly runtime: "lxc" | "nspawn";
  readonly name: string;
  /** The process that watches it is here, not the container itself. */
  readonly isMonitor: boolean;
};

/** From LXC 4: `lxc.payload.NAME` and `lxc.monitor.NAME`; 3: directories of these names. */
const LXC = /^lxc\.(payload|monitor)\.(.+)$/;
const LXC_PARENT = /^(?:lxc|lxc\.(payload|monitor))$/;
/** Registered with systemd-machined, which also has virtual machines: `machine-qemu\x2d1….scope`. */
const MACHINE = /^machine-(.+)\.scope$/;
const NOT_NSPAWN = /^(?:qemu|lxc|libvirt\\x2d)/;
const NSPAWN_UNIT = /^systemd-nspawn@(.+)\.service$/;

/**
 * The LXC or systemd-nspawn container whose cgroup this path is, by its last two names; null: none.
 * What is below such a cgroup is the container's own and is not asked for here.
 * Source: lxc.container.conf(5), systemd-nspawn(1), CONTAINER_INTERFACE of systemd.
 */
export function systemContainer(cgroupPath: string): SystemContainer | null {
  const names = cgroupPath.split("/");
  const name = names.at(-1) ?? "";
  const parent = names.at(-2) ?? "";
  const [, part, lxcName] = LXC.exec(name) ?? [];
  if (lxcName !== undefined) return lxc(lxcName, part === "monitor");
  const inLxc = LXC_PARENT.exec(parent);
  if (inLxc !== null && name !== "") return lxc(name, inLxc[1] === "monitor");
  if (parent !== "machine.slice") return null;
  const machine = MACHINE.exec(name)?.[1] ?? NSPAWN_UNIT.exec(name)?.[1];
  if (machine === undefined || (name.startsWith("machine-") && NOT_NSPAWN.test(machine))) {
    return null;
  }
  return { runtime: "nspawn", name: cleanText(unescapeUnit(machine)), isMonitor: false };
}

function lxc(name: string, isMonitor: boolean): SystemContainer {
  return { runtime: "lxc", name: cleanText(name), isMonitor };
}

/** `\x2d` is systemd's way to write a dash in a unit's name. Source: systemd-escape(1). */
function unescapeUnit(name: string): string {
  const bytes: number[] = [];
  const source = Buffer.from(name);
  for (let at = 0; at < source.length; at += 1) {
    const digits = /^\\x([0-9a-f]{2})/.exec(source.toString("latin1", at, at + 4))?.[1];
    bytes.push(digits === undefined ? (source[at] ?? 0) : Number.parseInt(digits, 16));
    if (digits !== undefined) at += 3;
  }
  return Buffer.from(bytes).toString("utf8");
}
