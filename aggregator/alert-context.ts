import { setMaxListeners } from "node:events";
import { errorMessage, OperationalError } from "../shared/errors.ts";
import type { VectorSample } from "../shared/model/columns.ts";
import { labelsKey, labelValue } from "../shared/model/labels.ts";
import type { Clock, Logger } from "../shared/platform/ports.ts";
import type { Counter, Metrics } from "../shared/telemetry/metrics.ts";
import { withDeadline } from "../shared/time/deadline.ts";
import type { LogqlEngine } from "./logql/engine.ts";
import { measuredOf as measuredOfLines } from "./logql/measured.ts";
import { parseLogql } from "./logql/parse.ts";
import type { NotifiedAlert } from "./model/notification.ts";
import {
  type About,
  aboutAlert,
  CHANGED_WITHIN_MS,
  type ContextName,
  changeQueries,
  changesText,
  containerQueries,
  type FoundLine,
  LINES_MAX,
  linesText,
  linkTo,
  logQueries,
  ownElement,
  processQueries,
  sparklineText,
  topText,
  withContext,
} from "./notify/context-state.ts";
import type { ContextFn } from "./notify/delivery.ts";
import type { PromqlEngine } from "./promql/engine.ts";
import { measuredOf, narrowedTo } from "./promql/measured.ts";
import { parsePromql } from "./promql/parse.ts";
import type { QueryResult } from "./query/result.ts";
import { readExpression } from "./rule-expressions.ts";

export type AlertContextDeps = {
  readonly series: PromqlEngine;
  readonly lines: LogqlEngine;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Where this aggregator is reached, without a slash at the end. */
  readonly externalUrl: string;
};

/** Bounds of one question; a rule over more than that has no sparkline. */
export const CONTEXT_LIMITS = {
  ...{ samplesMax: 1_000_000, seriesMax: 2000 },
  ...{ linesMax: 20_000, bytesMax: 8 * 1024 * 1024 },
};

/** No message waits longer for it. */
const WAIT_MAX_MS = 300;
/** A question goes on for so long, for whoever asks next. */
const ASK_MAX_MS = 2000;
/** For so long an answer is not asked for again, so that all receivers and attempts say the same. */
const FRESH_MS = 60_000;
const ALERTS_MAX = 5;
/** Questions that run at once; in a storm the others are not asked. */
const RUNNING_MAX = 32;
/** Answers. */
const KEPT_MAX = 2000;
const SPARKLINE = { steps: 30, stepMs: 60_000, text: "30m" };
/**
 * How far back lines are looked for, bit by bit, so that a busy log gives some at least; from a little
 * ahead, where the clocks of nodes may be.
 */
const LINES_WITHIN_MS = [-60_000, 5000, 60_000, 300_000, 900_000];
const LATE = "the answer is late";

/** One text of a context, for all alerts that share it. It is "" until there is an answer. */
type Part = { readonly sinceMs: number; text: string; done: Promise<void> };

type Question = {
  readonly name: ContextName;
  /** Of two alerts with the same key the answers are the same. */
  readonly key: string;
  readonly ask: (signal: AbortSignal) => Promise<string>;
};

/** What a node did and had when one of its alerts is told of, by what is stored here. */
export class AlertContext implements Disposable {
  readonly #deps: AlertContextDeps;
  readonly #missing: Counter;
  /** By name and key, the newest last. */
  readonly #parts = new Map<string, Part>();
  readonly #stop = new AbortController();
  #running = 0;

  constructor(deps: AlertContextDeps) {
    this.#deps = deps;
    setMaxListeners(RUNNING_MAX, this.#stop.signal);
    this.#missing = deps.metrics.counter(
      "telltale_alert_context_missing_total",
      "Texts about alerts that messages went without: failed, late, or busy with others.",
    );
  }

  [Symbol.dispose](): void {
    this.#stop.abort();
  }

