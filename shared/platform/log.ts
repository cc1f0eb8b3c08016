import { destination, pino } from "pino";
import type { Logger } from "./ports.ts";

/** JSON lines on standard error, written at once: the last line before a crash is the one wanted. */
export function openLog(level: string, name: string): Logger {
  return pino(
    { level, name, base: { name }, timestamp: pino.stdTimeFunctions.isoTime },
    destination({ fd: 2, sync: true }),
  );
}
