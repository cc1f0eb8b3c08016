import type { VectorSample } from "../../shared/model/columns.ts";
import { INSTANCE, labelValue } from "../../shared/model/labels.ts";
import type { Clock } from "../../shared/platform/ports.ts";
import type { Repetition } from "../../shared/time/repeat.ts";
import type { NodeStatus } from "../model/node.ts";
import type { QueryResult } from "../query/result.ts";
import { ChangeState, withChanges } from "./change-state.ts";
import type { Change } from "./overview-shape.ts";

type InstantQuery = { instant(timeMs: number, signal: AbortSignal): Promise<QueryResult> };

export type ChangeLogPorts = {
  compile(text: string): InstantQuery;
  nodes(): readonly NodeStatus[];
  readonly clock: Clock;
};

const EVERY_MS = 15_000;
const CHANGES_MAX = 100;
/** Restarts of one look of which it is asked whether the image is another one of the same name. */
const ASKED_MAX = 20;
const TEXT_MAX = 300;

/** Sums and maxima, for a name may stand for several groups of a pod. */
const QUERIES = {
  started: 'max by (instance, name, image) (container_start_time_seconds{job="cadvisor",name!=""})',
  oomKills: 'sum by (instance, name) (container_oom_events_total{job="cadvisor",name!=""} > 0)',
  boots: 'max by (instance) (node_boot_time_seconds{job="node"})',
  reloads: "max by (instance) (telltale_config_last_reload_success_timestamp_seconds)",
};

/**
 * What changed last: starts, stops, restarts, new images, OOM kills, boots, configurations. It is seen
 * by looking again and again, also while no page is open, for whoever opens one wants to know.
 */
export class ChangeLog {
  readonly #ports: ChangeLogPorts;
  readonly #queries: Readonly<Record<keyof typeof QUERIES, InstantQuery>>;
  readonly #state = new ChangeState();
  #changes: readonly Change[] = [];

  constructor(ports: ChangeLogPorts) {
    this.#ports = ports;
    const { started, oomKills, boots, reloads } = QUERIES;
    this.#queries = {
      ...{ started: ports.compile(started), oomKills: ports.compile(oomKills) },
      ...{ boots: ports.compile(boots), reloads: ports.compile(reloads) },
    };
  }

  /** Newest first. */
  changes(): readonly Change[] {
    return this.#changes;
  }

  get task(): Repetition {
    return {
      run: (signal) => this.look(signal),
      pauseMs: () => EVERY_MS,
      failure: "cannot look for what changed",
    };
  }

  /** @throws OperationalError of a query */
  async look(signal: AbortSignal): Promise<void> {
    const timeMs = this.#ports.clock.nowMs();
    const nodes = this.#ports.nodes().filter(({ state }) => state === "up");
    const up = new Set(nodes.map(({ name }) => name));
    const ask = async (name: keyof typeof QUERIES) =>
      samplesOf(await this.#queries[name].instant(timeMs, signal));
    const [started, oomKills] = [await ask("started"), await ask("oomKills")];
    const [boots, reloads] = [await ask("boots"), await ask("reloads")];
    const found = this.#state.step({
      ...{ timeMs, up },
      started: started.map((one) => ({
        ...{ node: nodeOf(one), name: text(one, "name"), image: text(one, "image") },
        startedMs: Math.round(one.value * 1000),
      })),
      oomKills: oomKills.map((one) => ({
        ...{ node: nodeOf(one), name: text(one, "name"), count: one.value },
      })),
      boots: boots.map((one) => ({ node: nodeOf(one), timeMs: Math.round(one.value * 1000) })),
      reloads: reloads.map((one) => ({ node: nodeOf(one), timeMs: Math.round(one.value * 1000) })),
    });
    if (found.length === 0) return;
    const changes = await this.#withImages(found, timeMs, signal);
    this.#changes = withChanges(this.#changes, changes, CHANGES_MAX);
  }

  /** A restart with another image of the same name is one of a new image. */
  async #withImages(
    changes: readonly Change[],
    nowMs: number,
    signal: AbortSignal,
  ): Promise<Change[]> {
    const asked = new Set(changes.filter(({ kind }) => kind === "restart").slice(-ASKED_MAX));
    const result: Change[] = [];
    for (const change of changes) {
      const isOther = asked.has(change) && (await this.#hasOtherDigest(change, nowMs, signal));
      result.push(isOther ? { ...change, kind: "image", before: change.image } : change);
    }
    return result;
  }

  async #hasOtherDigest(change: Change, nowMs: number, signal: AbortSignal): Promise<boolean> {
    const { node, name, image, timeMs } = change;
    const of = Object.entries({ instance: node, name, image }).map(
      ([label, value]) => `${label}=${JSON.stringify(value)}`,
    );
    const info = `max by (image_digest) (last_over_time(telltale_container_info{${of}}[1h]))`;
    const query = this.#ports.compile(info);
    const digests = async (atMs: number) => {
      const samples = samplesOf(await query.instant(atMs, signal));
      return samples.map((one) => text(one, "image_digest")).filter((digest) => digest !== "");
    };
    const before = await digests(timeMs - 1);
    if (before.length === 0) return false;
    return (await digests(nowMs)).some((digest) => !before.includes(digest));
  }
}

function nodeOf(sample: VectorSample): string {
  return text(sample, INSTANCE);
}

function text({ labels }: VectorSample, name: string): string {
  return labelValue(labels, name).slice(0, TEXT_MAX);
}

function samplesOf(result: QueryResult): readonly VectorSample[] {
  return result.type === "vector" ? result.samples : [];
}