  readonly add: ContextFn = async (notification, signal) => {
    const asked = new Map<NotifiedAlert, readonly (readonly [ContextName, Part])[]>();
    for (const alert of notification.alerts) {
      if (alert.status !== "firing" || !this.#isOfRule(alert)) continue;
      if (asked.size === ALERTS_MAX) break;
      asked.set(
        alert,
        this.#questionsOf(alert).map((one) => [one.name, this.#part(one)] as const),
      );
    }
    if (asked.size === 0) return notification;
    await this.#wait([...asked.values()].flat(), signal);
    return { ...notification, alerts: notification.alerts.map((one) => this.#with(one, asked)) };
  };

  /** What was posted from outside is told as it was posted. */
  #isOfRule({ generatorUrl }: NotifiedAlert): boolean {
    return generatorUrl.startsWith(this.#graphUrl);
  }

  get #graphUrl(): string {
    return `${this.#deps.externalUrl}/graph?`;
  }

  #with(
    alert: NotifiedAlert,
    asked: ReadonlyMap<NotifiedAlert, readonly (readonly [ContextName, Part])[]>,
  ): NotifiedAlert {
    const parts = asked.get(alert);
    if (parts === undefined) return alert;
    const link = linkTo(alert.labels, this.#deps.externalUrl);
    const texts = parts.map(([name, { text }]) => [name, text] as const);
    return withContext(alert, [...texts, ["link", link]]);
  }

  async #wait(
    parts: readonly (readonly [ContextName, Part])[],
    signal: AbortSignal,
  ): Promise<void> {
    const waiting = new Set(parts.map(([, part]) => part));
    const { clock } = this.#deps;
    const deadline = { clock, ms: WAIT_MAX_MS, signal, late: () => LATE };
    const all = [...waiting].map((part) => part.done.then(() => waiting.delete(part)));
    try {
      await withDeadline(deadline, () => Promise.all(all));
    } catch (error) {
      if (error !== LATE && !signal.aborted) throw error;
    }
    if (waiting.size > 0 && !signal.aborted) this.#missing.add(waiting.size, { reason: "late" });
  }

  #questionsOf(alert: NotifiedAlert): Question[] {
    const about = aboutAlert(alert.labels);
    const { node } = about;
    const key = JSON.stringify(about);
    const questions: Question[] = [
      { name: "logs", key, ask: (signal) => this.#logs(about, signal) },
      {
        name: "sparkline",
        key: `${alert.generatorUrl}\0${labelsKey(alert.labels)}`,
        ask: (signal) => this.#sparkline(alert, signal),
      },
    ];
    if (node === "") return questions;
    return [
      ...questions,
      { name: "processes", key: node, ask: (signal) => this.#top(processQueries(about), signal) },
      {
        name: "containers",
        key: node,
        ask: (signal) => this.#top(containerQueries(about), signal),
      },
      { name: "changes", key, ask: (signal) => this.#changes(about, signal) },
    ];
  }

  /** The answer that there is, and a newer one as soon as it comes. */
  #part(question: Question): Part {
    const id = `${question.name}\0${question.key}`;
    const nowMs = this.#deps.clock.monotonicMs();
    const known = this.#parts.get(id);
    if (known !== undefined && nowMs - known.sinceMs < FRESH_MS) return known;
    const part: Part = { sinceMs: nowMs, text: known?.text ?? "", done: Promise.resolve() };
    if (this.#running >= RUNNING_MAX) {
      this.#missing.add(1, { reason: "busy" });
      return part;
    }
    part.done = this.#run(question, part);
    this.#parts.delete(id);
    this.#parts.set(id, part);
    for (const oldest of this.#parts.keys()) {
      if (this.#parts.size <= KEPT_MAX) break;
      this.#parts.delete(oldest);
    }
    return part;
  }

  /** Never rejects: a message without the text is better than none. */
  async #run({ name, ask }: Question, part: Part): Promise<void> {
    const { clock, logger } = this.#deps;
    const late = () => new OperationalError("LIMIT", `No answer within ${ASK_MAX_MS} ms`);
    this.#running += 1;
    try {
      const deadline = { clock, ms: ASK_MAX_MS, signal: this.#stop.signal, late };
      part.text = await withDeadline(deadline, ask);
    } catch (error) {
      if (this.#stop.signal.aborted) return;
      this.#missing.add(1, { reason: "failed" });
      const level = error instanceof OperationalError ? "debug" : "error";
      logger[level]({ part: name, error: errorMessage(error) }, "no context of an alert");
    } finally {
      this.#running -= 1;
    }
  }

  async #top(
    queries: { readonly cpu: string; readonly memory: string },
    signal: AbortSignal,
  ): Promise<string> {
    const nowMs = this.#deps.clock.nowMs();
    const [cpu, memory] = await Promise.all([
      this.#vector(queries.cpu, nowMs, signal),
      this.#vector(queries.memory, nowMs, signal),
    ]);
    return topText(cpu, memory);
  }

  async #changes(about: About, signal: AbortSignal): Promise<string> {
    const nowMs = this.#deps.clock.nowMs();
    const queries = changeQueries(about);
    const ask = (query: string, timeMs = nowMs) => this.#vector(query, timeMs, signal);
    const [started, info, units, boot, agent] = await Promise.all([
      ask(queries.started),
      ask(queries.info),
      ask(queries.units),
      ask(queries.boot),
      ask(queries.agent),
    ]);
    const beforeMs = nowMs - CHANGED_WITHIN_MS;
    const [startedBefore, infoBefore] = await Promise.all([
      ask(queries.started, beforeMs),
      ask(queries.info, beforeMs),
    ]);
    const before = { started: startedBefore, info: infoBefore };
    return changesText(before, { started, info, units, boot, agent }, about, nowMs);
  }

  async #vector(
    query: string,
    timeMs: number,
    signal: AbortSignal,
  ): Promise<readonly VectorSample[]> {
    const result = await this.#deps.series.instant(parsePromql(query), timeMs, signal);
    return result.type === "vector" ? result.samples : [];
  }

  async #logs(about: About, signal: AbortSignal): Promise<string> {
    const nowMs = this.#deps.clock.nowMs();
    const found: FoundLine[][] = [];
    for (const query of logQueries(about)) {
      const limit = LINES_MAX - found.flat().length;
      if (limit > 0) found.push(await this.#newestLines(query, { nowMs, limit }, signal));
    }
    return linesText(found);
  }

  async #newestLines(
    query: string,
    { nowMs, limit }: { readonly nowMs: number; readonly limit: number },
    signal: AbortSignal,
  ): Promise<FoundLine[]> {
    const expr = parseLogql(query);
    const found: FoundLine[] = [];
    if (expr.kind !== "logs") return found;
    for (const [i, fromMs] of LINES_WITHIN_MS.slice(1).entries()) {
      const [startUs, endUs] = [nowMs - fromMs, nowMs - (LINES_WITHIN_MS[i] ?? 0)].map(
        (ms) => ms * 1000,
      ) as [number, number];
      const left = limit - found.length;
      if (left === 0) break;
      const request = { startUs, endUs, direction: "backward", limit: left } as const;
      try {
        const { lines } = this.#deps.lines.logs(expr, request, signal);
        for await (const batch of lines) found.push(...batch);
      } catch (error) {
        // There is more to read than is worth it: those that were found will do.
        if (!(error instanceof OperationalError && error.code === "LIMIT")) throw error;
        break;
      }
    }
    return found;
  }

