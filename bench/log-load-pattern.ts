import { setTimeout as delay } from "node:timers/promises";
import { eventually, Hook } from "../test/support/programs.ts";
import { SeededRandom } from "../test/support/random.ts";
import { cpuFigures, LogLoadBed, serviceOf } from "./log-load-bed.ts";
import { LineFollower, quantile } from "./log-load-follow.ts";
import { FILES, LINE_BYTES } from "./log-load-lines.ts";
import { progress } from "./report.ts";

const LINES_A_MINUTE = 100_000;
/** Until no alert fires any more of the patterns that were new at the start. */
const WARM_MS = 80_000;
/** Each service has one new pattern in this time: its alert fires for a minute. */
const ROUND_MS = 80_000;
const ALERT_MAX_MS = 30_000;

/** As docs/log-patterns.md has it, for all services. */
const RULES = `groups:
  - name: patterns
    interval: 1s
    rules:
      - alert: NeverSeenBefore
        expr: increase(log_new_patterns_total{service=~"shop-.*"}[1m]) > 0
`;

/** Where the time of one alert went, in milliseconds. */
type Steps = {
  /** From being written until the agent read it. */
  readonly read: number;
  /** From there until a client that follows has it. */
  readonly stored: number;
  /** From there until the evaluation that found it; negative where the client was slower. */
  readonly evaluated: number;
  /** From there until the hook had it. */
  readonly notified: number;
  readonly all: number;
};

/** How long it takes from a line that is like none before until a webhook has the alert. */
export async function newPattern(minutes: number): Promise<Record<string, number>> {
  await using hook = await Hook.open();
  await using load = await LogLoadBed.open("1GiB", {
    "rules/patterns.yaml": RULES,
    "notify.yaml": `receivers: [{name: hook, webhook_configs: [{url: "${hook.url}"}]}]
route: {receiver: hook, group_wait: 0s, group_interval: 1s}
`,
  });
  const { bed, writer } = load;
  using follower = new LineFollower(bed.address, `{job="load"} |= "unheard-of"`);
  const random = new SeededRandom("new patterns");
  const bytesASecond = (LINES_A_MINUTE / 60) * LINE_BYTES;
  await writer.order({ kind: "rate", bytesASecond });
  progress(
    `${LINES_A_MINUTE} lines a minute, and now and then a pattern that is new, ${minutes} min`,
  );
  await delay(WARM_MS);
  const cpuBefore = load.cpuTimes();
  const before = await writer.order({ kind: "report" });
  const steps: Steps[] = [];
  for (let n = 0; n < Math.max(1, (minutes * 60_000) / ROUND_MS) * FILES; n += 1) {
    const beganMs = Date.now();
    await delay(random.int(0, 2000)); // at any moment of a second
    steps.push(await oneAlert({ load, hook, follower }, n % FILES, newLine(random)));
    await delay(Math.max(0, ROUND_MS / FILES - (Date.now() - beganMs)));
  }
  const after = await writer.order({ kind: "report" });
  const count = ({ lines }: { readonly lines: readonly number[] }) =>
    lines.reduce((sum, one) => sum + one, 0);
  const ofAll = (name: keyof Steps) => steps.map((one) => one[name]);
  const median = (name: keyof Steps) => Math.round(quantile(ofAll(name), 0.5));
  return {
    alerts: steps.length,
    lines_a_minute: Math.round(
      (count(after) - count(before)) / ((after.atMs - before.atMs) / 60_000),
    ),
    ms_to_hook_median: median("all"),
    ms_to_hook_least: Math.round(Math.min(...ofAll("all"))),
    ms_to_hook_most: Math.round(Math.max(...ofAll("all"))),
    ms_until_read_median: median("read"),
    ms_until_stored_median: median("stored"),
    ms_until_evaluated_median: median("evaluated"),
    ms_until_notified_median: median("notified"),
    ...cpuFigures(cpuBefore, load.cpuTimes()),
  };
}

type Watched = {
  readonly load: LogLoadBed;
  readonly hook: Hook;
  readonly follower: LineFollower;
};

async function oneAlert(
  { load, hook, follower }: Watched,
  file: number,
  text: string,
): Promise<Steps> {
  const { atMs: writtenMs } = await load.writer.order({ kind: "line", file, text });
  const alert = () => firingAfter(hook, file, writtenMs);
  const line = () => follower.others.find((one) => one.text === text);
  await eventually(() => alert() !== undefined && line() !== undefined, ALERT_MAX_MS);
  const [notified, stored] = [alert(), line()];
  if (notified === undefined || stored === undefined) throw new Error("no alert");
  const evaluatedMs = Date.parse(notified.body.alerts[0]?.startsAt ?? "");
  return {
    read: stored.readMs - writtenMs,
    stored: stored.atMs - stored.readMs,
    evaluated: evaluatedMs - stored.atMs,
    notified: notified.atMs - evaluatedMs,
    all: notified.atMs - writtenMs,
  };
}

/** The first notification that the alert of the file's service fires. */
function firingAfter(hook: Hook, file: number, timeMs: number) {
  return hook.received.find(({ atMs, body }) => {
    const [one] = body.alerts;
    const isIts = one?.labels["service"] === serviceOf(file);
    return atMs >= timeMs && isIts && one.status === "firing";
  });
}

/** Words that no line had, as many as no line had, so that it is like none. */
function newLine(random: SeededRandom): string {
  const word = () => Array.from({ length: 8 }, () => random.pick([..."abcdefghijklmnop"])).join("");
  const words = Array.from({ length: random.int(12, 60) }, word);
  return `unheard-of ${words.join(" ")}`;
}
