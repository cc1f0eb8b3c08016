import type { Logger } from "../platform/ports.ts";

/** For a part of which there are several: `labels` are on every line. */
export function labelledLogger(logger: Logger, labels: Readonly<Record<string, string>>): Logger {
  return {
    debug: (fields, message) => logger.debug({ ...fields, ...labels }, message),
    info: (fields, message) => logger.info({ ...fields, ...labels }, message),
    warn: (fields, message) => logger.warn({ ...fields, ...labels }, message),
    error: (fields, message) => logger.error({ ...fields, ...labels }, message),
  };
}
