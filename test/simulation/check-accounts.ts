import type { AgentNode } from "./agent-node.ts";
import { DROPPED_FOR_ROOM } from "./frame-buffer-watch.ts";
import type { FrameSet } from "./frame-set.ts";
import type { Plan } from "./plan.ts";

/** What a failing disk makes an agent drop ticks for. */
const DISK_REASONS: readonly string[] = ["disk_full", "disk_slow"];
const DISK_EVENTS: ReadonlySet<string> = new Set(["disk-full", "sync-fails", "sync-hangs"]);
/** A buffer smaller than this has to drop. */
const ROOMY_BYTES = 1024 ** 2;

type Evidence = { readonly safeFrames: FrameSet; readonly plan: Plan };

/**
 * Promise 3: made = stored + waiting + dropped, and every tick that reached the buffer is in
 * exactly one of them. What was dropped has a reason that there was.
 */
export function checkAccounts(agent: AgentNode, { safeFrames, plan }: Evidence): string[] {
  const { journal } = agent;
  const { made, stored, waiting, dropped } = agent.accounts();
  const found: string[] = [];
  const say = (what: string) => found.push(`${journal.agent}: ${what}`);
  const lost = [...dropped.values()].reduce((sum, frames) => sum + frames, 0);
  if (made !== stored + waiting + lost) {
    say(`made ${made}, stored ${stored}, waiting ${waiting}, dropped ${lost}`);
  }
  const inBuffer = journal.ticks.filter(({ fate, bytes }) => {
    return fate === "buffered" || safeFrames.has(bytes);
  });
  const refused = dropped.get("future") ?? 0;
  const forRoom = dropped.get(DROPPED_FOR_ROOM) ?? 0;
  // Of a tick whose process died while it was written, or whose write failed and was there after a
  // crash all the same, only the ledger knows; sent, it is seen.
  const most = forRoom > 0 ? journal.ticks.length : inBuffer.length;
  const booked = stored + waiting + refused + forRoom;
  if (booked < inBuffer.length || booked > most) {
    say(
      `${inBuffer.length} ticks reached the buffer, it says ${stored} are stored, ${waiting} ` +
        `wait, ${refused} were refused, ${forRoom} dropped`,
    );
  }
  const gone = inBuffer.filter(({ dropReason, bytes }) => {
    return dropReason === DROPPED_FOR_ROOM && !safeFrames.has(bytes);
  });
  if (gone.length > forRoom) say(`${gone.length} ticks were dropped for room, it says ${forRoom}`);
  for (const reason of dropped.keys()) {
    if (!reasonsOf(plan, journal.agent).has(reason)) say(`ticks were dropped as "${reason}"`);
  }
  return found;
}

/** Why an agent may have given up a tick: its clock, its own disk, its limit. */
function reasonsOf(plan: Plan, agent: string): ReadonlySet<string> {
  const reasons = new Set(["future"]);
  const hasTrouble = plan.events.some(({ host, kind }) => host === agent && DISK_EVENTS.has(kind));
  const isSmall = plan.bufferBytes < ROOMY_BYTES;
  // What builds on a frame that was dropped for room cannot be written.
  if (hasTrouble || isSmall) for (const reason of DISK_REASONS) reasons.add(reason);
  if (isSmall) reasons.add(DROPPED_FOR_ROOM);
  return reasons;
}

/** At any moment: every tick whose fate is known is in the ledger of the agent that runs. */
export function checkLife({ journal, service, madeInLife }: AgentNode): string[] {
  if (!service.isRunning) return [];
  const settled = journal.ticks.filter(({ life, fate }) => {
    return life === service.lives && fate !== "made";
  });
  const made = madeInLife();
  if (made === settled.length) return [];
  return [`${journal.agent}: made ${settled.length} in life ${service.lives}, it says ${made}`];
}
