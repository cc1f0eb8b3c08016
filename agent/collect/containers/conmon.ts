import { dirname, join } from "node:path";
import { cleanText } from "../../containers/hostile-json.ts";
import { isPlainPath, readText } from "../../containers/runtime-files.ts";
import { anyPid } from "../cgroup/cgroup-processes.ts";
import { ReadBuffer } from "../kit/held-file.ts";

/** What the process that watches a container of Podman was started with. */
export type Conmon = {
  readonly name: string;
  /** Where the storage lists its containers; null when the arguments do not say. */
  readonly listDirectory: string | null;
};

const PROC_BYTES_MAX = 16 * 1024;
/** The container's first process is the monitor's child; others are deeper. */
const ANCESTORS_MAX = 8;
/** Where a hierarchy may be mounted: all in one, and the usual ones of v1. */
const MOUNTS = ["", "systemd", "memory", "pids", "unified", "cpu,cpuacct"];

/** Null when no process of the container is seen, or its monitor is not conmon. */
export async function findConmon(
  hostRoot: string,
  id: string,
  cgroupPath: string,
): Promise<Conmon | null> {
  let pid = firstPid(hostRoot, cgroupPath);
  for (let depth = 0; depth < ANCESTORS_MAX && pid !== null; depth += 1) {
    const line = await readText(join(hostRoot, "proc", pid, "cmdline"), PROC_BYTES_MAX);
    const conmon = line === null ? null : conmonOf(line.split("\0"), id);
    if (conmon !== null) return conmon;
    pid = await parentOf(hostRoot, pid);
  }
  return null;
}

/** Source: conmon(8), --name, --cid, --bundle. Any process may call itself so: see the checks. */
export function conmonOf(words: readonly string[], id: string): Conmon | null {
  if (!/(?:^|\/)conmon$/.test(words[0] ?? "")) return null;
  let cid = "";
  let name = "";
  let bundle = "";
  for (let at = 1; at < words.length; at += 1) {
    const value = words[at + 1] ?? "";
    // What follows is for the command at the container's end.
    if (words[at]?.startsWith("--exit-command")) break;
    if (words[at] === "-c" || words[at] === "--cid") cid = value;
    else if (words[at] === "-n" || words[at] === "--name") name = value;
    else if (words[at] === "-b" || words[at] === "--bundle") bundle = value;
  }
  if (cid !== id) return null;
  return { name: cleanText(name), listDirectory: listDirectoryOf(bundle, id) };
}

/** `STORAGE/overlay-containers/ID/userdata` → `STORAGE/overlay-containers` */
function listDirectoryOf(bundle: string, id: string): string | null {
  const isBundle =
    isPlainPath(bundle) &&
    /\/[a-z0-9]+-containers\/[0-9a-f]{64}\/userdata$/.test(bundle) &&
    bundle.includes(`/${id}/`);
  return isBundle ? dirname(dirname(bundle)) : null;
}

function firstPid(hostRoot: string, cgroupPath: string): string | null {
  if (cgroupPath.split("/").includes("..")) return null;
  const buffer = new ReadBuffer();
  for (const mount of MOUNTS) {
    const pid = anyPid(join(hostRoot, "sys/fs/cgroup", mount, cgroupPath), buffer);
    if (pid !== null) return pid;
  }
  return null;
}

async function parentOf(hostRoot: string, pid: string): Promise<string | null> {
  const status = await readText(join(hostRoot, "proc", pid, "status"), PROC_BYTES_MAX);
  const parent = /^PPid:\s*(\d{1,10})$/m.exec(status ?? "")?.[1] ?? "0";
  return parent === "0" || parent === "1" ? null : parent;
}
