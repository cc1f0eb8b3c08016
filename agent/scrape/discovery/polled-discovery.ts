import { createHash } from "node:crypto";
import { OperationalError } from "../../../shared/errors.ts";
import { withDeadline } from "../../../shared/time/deadline.ts";
import { repeat } from "../../../shared/time/repeat.ts";
import type { TargetGroup } from "../targets.ts";
import type { Discovery, DiscoveryPorts } from "./discovery.ts";

type Poll = {
  readonly refreshMs: number;
  /** What is logged when a look fails. */
  readonly failure: string;
  look(signal: AbortSignal): Promise<readonly TargetGroup[]>;
};

/** Looks each `refreshMs`, which is also how long a look may take. */
export function polledDiscovery(poll: Poll, { clock, logger }: DiscoveryPorts): Discovery {
  const { refreshMs: ms, failure } = poll;
  const late = () => new OperationalError("UNAVAILABLE", `No answer within ${ms} ms`);
  return {
    run: async (onGroups, stop) => {
      let before = "";
      const run = async (signal: AbortSignal) => {
        const groups = await withDeadline({ clock, ms, signal, late }, (ends) => poll.look(ends));
        const now = createHash("sha256").update(JSON.stringify(groups)).digest("base64");
        if (now === before || signal.aborted) return;
        before = now;
        onGroups(groups);
      };
      await repeat({ run, pauseMs: () => ms, failure }, { clock, logger }, stop);
    },
  };
}
