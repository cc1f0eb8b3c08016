import { z } from "zod";
import { address, duration, LOG_LEVELS, size } from "../../shared/config/fields.ts";
import { formatAddress, isLoopback } from "../../shared/model/address.ts";
import { parseDuration } from "../../shared/model/duration.ts";
import type { ProbeConfig } from "../probes/config/probe-config.ts";
import type { ScrapeConfig } from "../scrape/config/scrape-config.ts";
import { labelRecord } from "./label-record.ts";
import { logsConfig } from "./logs-config.ts";
import { otlpConfig } from "./otlp-config.ts";
import { statsdConfig } from "./statsd-config.ts";

const GIBIBYTE = 1024 ** 3;
const collectorNames = z
  .array(z.string().regex(/^[a-z0-9_]{1,32}$/, "not the name of a collector"))
  .max(64)
  .default([]);

const DESTINATIONS_MAX = 16;
const WEIGHT_MAX = 1000;

const addresses = z
  .array(address)
  .min(1, "at least one address")
  .max(DESTINATIONS_MAX, `more than ${DESTINATIONS_MAX} addresses`)
  .refine(
    (list) => new Set(list.map(formatAddress)).size === list.length,
    "an address is there twice",
  );

const one = address.transform((only) => ({ ...PICK_FIRST, addresses: [only] }));
const list = addresses.transform((several) => ({ ...PICK_FIRST, addresses: several }));
const block = z
  .strictObject({
    addresses,
    policy: z
      .enum(["pick_first", "round_robin", "random", "weighted", "mirror"])
      .default("pick_first"),
    weights: z.array(z.number().int().min(1).max(WEIGHT_MAX)).nullable().default(null),
  })
  .superRefine((given, context) => {
    if (given.weights === null) return;
    const count = given.addresses.length;
    const message =
      given.policy !== "weighted"
        ? `without "policy: weighted" they say nothing`
        : given.weights.length !== count
          ? `${given.weights.length} weights for ${count} addresses`
          : null;
    if (message !== null) context.addIssue({ code: "custom", path: ["weights"], message });
  });

const PICK_FIRST: Omit<AggregatorChoice, "addresses"> = { policy: "pick_first", weights: null };

/** Where the agent sends to, and how it chooses. */
type AggregatorChoice = z.infer<typeof block>;

/**
 * `HOST:PORT`, a list of them of which the first is preferred, or a block with `addresses`,
 * `policy` and `weights`.
 */
const aggregatorChoice = z.unknown().transform((given, context): AggregatorChoice => {
  const schema = typeof given === "string" ? one : Array.isArray(given) ? list : block;
  const result = schema.safeParse(given);
  if (result.success) return result.data;
  // Not a union: of that, a fault would only be told as none of three things.
  for (const { path, message } of result.error.issues) {
    context.addIssue({ code: "custom", path: [...path], message });
  }
  return z.NEVER;
});

