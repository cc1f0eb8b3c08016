/** What an agent may send; docs/limits.md lists them. Lengths of texts are UTF-16 code units. */

export const HELLO_TIMEOUT_MS = 5000;
/** Streams that are open at a time, those included that have not said hello yet. */
export const SESSIONS_MAX = 10_000;

export const NODE_BYTES_MAX = 253;
export const AGENT_VERSION_LENGTH_MAX = 64;
export const INTERVAL_MS_MAX = 3_600_000;

/** Definitions in one message. */
export const TABLE_SERIES_MAX = 10_000;

/** Reasons in an agent's accounts, and dropped ranges in one message. */
export const DROP_REASONS_MAX = 64;
export const DROPPED_RANGES_MAX = 100;

/** What one session has sent and is not yet committed; beyond it the session is not read. */
export const SESSION_PENDING_BYTES = 8 * 1024 * 1024;
