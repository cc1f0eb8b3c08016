import type { NodeTargets } from "../../aggregator/model/node-targets.ts";
import { labelsOf } from "../../shared/model/labels.ts";
import { type KnownTarget, NO_NOTES } from "../../shared/model/target.ts";

export const NEW_TARGET: KnownTarget = {
  id: 1,
  isProbe: false,
  job: "app",
  url: "http://app:80/metrics",
  labels: labelsOf({ instance: "app:80", job: "shop" }),
  discovered: labelsOf({ __address__: "app:80", job: "app" }),
  intervalMs: 15_000,
  timeoutMs: 10_000,
  health: "unknown",
  error: "",
  leftOut: [],
  isCut: false,
};

/** Of a node that is up, with something of everything, and of one that is down. */
export const TOLD_TARGETS: readonly NodeTargets[] = [
  {
    node: "db1",
    isUp: false,
    toldMs: 1_767_699_996_000,
    targets: [
      {
        ...NEW_TARGET,
        job: "db",
        url: "http://db:9187/metrics",
        labels: labelsOf({ instance: "db:9187", job: "db" }),
        health: "up",
      },
    ],
    notes: NO_NOTES,
  },
  {
    node: "web1",
    isUp: true,
    toldMs: 1_767_700_100_000,
    targets: [
      { ...NEW_TARGET, health: "up", leftOut: [{ reason: "duplicate", samples: 2 }] },
      {
        ...NEW_TARGET,
        id: 2,
        url: "http://gone:80/metrics",
        labels: labelsOf({ instance: "gone:80", job: "app" }),
        health: "down",
        error: "gone:80: refused\u001b[31m",
      },
    ],
    notes: {
      ...NO_NOTES,
      dropped: [
        {
          job: "app",
          discovered: labelsOf({ __address__: "off:80", job: "app" }),
          reason: "relabel_configs dropped it",
        },
      ],
      droppedCounts: [{ job: "app", count: 4 }],
      refused: [{ subject: "shop-db", reason: "it names no port, and exposes none" }],
      refusedCount: 1,
      offers: [
        {
          port: 9187,
          address: "0.0.0.0",
          program: "postgres_exporter",
          container: "",
          unit: "postgres-exporter.service",
          what: "postgres_exporter",
          accept: "X-Telltale-Scrape=:9187/metrics",
        },
      ],
      targetsLeftOut: 7,
    },
  },
];