/** /etc/telltale/agent.yaml. Durations are milliseconds and sizes bytes once they are read. */
export const agentConfigSchema = z
  .strictObject({
    /** The node's name: the label `instance`. Empty: the host name. */
    node: z
      .string()
      .max(253)
      .regex(/^[\x21-\x7e]*$/, "only printable ASCII without spaces")
      .default(""),
    aggregator: aggregatorChoice.default({
      ...PICK_FIRST,
      addresses: [{ host: "localhost", port: 7070 }],
    }),
    data_dir: z.string().min(1).default("/var/lib/telltale/agent"),
    /** Where /proc and /sys of the host are found: for an agent in a container. */
    host_root: z.string().min(1).default("/"),
    interval: duration
      .refine((ms) => ms >= 100 && ms <= 60_000, "must be from 100ms to 1m")
      .default(1000),
    /** Own /metrics page; an empty host_root page is not served with `none`. */
    listen: z.union([z.literal("none").transform(() => null), address]).default({
      host: "127.0.0.1",
      port: 7072,
    }),
    /** Set on every series and every log line of this node. */
    labels: labelRecord(["instance", "job", "id", "name"]).default({}),
    buffer: z
      .strictObject({
        bytes_max: size.refine((n) => n >= 1024 ** 2, "at least 1MiB").default(GIBIBYTE),
        age_max: duration.refine((ms) => ms >= 60_000, "at least 1m").default(parseDuration("7d")),
      })
      .prefault({}),
    /** By name: off though on by default, and on though off by default. */
    collectors: z.strictObject({ enable: collectorNames, disable: collectorNames }).prefault({}),
    /** Container labels that become labels of the container's series, as `container_label_NAME`. */
    container_labels: z
      .array(z.string().min(1).max(256))
      .max(32)
      .default(["com.docker.compose.project", "com.docker.compose.service"]),
    /** Where other programs leave `*.prom` files; "": node_exporter's usual place, if it is there. */
    textfile_directory: z
      .string()
      .max(4096)
      .regex(/^(\/.*)?$/, "must be absolute")
      .default(""),
    /** Over it, collectors that can do with it run less often. */
    budget: z
      .strictObject({
        /** In cores. */
        cpu: z.number().min(0.001).max(64).default(0.1),
        memory: size.refine((n) => n >= 64 * 1024 ** 2, "at least 64MiB").default(256 * 1024 ** 2),
      })
      .prefault({}),
    logs: logsConfig,
    /** Metrics and log lines that others send (docs/otlp.md). */
    otlp: otlpConfig,
    /** Prometheus' own. Text and numbers are read as Prometheus reads them: read-agent-config.ts. */
    scrape_configs: z
      .unknown()
      .optional()
      .transform((): readonly ScrapeConfig[] => []),
    /** Files that have `scrape_configs`, such as a prometheus.yml: read there, too. */
    scrape_config_files: z
      .unknown()
      .optional()
      .transform((): readonly string[] => []),
    statsd: statsdConfig,
    /** Of targets elsewhere, and how: probe_modules, as blackbox_exporter has them. Read like the jobs. */
    probes: z
      .unknown()
      .optional()
      .transform((): readonly ProbeConfig[] => []),
    probe_modules: z
      .unknown()
      .optional()
      .transform(() => null),
    cgroups_max: z.number().int().min(1).max(20_000).default(2000),
    log_level: z.enum(LOG_LEVELS).default("info"),
    /** Allows what is neither encrypted nor authenticated beyond this machine. */
    insecure: z.boolean().default(false),
  })
  .superRefine(({ insecure, statsd }, context) => {
    const udp = statsd?.udp ?? null;
    if (insecure || udp === null || isLoopback(udp)) return;
    context.addIssue({
      code: "custom",
      path: ["statsd", "udp"],
      message: `${udp.host} can be reached from other machines, and nobody is asked who sends: keep to 127.0.0.1, or, in a network you trust, say "insecure: true"`,
    });
  })
  .superRefine(({ insecure, listen }, context) => {
    if (insecure || listen === null || isLoopback(listen)) return;
    context.addIssue({
      code: "custom",
      path: ["listen"],
      message: `${listen.host} can be reached from other machines, and the page is neither encrypted nor asks who reads: keep to 127.0.0.1 (the aggregator has all that it shows), or, in a network you trust, say "insecure: true"`,
    });
  })
  .superRefine(({ insecure, otlp }, context) => {
    if (insecure || otlp === null) return;
    for (const door of ["grpc", "http"] as const) {
      const at = otlp[door];
      if (at === null || isLoopback(at)) continue;
      context.addIssue({
        code: "custom",
        path: ["otlp", door],
        message: `${at.host} can be reached from other machines, and nothing asks who sends: keep to 127.0.0.1, or, in a network you trust, say "insecure: true"`,
      });
    }
  });

export type AgentConfig = z.infer<typeof agentConfigSchema>;
