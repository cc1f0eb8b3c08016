import type { SeededRandom } from "../support/random.ts";
import { LABEL_VALUES } from "./alert-plan.ts";

/**
 * A routing file with everything that decides on notifications. Alerts come at full seconds and
 * groups flush at two thirds of one; what counts full seconds or halves never falls on either.
 */
export type RoutingPlan = {
  readonly global: { readonly resolve_timeout: string };
  readonly route: RoutePlan;
  readonly receivers: readonly ReceiverPlan[];
  readonly inhibit_rules: readonly object[];
  readonly time_intervals: readonly object[];
};

export type RoutePlan = {
  receiver?: string;
  group_by?: string[];
  group_wait?: string;
  group_interval?: string;
  repeat_interval?: string;
  continue?: boolean;
  matchers?: string[];
  match?: Record<string, string>;
  match_re?: Record<string, string>;
  mute_time_intervals?: string[];
  active_time_intervals?: string[];
  routes?: RoutePlan[];
};

/** Each webhook: whether it gets resolved alerts. */
type ReceiverPlan = { readonly name: string; readonly sendsResolved: readonly boolean[] };

const DEPTH_MAX = 3;
const GROUP_INTERVAL_MAX_S = 5;
/** At two thirds of a second, counted from an alert at a full one. */
const GROUP_WAITS_MS = [667, 1667, 2667] as const;
const REPEATS_MS = [4500, 7500, 10_500, 14_500];
const GROUPINGS = [["alertname"], ["team"], ["team", "zone"], ["severity"], ["absent"], ["..."]];
const INTERVALS = ["always", "never", "until", "from", "until-there"];
const MINUTE_MS = 60_000;
/** A time interval begins or ends at the first full minute that is so far away: in the run. */
const FLIP_AFTER_MS = 75_000;
/** Shanghai is ahead of UTC by so much, all the year. */
const THERE_MS = 8 * 3_600_000;

export function planRouting(random: SeededRandom, nowMs: number): RoutingPlan {
  const receivers = planReceivers(random);
  return {
    global: { resolve_timeout: `${random.int(5, 8)}s` },
    route: planRoot(random, receivers),
    receivers,
    inhibit_rules: Array.from({ length: random.int(0, 3) }, () => planInhibitRule(random)),
    time_intervals: timeIntervals(nowMs),
  };
}

/** @param baseUrl where each webhook is found by `/RECEIVER/INDEX` */
export function fileOf(plan: RoutingPlan, baseUrl: string): object {
  const receivers = plan.receivers.map(({ name, sendsResolved }) => {
    const webhooks = sendsResolved.map((sends, index) => {
      return { url: `${baseUrl}/${name}/${index}`, send_resolved: sends };
    });
    return { name, webhook_configs: webhooks };
  });
  return { ...plan, receivers };
}

function planReceivers(random: SeededRandom): ReceiverPlan[] {
  const webhooks = (count: number) => Array.from({ length: count }, () => random.chance(0.7));
  const counts = [random.int(1, 2), random.int(1, 3), random.int(1, 2), random.int(0, 1)];
  return counts.map((count, index) => ({ name: `r${index}`, sendsResolved: webhooks(count) }));
}

function planRoot(random: SeededRandom, receivers: readonly ReceiverPlan[]): RoutePlan {
  return {
    receiver: receivers[0]?.name ?? "",
    group_by: random.pick([[], ...GROUPINGS]),
    group_wait: `${random.pick(GROUP_WAITS_MS)}ms`,
    group_interval: `${random.int(2, GROUP_INTERVAL_MAX_S)}s`,
    repeat_interval: `${random.pick(REPEATS_MS)}ms`,
    routes: planChildren(random, receivers, 1),
  };
}

function planChildren(
  random: SeededRandom,
  receivers: readonly ReceiverPlan[],
  depth: number,
): RoutePlan[] {
  // Two siblings with the same matchers have the same group keys, and so one record of what was sent.
  const children = new Map<string, RoutePlan>();
  const count = random.int(depth === 1 ? 2 : 0, depth === 1 ? 4 : 2);
  for (let i = 0; i < count; i += 1) {
    const { key, fields } = planMatchers(random);
    const child = planChild(random, receivers);
    const routes = depth < DEPTH_MAX ? planChildren(random, receivers, depth + 1) : [];
    children.set(key, { ...fields, ...child, ...(routes.length > 0 ? { routes } : {}) });
  }
  return [...children.values()];
}

