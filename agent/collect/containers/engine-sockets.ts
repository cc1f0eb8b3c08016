import { existsSync, readdirSync, realpathSync, statSync } from "node:fs";
import { dirname, join } from "node:path";

/** Paths as the host sees them. */
export type SocketPaths = {
  readonly docker: readonly string[];
  readonly podman: readonly string[];
  /** Directories with one named by uid for each user who is logged in. */
  readonly users: readonly string[];
};

export const SOCKET_PATHS: SocketPaths = {
  docker: ["/var/run/docker.sock", "/run/docker.sock"],
  podman: ["/run/podman/podman.sock"],
  users: ["/run/user"],
};

const USERS_MAX = 64;
const USER_PODMAN = "podman/podman.sock";
const USER_DOCKER = "docker.sock";

/** The runtimes of which a container was seen. */
export type Wanted = { docker: boolean; podman: boolean };

/**
 * The sockets that may be connected to, each once under whatever names, by their real paths. To
 * connect may start a service that is not running, which a monitor must not: so there has to be a
 * container of it, or the daemon's pid file beside its socket.
 */
export function findSockets(
  hostRoot: string,
  paths: SocketPaths,
  wanted: Wanted,
): ReadonlySet<string> {
  const docker = paths.docker.map((path) => join(hostRoot, path));
  const podman = paths.podman.map((path) => join(hostRoot, path));
  for (const users of paths.users) {
    for (const uid of uidsIn(join(hostRoot, users))) {
      docker.push(join(hostRoot, users, uid, USER_DOCKER));
      podman.push(join(hostRoot, users, uid, USER_PODMAN));
    }
  }
  const found = new Set<string>();
  for (const candidate of [...docker, ...(wanted.podman ? podman : [])]) {
    const path = isSocket(candidate) ? realPath(candidate) : null;
    if (path === null) continue;
    const isWanted = wanted.podman && podman.includes(candidate);
    if (isWanted || wanted.docker || hasPidFile(path)) found.add(path);
  }
  return found;
}

/** A daemon that was stopped is not to be started again by asking where it is. */
export function hasPidFile(socketPath: string): boolean {
  return existsSync(join(dirname(socketPath), "docker.pid"));
}

export function isSocket(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false })?.isSocket() ?? false;
  } catch {
    return false; // not ours to see
  }
}

function realPath(path: string): string | null {
  try {
    return realpathSync(path);
  } catch {
    return null; // it went away
  }
}

function uidsIn(directory: string): string[] {
  try {
    const names = readdirSync(directory).filter((name) => /^\d{1,10}$/.test(name));
    return names.sort().slice(0, USERS_MAX);
  } catch {
    return []; // no one is logged in, or this host has no such directory
  }
}
