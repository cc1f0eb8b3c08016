import { z } from "zod";
import { duration } from "../../../shared/config/fields.ts";
import { FLAGS } from "../../../shared/config/fit-scalars.ts";
import { formatMatchers } from "../../matching/parse-matchers.ts";
import type { Route } from "../routing.ts";
import { isLabelName, matchersShape, readLabelsTest } from "./label-tests.ts";
import { type Report, within } from "./report.ts";

const ROUTES_MAX = 5000;
const DEPTH_MAX = 50;
const EVERY_LABEL = "...";

const flag = z
  .enum(["true", "false", ...FLAGS.keys()], { error: "must be true or false" })
  .transform((text) => FLAGS.get(text) ?? text === "true");
const names = z.array(z.string()).nullish();

const routeFields = z.strictObject({
  receiver: z.string().nullish(),
  group_by: names,
  group_wait: duration.nullish(),
  group_interval: duration.nullish(),
  repeat_interval: duration.nullish(),
  continue: flag.nullish(),
  ...matchersShape,
  mute_time_intervals: names,
  active_time_intervals: names,
  // Telltale's own.
  escalate: z
    .array(z.strictObject({ after: duration, receiver: z.string() }))
    .max(20)
    .nullish(),
  // Alertmanager hands them to receivers that ask for them; none here does.
  labels: z.record(z.string(), z.string().nullable()).nullish(),
});

type RawRoute = z.infer<typeof routeFields> & {
  readonly routes?: readonly RawRoute[] | null | undefined;
};

/** `route` of a routing file. Numbers and flags in it must have been left as texts. */
export const routeSchema: z.ZodType<RawRoute> = routeFields.extend({
  routes: z.lazy(() => z.array(routeSchema).nullish()),
});

/** The names that routes may use. */
export type KnownNames = {
  readonly receivers: { has(name: string): boolean };
  readonly timeIntervals: { has(name: string): boolean };
};

type Inherited = Pick<
  Route,
  "receiver" | "groupBy" | "groupWaitMs" | "groupIntervalMs" | "repeatIntervalMs" | "escalations"
>;

const DEFAULTS: Inherited = {
  receiver: "",
  groupBy: [],
  groupWaitMs: 30_000,
  groupIntervalMs: 300_000,
  repeatIntervalMs: 14_400_000,
  escalations: [],
};

export function readRouteTree(raw: RawRoute, known: KnownNames, report: Report): Route {
  checkRoot(raw, report);
  const reading = { known, count: 0 };
  return readRoute(raw, { key: null, depth: 1, inherited: DEFAULTS }, reading, report);
}

function checkRoot(raw: RawRoute, report: Report): void {
  if ((raw.receiver ?? "") === "") {
    report(["receiver"], "root route must specify a default receiver");
  }
  const [match, match_re, matchers] = [raw.match ?? {}, raw.match_re ?? {}, raw.matchers ?? []];
  if ([match, match_re, matchers].some((one) => Object.keys(one).length > 0)) {
    report([], "root route must not have any matchers");
  }
  if ((raw.mute_time_intervals ?? []).length > 0) {
    report(["mute_time_intervals"], "root route must not have any mute time intervals");
  }
  if ((raw.active_time_intervals ?? []).length > 0) {
    report(["active_time_intervals"], "root route must not have any active time intervals");
  }
  if (raw.continue === true) report(["continue"], "cannot have continue in root route");
}

/** `key` null: the route is the root. `count`: routes so far. */
type Place = {
  readonly key: string | null;
  readonly depth: number;
  readonly inherited: Inherited;
};
type Reading = { readonly known: KnownNames; count: number };

function readRoute(raw: RawRoute, place: Place, reading: Reading, report: Report): Route {
  reading.count += 1;
  const inherited = inherit(raw, place.inherited, report);
  checkNames(raw, reading.known, report);
  const test = readLabelsTest(raw, "", report);
  const own = formatMatchers(test.matchers);
  const key = place.key === null ? own : `${place.key}/${own}`;
  return {
    ...inherited,
    key,
    test,
    continues: raw.continue ?? false,
    muteTimes: raw.mute_time_intervals ?? [],
    activeTimes: raw.active_time_intervals ?? [],
    routes: readRoutes(raw, { key, depth: place.depth + 1, inherited }, reading, report),
  };
}

function readRoutes(raw: RawRoute, place: Place, reading: Reading, report: Report): Route[] {
  const children = raw.routes ?? [];
  if (children.length > 0 && place.depth > DEPTH_MAX) {
    report(["routes"], `routes are nested over ${DEPTH_MAX} deep`);
    return [];
  }
  if (reading.count + children.length > ROUTES_MAX) {
    report(["routes"], `over ${ROUTES_MAX} routes`);
    return [];
  }
  return children.map((one, i) => readRoute(one, place, reading, within(report, "routes", i)));
}

function inherit(raw: RawRoute, parent: Inherited, report: Report): Inherited {
  if (raw.group_interval === 0) report(["group_interval"], "group_interval cannot be zero");
  if (raw.repeat_interval === 0) report(["repeat_interval"], "repeat_interval cannot be zero");
  return {
    receiver: raw.receiver || parent.receiver,
    groupBy: raw.group_by ? readGroupBy(raw.group_by, within(report, "group_by")) : parent.groupBy,
    groupWaitMs: raw.group_wait ?? parent.groupWaitMs,
    groupIntervalMs: raw.group_interval ?? parent.groupIntervalMs,
    repeatIntervalMs: raw.repeat_interval ?? parent.repeatIntervalMs,
    escalations: raw.escalate ? readEscalations(raw.escalate) : parent.escalations,
  };
}

function readEscalations(raw: NonNullable<RawRoute["escalate"]>): Route["escalations"] {
  const escalations = raw.map(({ after, receiver }) => ({ afterMs: after, receiver }));
  return escalations.sort((a, b) => a.afterMs - b.afterMs);
}

function readGroupBy(labels: readonly string[], report: Report): readonly string[] | null {
  const seen = new Set<string>();
  for (const [i, name] of labels.entries()) {
    if (!isLabelName(name)) report([i], `invalid label name "${name}" in group_by list`);
    if (seen.has(name)) report([i], `duplicated label "${name}" in group_by`);
    seen.add(name);
  }
  if (!seen.has(EVERY_LABEL)) return labels;
  if (seen.size > 1) {
    report([], "cannot have wildcard group_by (`...`) and other labels at the same time");
  }
  return null;
}

function checkNames(raw: RawRoute, known: KnownNames, report: Report): void {
  const { receiver } = raw;
  if (receiver && !known.receivers.has(receiver)) {
    report(["receiver"], `undefined receiver "${receiver}" used in route`);
  }
  for (const [i, { receiver: name }] of (raw.escalate ?? []).entries()) {
    if (known.receivers.has(name)) continue;
    report(["escalate", i, "receiver"], `undefined receiver "${name}" used in escalate`);
  }
  for (const key of ["mute_time_intervals", "active_time_intervals"] as const) {
    for (const [i, name] of (raw[key] ?? []).entries()) {
      if (known.timeIntervals.has(name)) continue;
      report([key, i], `undefined time interval "${name}" used in route`);
    }
  }
  for (const name of Object.keys(raw.labels ?? {})) {
    if (!isLabelName(name))
      report(["labels", name], `invalid label name "${name}" in route labels`);
  }
}
