import type { JsonPath } from "./json-path.ts";

/** What becomes a metric of the answers of a job: plain JSON, as all of a job's configuration. */
export type JsonField = {
  /** Of the metric. */
  readonly name: string;
  readonly path: JsonPath;
  readonly type: "gauge" | "counter" | "untyped";
  /** "": none. */
  readonly unit: string;
  readonly help: string;
  /** Null: each element that is one of several has its place, or its name, as a label. */
  readonly labels: readonly JsonLabel[] | null;
};

/** The path begins at the element that the last `[*]` of the field's path came to. */
export type JsonLabel = { readonly name: string } & (
  | { readonly path: JsonPath }
  | { readonly text: string }
);
