import { z } from "zod";
import { address, duration, LOG_LEVELS, size } from "../../shared/config/fields.ts";
import { isLoopback } from "../../shared/model/address.ts";
import { parseDuration } from "../../shared/model/duration.ts";
import { aggregatorChoice } from "./aggregator-choice.ts";

const GIBIBYTE = 1024 ** 3;
const LABEL_NAME = /^[a-zA-Z_][a-zA-Z0-9_]*$/;
/** Labels that say whose series it is: never the agent's to set. */
const RESERVED_LABELS = new Set(["instance", "job", "id", "name"]);

const labels = z
  .record(z.string(), z.string().max(1024))
  .superRefine((record, context) => {
    for (const name of Object.keys(record)) {
      if (!LABEL_NAME.test(name) || name.startsWith("__") || RESERVED_LABELS.has(name)) {
        context.addIssue({ code: "custom", path: [name], message: "not a label you can set" });
      }
    }
  })
  .refine((record) => Object.keys(record).length <= 16, "more than 16 labels");

const collectorNames = z
  .array(z.string().regex(/^[a-z0-9_]{1,32}$/, "not the name of a collector"))
  .max(64)
  .default([]);

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
      addresses: [{ host: "localhost", port: 7070 }],
      policy: "pick_first",
      weights: null,
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
    /** Set on every series of this node. */
    labels: labels.default({}),
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
    cgroups_max: z.number().int().min(1).max(20_000).default(2000),
    log_level: z.enum(LOG_LEVELS).default("info"),
    /** Allows what is neither encrypted nor authenticated beyond this machine. */
    insecure: z.boolean().default(false),
  })
  .superRefine(({ insecure, listen }, context) => {
    if (insecure || listen === null || isLoopback(listen)) return;
    context.addIssue({
      code: "custom",
      path: ["listen"],
      message: `${listen.host} can be reached from other machines, and the page is neither encrypted nor asks who reads: keep to 127.0.0.1 (the aggregator has all that it shows), or, in a network you trust, say "insecure: true"`,
    });
  });

export type AgentConfig = z.infer<typeof agentConfigSchema>;
