import { isIP } from "node:net";
import { z } from "zod";
import { address, size } from "../../shared/config/fields.ts";

/** Where StatsD's clients send to by default. */
const USUAL = { udp: "127.0.0.1:8125" };
const BUCKETS_MAX = 64;
/** Prometheus' own defaults, in seconds. */
const TIMER_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
/** Values of histograms and distributions have any unit. */
const HISTOGRAM_BUCKETS = [
  ...[0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50],
  ...[100, 250, 500, 1000, 2500, 5000, 10_000],
];

const buckets = z
  .array(z.number())
  .min(1)
  .max(BUCKETS_MAX)
  .refine(
    (bounds) => bounds.every((bound, i) => i === 0 || bound > (bounds[i - 1] ?? 0)),
    "must be ascending",
  );

const block = z
  .strictObject({
    udp: address
      .refine(({ host }) => host === "localhost" || isIP(host) !== 0, "not an IP address")
      .nullable()
      .default(null),
    /** A socket of datagrams that is made there. */
    unix: z
      .string()
      .regex(/^\//, "must be absolute")
      .refine((path) => Buffer.byteLength(path) < 108, "longer than a socket's path may be")
      .nullable()
      .default(null),
    /** Of each socket: what the kernel keeps while the agent does something else. */
    receive_buffer: size
      .refine((bytes) => bytes >= 4096 && bytes <= 256 * 1024 ** 2, "must be from 4KiB to 256MiB")
      .default(16 * 1024 ** 2),
    series_max: z.number().int().min(1).max(100_000).default(10_000),
    timer_buckets: buckets.default(TIMER_BUCKETS),
    histogram_buckets: buckets.default(HISTOGRAM_BUCKETS),
  })
  .refine(({ udp, unix }) => udp !== null || unix !== null, "has neither udp nor unix");

type StatsdConfig = z.infer<typeof block>;

/** `true` for the usual port on the loopback, or a block; null: off. */
export const statsdConfig = z
  .unknown()
  .optional()
  .transform((given, context): StatsdConfig | null => {
    if (given === undefined || given === null || given === false) return null;
    const result = block.safeParse(given === true ? USUAL : given);
    if (result.success) return result.data;
    for (const { path, message } of result.error.issues) {
      context.addIssue({ code: "custom", path: [...path], message });
    }
    return z.NEVER;
  });
