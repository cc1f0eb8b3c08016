import { destination, pino } from "pino";
import type { Logger } from "./ports.ts";

/** Its level may be changed. */
export type Log = Logger & { level: string };

/** JSON lines on standard error, written at once: the last line before a crash is the one wanted. */
export function openLog(level: string, name: string): Log {
  return pino(
    { level, name, base: { name }, timestamp: pino.stdTimeFunctions.isoTime },
    destination({ fd: 2, sync: true }),
  );
}
