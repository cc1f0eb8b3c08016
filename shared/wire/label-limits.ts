/** Of a series on the wire; docs/limits.md lists them. Lengths are UTF-16 code units. */

export const LABELS_MAX = 64;
export const LABEL_NAME_LENGTH_MAX = 256;
export const LABEL_VALUE_LENGTH_MAX = 4096;
