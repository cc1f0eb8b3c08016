import { RE2JS } from "re2js";
import { z } from "zod";
import { duration, size } from "../../shared/config/fields.ts";
import { errorMessage } from "../../shared/errors.ts";
import { parseDuration } from "../../shared/model/duration.ts";
import { labelRecord } from "./label-record.ts";

const PATTERNS_MAX = 64;
const MEBIBYTE = 1024 ** 2;

const glob = z
  .string()
  .max(4096)
  .regex(/^\//, "a pattern of files is an absolute path, such as /var/log/*.log");
const globs = z.preprocess(
  (given) => (typeof given === "string" ? [given] : given),
  z.array(glob).max(PATTERNS_MAX),
);

/** In re2js' syntax: its time is linear in the text. */
const pattern = z
  .string()
  .min(1)
  .max(4096)
  .superRefine((text, context) => {
    try {
      RE2JS.compile(text);
    } catch (error) {
      const message = `not a regular expression: ${errorMessage(error)}`;
      context.addIssue({ code: "custom", message });
    }
  });

/** Files that are read alike. */
const logFiles = z.strictObject({
  include: globs.refine((list) => list.length > 0, "at least one pattern"),
  exclude: globs.default([]),
  /** `job` is "files" where it is not given. */
  labels: labelRecord(["instance", "filename", "stream"]).default({}),
  /** Lines that belong together, such as those of a stack trace, become one. */
  join: z.boolean().default(true),
  /** What the first line of an entry looks like; all others belong to the one before. */
  first_line: pattern.nullable().default(null),
});

const maskRule = z.strictObject({
  name: z.string().regex(/^[a-z0-9-]{1,32}$/, "of a to z, 0 to 9 and -, at most 32"),
  /** What its first group matches is masked, or all that it matches where it has none. */
  pattern,
});

/** What of this machine's logs is sent. */
const logs = z.strictObject({
  /** What containers of Docker and Podman write. */
  containers: z.boolean().default(false),
  /** systemd's. */
  journal: z.boolean().default(false),
  files: z
    .array(logFiles)
    .max(256)
    .refine(
      (list) => new Set(list.map(({ include }) => include.join())).size === list.length,
      "the same patterns are included twice",
    )
    .default([]),
  /** Of a line; the rest is left out and counted. */
  line_bytes_max: size
    .refine((n) => n >= 1024 && n <= MEBIBYTE, "from 1KiB to 1MiB")
    .default(MEBIBYTE / 4),
  /** Passwords, tokens, keys and card numbers leave the machine as `<masked:RULE>`. */
  mask: z.boolean().default(true),
  mask_rules: z.array(maskRule).max(PATTERNS_MAX).default([]),
  buffer: z
    .strictObject({
      bytes_max: size.refine((n) => n >= 16 * MEBIBYTE, "at least 16MiB").default(1024 * MEBIBYTE),
      age_max: duration.refine((ms) => ms >= 60_000, "at least 1m").default(parseDuration("7d")),
      /** Files keep what cannot be read yet; `drop_oldest` is for those that are rotated away soon. */
      when_full: z.enum(["block", "drop_oldest"]).default("block"),
    })
    .prefault({}),
});

export type LogsConfig = z.infer<typeof logs>;

/** What needs no further word: `logs: auto`. */
const AUTO = { containers: true, journal: true };

/** Nothing is read; lines that others send have what else is said of logs. */
export const NOTHING_READ: LogsConfig = logs.parse({});

/** `none`, `auto`, or a block that says what is read. */
export const logsConfig = z
  .unknown()
  .transform((given, context): LogsConfig | null => {
    if (given === "none") return null;
    const result = logs.safeParse(given === "auto" ? AUTO : given);
    if (result.success) return result.data;
    // Not a union: of that, a fault would only be told as neither of two things.
    for (const { path, message } of result.error.issues) {
      context.addIssue({ code: "custom", path: [...path], message });
    }
    return z.NEVER;
  })
  .default(null);
