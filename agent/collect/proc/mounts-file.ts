import { OperationalError } from "../../../shared/errors.ts";
import type { CollectContext } from "../context.ts";
import { hostFile } from "../context.ts";
import { CHANGED, type HeldFile, MISSING, SAME } from "../kit/held-file.ts";
import { type Mount, parseMountinfo, parseMounts } from "./mounts.ts";

/** Whose view of the mounts is asked first. */
export type MountView = "init" | "self";

const INIT = ["/proc/1/mountinfo", parseMountinfo] as const;
const SELF = ["/proc/self/mountinfo", parseMountinfo] as const;
const PLAIN = ["/proc/mounts", parseMounts] as const;

/**
 * The host's mounts, read again only when asked. Where /proc is another place's (an agent in a
 * container), `self` is the agent's own view of the container and the first process has the host's.
 */
export class MountsFile {
  readonly #context: CollectContext;
  readonly #candidates: { file: HeldFile; parse: (text: string) => Mount[] }[];
  #mounts: readonly Mount[] = [];

  constructor(context: CollectContext, view: MountView) {
    this.#context = context;
    const files = view === "init" ? [INIT, SELF, PLAIN] : [SELF, INIT, PLAIN];
    this.#candidates = files.map(([path, parse]) => ({
      file: hostFile(context, path, { hasManyRecords: true }),
      parse,
    }));
  }

  /** @throws OperationalError NOT_FOUND when no list of mounts can be read */
  read(): readonly Mount[] {
    let fault: unknown = null;
    for (const { file, parse } of this.#candidates) {
      try {
        const outcome = file.read();
        if (outcome >= MISSING) continue;
        if (outcome === CHANGED) {
          this.#mounts = parse(this.#context.buffer.bytes.toString("utf8", 0, file.length));
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
    for (const { file } of this.#candidates) file.close();
  }
}