  /** By the expression that the alert's source names, as ours do. */
  async #sparkline(alert: NotifiedAlert, signal: AbortSignal): Promise<string> {
    const { clock } = this.#deps;
    const search = alert.generatorUrl.slice(this.#graphUrl.length);
    const text = new URLSearchParams(search).get("g0.expr") ?? "";
    const { steps, stepMs } = SPARKLINE;
    const endMs = clock.nowMs();
    const startMs = endMs - (steps - 1) * stepMs;
    const result = await this.#range(text, alert, { startMs, endMs, stepMs }, signal);
    const own = result.type === "matrix" ? ownElement(result.series, alert.labels) : null;
    if (own === null) return "";
    const values: (number | null)[] = Array.from({ length: steps }, () => null);
    for (const [i, timeMs] of own.times.entries()) {
      values[Math.round((timeMs - startMs) / stepMs)] = own.values[i] ?? null;
    }
    return sparklineText(values, SPARKLINE.text);
  }

  #range(
    text: string,
    { labels }: NotifiedAlert,
    span: { readonly startMs: number; readonly endMs: number; readonly stepMs: number },
    signal: AbortSignal,
  ): Promise<QueryResult> {
    const { series, lines } = this.#deps;
    const read = readExpression(text);
    if (read.language === "LogQL") return lines.range(measuredOfLines(read.expr), span, signal);
    const measured = measuredOf(read.expr);
    const node = labelValue(labels, "instance");
    const narrow = node === "" ? measured : narrowedTo(measured, "instance", node);
    return series.range(narrow, span, signal);
  }
}
