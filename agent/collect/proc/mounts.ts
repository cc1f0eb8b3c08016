import { OperationalError } from "../../../shared/errors.ts";
import { type CollectContext, hostFile } from "../context.ts";
import { CHANGED, type HeldFile, MISSING, SAME } from "../kit/held-file.ts";

/** One mount, as in /proc/self/mountinfo. */
export type Mount = {
  readonly device: string;
  /** The part of the file system that is mounted, `/` as a rule. */
  readonly root: string;
  readonly mountPoint: string;
  readonly fsType: string;
  /** Options of the mount and of the file system together. */
  readonly options: ReadonlySet<string>;
};

/** Mounts beyond this are left out. */
const MOUNTS_MAX = 10_000;

const INIT = "/proc/1/mountinfo";
const SELF = "/proc/self/mountinfo";

/**
 * The host's mounts, read again only when asked. Where /proc is another place's (an agent in a
 * container), `self` is the agent's own view of the container and the first process has the host's.
 */
export class MountsFile {
  readonly #context: CollectContext;
  readonly #files: readonly HeldFile[];
  #mounts: readonly Mount[] = [];
  /** Mounts that the last read left out because there were too many. */
  leftOut = 0;

  /** @param view whose view of the mounts is asked first */
  constructor(context: CollectContext, view: "init" | "self") {
    this.#context = context;
    const paths = view === "init" ? [INIT, SELF] : [SELF, INIT];
    this.#files = paths.map((path) => hostFile(context, path, { hasLongRecords: true }));
  }

  /** @throws OperationalError NOT_FOUND when no list of mounts can be read */
  read(): readonly Mount[] {
    let fault: unknown = null;
    for (const file of this.#files) {
      try {
        const outcome = file.read();
        if (outcome >= MISSING) continue;
        if (outcome === CHANGED) {
          const text = this.#context.buffer.bytes.toString("utf8", 0, file.length);
          this.#mounts = parseMountinfo(text);
          const excess = Math.max(text.split("\n").length - 1 - MOUNTS_MAX, 0);
          this.leftOut = excess + (file.isCut ? 1 : 0);
        }
        if (outcome === SAME || this.#mounts.length > 0) return this.#mounts;
      } catch (error) {
        // The first process's mounts are closed to those who are not root: ask the next.
        fault = error;
      }
    }
    throw new OperationalError("NOT_FOUND", "No list of mounts under /proc", { cause: fault });
  }

  close(): void {
    for (const file of this.#files) file.close();
  }
}

/** Reads mountinfo. Lines of another form are left out. Source: proc_pid_mountinfo(5). */
export function parseMountinfo(text: string): Mount[] {
  return text.split("\n", MOUNTS_MAX).flatMap((line) => mountOf(line.split(" ")) ?? []);
}

function mountOf(fields: readonly string[]): Mount | null {
  // Between the mount's options and the dash stands any number of optional fields.
  const dash = fields.indexOf("-", 6);
  const [, , , root, mountPoint, options] = fields;
  const [fsType, device = "", superOptions = ""] = dash < 0 ? [] : fields.slice(dash + 1);
  if (root === undefined || mountPoint === undefined || fsType === undefined) return null;
  return {
    device: unescapeOctal(device),
    root: unescapeOctal(root),
    mountPoint: unescapeOctal(mountPoint),
    fsType,
    options: new Set(`${options},${superOptions}`.split(",")),
  };
}

/** Space, tab, newline, backslash and hash are written as `\040` and so on. */
function unescapeOctal(text: string): string {
  return text.replace(/\\([0-3][0-7]{2})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
}
