const HELD_BY_RUNTIME = /^\/etc\/(?:hostname|hosts|resolv\.conf)$/;

/**
 * The id of the container that a process runs in, by its /proc/PID/mountinfo: runtimes mount files of
 * theirs over some of /etc, and their paths have the id in them. Null: it runs in none.
 * Source: proc_pid_mountinfo(5).
 */
export function ownContainerId(mountinfo: string): string | null {
  for (const line of mountinfo.split("\n")) {
    const [, , , root = "", place = ""] = line.split(" ");
    if (!HELD_BY_RUNTIME.test(place)) continue;
    const id = /\/([0-9a-f]{64})\//.exec(root)?.[1];
    if (id !== undefined) return id;
  }
  return null;
}
