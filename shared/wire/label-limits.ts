/** Of a series on the wire; docs/limits.md lists them. Lengths are UTF-16 code units. */

export const LABELS_MAX = 64;
/** That an agent's configuration may add to each of its series. */
export const OWN_LABELS_MAX = 16;
/** Of a series as others have it, so that there is room for the agent's own. */
export const FOREIGN_LABELS_MAX = LABELS_MAX - OWN_LABELS_MAX;
export const LABEL_NAME_LENGTH_MAX = 256;
export const LABEL_VALUE_LENGTH_MAX = 4096;
