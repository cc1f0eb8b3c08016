import { z } from "zod";
import { address, size } from "../../shared/config/fields.ts";

const MEBIBYTE = 1024 ** 2;

function door(port: number) {
  const closed = z.literal("none").transform(() => null);
  return z.union([closed, address]).default({ host: "127.0.0.1", port });
}

const otlp = z.strictObject({
  /** `none`: this door stays closed. */
  grpc: door(4317),
  http: door(4318),
  /** Of a request, as it comes and unpacked. */
  request_bytes_max: size
    .refine((n) => n >= 64 * 1024 && n <= 64 * MEBIBYTE, "from 64KiB to 64MiB")
    .default(4 * MEBIBYTE),
  /** Of one sender: what has the same job and instance. */
  series_max: z.number().int().min(1).max(100_000).default(10_000),
  senders_max: z.number().int().min(1).max(10_000).default(200),
});

export type OtlpConfig = z.infer<typeof otlp>;

/** `true`, `false`, or a block that says where and how much. */
export const otlpConfig = z
  .unknown()
  .transform((given, context): OtlpConfig | null => {
    if (given === false) return null;
    const result = otlp.safeParse(given === true ? {} : given);
    if (result.success) return result.data;
    // Not a union: of that, a fault would only be told as neither of two things.
    for (const { path, message } of result.error.issues) {
      context.addIssue({ code: "custom", path: [...path], message });
    }
    return z.NEVER;
  })
  .default(null);
