/** What an agent may tell of its targets; docs/limits.md lists them. Texts count in UTF-16 code units. */

export const TARGETS_MAX = 2000;
/** Of all targets of an agent together. */
export const TARGETS_LENGTH_MAX = 2 * 1024 ** 2;
export const TARGETS_OF_MESSAGE_MAX = 500;
export const URL_LENGTH_MAX = 1024;
export const JOB_LENGTH_MAX = 256;
/** Of a target's labels, and of those that were discovered. */
export const LABELS_LENGTH_MAX = 4096;
export const ERROR_LENGTH_MAX = 500;
export const LEFT_OUT_REASONS_MAX = 16;
export const DROPPED_MAX = 100;
export const DROPPED_JOBS_MAX = 200;
export const REFUSED_MAX = 100;
export const OFFERS_MAX = 100;
/** Of any other text. */
export const TEXT_LENGTH_MAX = 500;