/** A child's `group_by: []` is left out: the real one took it for absent until the year 2026. */
function planChild(random: SeededRandom, receivers: readonly ReceiverPlan[]): RoutePlan {
  const child: RoutePlan = {};
  if (random.chance(0.8)) child.receiver = random.pick(receivers).name;
  if (random.chance(0.4)) child.group_by = [...random.pick(GROUPINGS)];
  if (random.chance(0.3)) child.group_wait = `${random.pick(GROUP_WAITS_MS)}ms`;
  if (random.chance(0.3)) child.group_interval = `${random.int(2, GROUP_INTERVAL_MAX_S)}s`;
  if (random.chance(0.3)) child.repeat_interval = `${random.pick(REPEATS_MS)}ms`;
  if (random.chance(0.5)) child.continue = true;
  if (random.chance(0.2)) child.mute_time_intervals = [random.pick(INTERVALS)];
  if (random.chance(0.2)) child.active_time_intervals = [random.pick(INTERVALS)];
  return child;
}

function planMatchers(random: SeededRandom): { key: string; fields: RoutePlan } {
  if (random.chance(0.15)) return legacyMatchers(random);
  const names = new Set(Array.from({ length: random.int(1, 2) }, () => random.pick(NAMES)));
  const matchers = [...names].sort().map((name) => `${name}${planCondition(random, name)}`);
  return { key: matchers.join(), fields: { matchers } };
}

const NAMES = Object.keys(LABEL_VALUES) as (keyof typeof LABEL_VALUES)[];

function legacyMatchers(random: SeededRandom): { key: string; fields: RoutePlan } {
  const name = random.pick(NAMES);
  const value = random.pick(LABEL_VALUES[name]);
  if (random.chance(0.5)) {
    return { key: `${name}="${value}"`, fields: { match: { [name]: value } } };
  }
  return { key: `${name}=~"${value}.*"`, fields: { match_re: { [name]: `${value}.*` } } };
}

function planCondition(random: SeededRandom, name: keyof typeof LABEL_VALUES): string {
  const values = LABEL_VALUES[name];
  const [one, other] = [random.pick(values), random.pick(values)];
  const forms = [`="${one}"`, `="${one}"`, `!="${one}"`, `=~"${one}|${other}"`, `!~"${one}|x.*"`];
  return random.pick(name === "zone" ? [...forms, `=""`, `=~".+"`] : forms);
}

/** Sources are critical or warning: the alert that flushes at once is neither, see alert-plan.ts. */
function planInhibitRule(random: SeededRandom): object {
  const source = random.pick(["critical", "warning"]);
  const target = random.pick(['severity="warning"', 'severity!="critical"', 'severity=~".+"']);
  const more = random.chance(0.3) ? [`team="${random.pick(LABEL_VALUES.team)}"`] : [];
  return {
    source_matchers: [`severity="${source}"`, ...more],
    target_matchers: [target],
    equal: random.pick([["team"], ["alertname", "zone"], ["zone"], ["absent"], ["team", "zone"]]),
  };
}

/** Three change in the middle of the run; one of them is written for another zone. */
function timeIntervals(nowMs: number): object[] {
  const flipMs = Math.ceil((nowMs + FLIP_AFTER_MS) / MINUTE_MS) * MINUTE_MS;
  const intervals = {
    always: { weekdays: ["sunday:saturday"] },
    never: { years: ["2000"] },
    until: { times: [untilClock(flipMs)] },
    from: { times: [{ start_time: clockTime(flipMs), end_time: "24:00" }] },
    "until-there": { times: [untilClock(flipMs + THERE_MS)], location: "Asia/Shanghai" },
  };
  return Object.entries(intervals).map(([name, one]) => ({ name, time_intervals: [one] }));
}

function untilClock(endMs: number): object {
  const end = clockTime(endMs);
  return { start_time: "00:00", end_time: end === "00:00" ? "24:00" : end };
}

function clockTime(timeMs: number): string {
  return new Date(timeMs).toISOString().slice(11, 16);
}
