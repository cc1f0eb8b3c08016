/**
 * What a side can do beyond the first version of the protocol: bits of Hello.features and
 * Welcome.features, 0 to 52. One that is not known here means nothing here.
 */
export const FEATURE = {
  /** Agent: tells its books and what it dropped. Aggregator: takes both. */
  accounting: 1,
  /** Agent: measures its clock. Aggregator: answers. */
  clock: 2,
} as const;

export const OWN_FEATURES = FEATURE.accounting + FEATURE.clock;

export function hasFeature(features: number, bit: number): boolean {
  return Math.floor(features / bit) % 2 === 1;
}
