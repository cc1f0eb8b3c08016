const BASE_MS = 100;
const CAP_MS = 3000;

/**
 * How long to wait before attempt number `attempt` (from 1) is repeated: anything from nothing to a
 * limit that doubles ("full jitter"), so that the agents of a restarted aggregator spread out.
 */
export function backoffMs(attempt: number, random: number): number {
  return random * Math.min(CAP_MS, BASE_MS * 2 ** (attempt - 1));
}
