import type { z } from "zod";

/** What a record that was stored as JSON says; null where it is damaged. */
export function jsonRecord<T>(schema: z.ZodType<T>, bytes: Uint8Array): T | null {
  try {
    return schema.safeParse(JSON.parse(Buffer.from(bytes).toString())).data ?? null;
  } catch {
    return null; // not even JSON
  }
}
