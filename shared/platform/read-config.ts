import type { z } from "zod";
import { environmentOverrides, loadConfig, type Override } from "../config/load-config.ts";
import { OperationalError } from "../errors.ts";
import { readConfigFile } from "./config-files.ts";

export type ConfigSource = {
  readonly defaultFile: string;
  readonly file: string | undefined;
  readonly environmentPrefix: string;
  readonly flags: readonly Override[];
  /** In the place of the schema's defaults. */
  readonly defaults?: readonly Override[];
};

/**
 * The configuration of a daemon: file, then environment, then flags. The default file may be
 * absent, one that was named may not.
 * @throws OperationalError CONFIG
 */
export function readConfig<S extends z.ZodObject>(schema: S, from: ConfigSource): z.infer<S> {
  const path = from.file ?? from.defaultFile;
  const text = readConfigFile(path);
  if (text === null && from.file !== undefined) {
    throw new OperationalError("CONFIG", `${path}: there is no such file`);
  }
  const overrides = environmentOverrides(schema, process.env, from.environmentPrefix);
  const file = text === null ? null : { path, text };
  return loadConfig(schema, file, [...overrides, ...from.flags], from.defaults);
}
