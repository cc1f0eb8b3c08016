/**
 * Seeds that once failed, each with what was wrong then. A change of plan.ts gives a seed another
 * run: where a bug has a plant of its own (plants.ts), that one keeps looking for it.
 */
export const REGRESSION_SEEDS: readonly (readonly [seed: number, bug: string])[] = [
  [264_485_838, "a clock put right: of two samples at one time the older one stood"],
  [264_486_137, "a clock put right: an alert was judged by the older sample of a time"],
  [341, "a write that failed came back: samples of one node were stored as another's"],
  [221, "a write that failed came back: the agent counted frames as damaged that it had discarded"],
  [752_911_649, "an agent told its books after its goodbye: the stream had been closed"],
  [113, "a write that failed came back: an alert was told that had been taken back"],
  [500_000_057, "the oracle took books that were said before the last delivery for later ones"],
  [781_610_311, "a clock put right: a rule saw the up that stood there from before"],
  [781_612_334, "a clock put right: a rule saw ticks of the time before, and an alert fired"],
  [781_612_018, "the oracle took books of an agent that was to send again for old ones"],
  [1_000_001_253, "the oracle did not hear of a refusal whose tick the agent had dropped for room"],
  [606_470_685, "an empty rotated file at the first look: a log was followed late"],
  [880_000_332, "a clock set back while a log that was empty is rotated: files were left out"],
  [2_005_069, "the end of an alert was not told after a message that was taken and not noted"],
  [680_406_407, "an alert fired anew and was not told after its end was taken and not noted"],
  [47_714_888, "the end of an alert was not told that came while its beginning was being sent"],
];
