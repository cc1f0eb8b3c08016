import { ANNOTATIONS } from "../context-state.ts";

/** Of annotations that have a place of their own, as arguments of `stringSlice`. */
export const CONTEXT_NAMES = Object.values(ANNOTATIONS)
  .map((name) => `"${name}"`)
  .join(" ");
