export type BackoffLimits = {
  /** Upper bound of the wait after the first failure; it doubles with each further one. */
  readonly firstMs: number;
  readonly maxMs: number;
};

/**
 * The wait after so many failures in a row (from 1): anything from 0 to the bound ("full jitter"),
 * so that those who failed together do not come back together.
 * @param random in [0, 1]; 1 gives the bound itself
 */
export function backoffMs(
  { firstMs, maxMs }: BackoffLimits,
  failures: number,
  random: number,
): number {
  return random * Math.min(maxMs, firstMs * 2 ** (failures - 1));
}
