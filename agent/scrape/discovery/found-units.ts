import { OperationalError } from "../../../shared/errors.ts";
import type { Clock, Logger } from "../../../shared/platform/ports.ts";
import { withDeadline } from "../../../shared/time/deadline.ts";
import { repeat } from "../../../shared/time/repeat.ts";
import type { FoundTargets } from "../scraper.ts";
import type { Found } from "./container-targets.ts";
import { type UnitPorts, unitTargets } from "./unit-targets.ts";

/** So often it is looked whether units have started or ended. */
const LOOK_MS = 5000;
/** systemd is asked at least so often, for files may change as well; and where nothing can be seen. */
const ASK_MS_MAX = 10 * 60_000;
const BLIND_ASK_MS_MAX = 60_000;
/** Of the pause, after failures. */
const DOUBLINGS_MAX = 5;
const ANSWER_MS_MAX = 5000;
const NONE: Found = { groups: [], refused: [] };

/** Targets that units of systemd ask for. @param node the node's name */
export function foundUnits(
  ports: UnitPorts,
  node: string,
  { clock, logger }: { readonly clock: Clock; readonly logger: Logger },
): FoundTargets {
  let found = NONE;
  let changes = 0;
  let mark: string | null = null;
  let askedAtMs = Number.NEGATIVE_INFINITY;
  const late = () => new OperationalError("UNAVAILABLE", "systemd does not answer");
  const ask = async (signal: AbortSignal) => {
    const deadline = { clock, ms: ANSWER_MS_MAX, signal, late };
    const talk = (ends: AbortSignal) =>
      ports.converse(ends, (call) => unitTargets(call, ports.readFile, node));
    const now = (await withDeadline(deadline, talk)) ?? NONE;
    if (JSON.stringify(now) === JSON.stringify(found)) return;
    found = now;
    changes += 1;
  };
  const look = async (signal: AbortSignal) => {
    const seen = await ports.mark();
    const nowMs = clock.monotonicMs();
    const ageMsMax = seen === null ? BLIND_ASK_MS_MAX : ASK_MS_MAX;
    if (seen === mark && nowMs - askedAtMs < ageMsMax) return;
    await ask(signal);
    mark = seen;
    askedAtMs = nowMs;
  };
  return {
    jobName: "units",
    get changes() {
      return changes;
    },
    find: () => found,
    run: (signal) => {
      const pauseMs = (failures: number) => LOOK_MS * 2 ** Math.min(failures, DOUBLINGS_MAX);
      const failure = "cannot ask systemd for targets";
      return repeat({ run: look, pauseMs, failure }, { clock, logger }, signal);
    },
  };
}
