import type { z } from "zod";
import type { Path } from "./decode-yaml.ts";

/** Tells a fault of the value at the path, below what is being read. */
export type Report = (message: string, path?: Path) => void;

/** For transforms and refinements of a schema. */
export function reportTo(context: z.RefinementCtx): Report {
  return (message, path = []) => context.addIssue({ code: "custom", path: [...path], message });
}

/** The same report, of what lies below `name`. */
export function reportBelow(report: Report, name: string | number): Report {
  return (message, path = []) => report(message, [name, ...path]);
}

/** A path that is not absolute is one below the folder of the file that names it. */
export type ResolvePath = (path: string) => string;
