/** Fields of entries in the routing file: texts that are templates, and secrets, inline or in a file. */

import { z } from "zod";
import type { Globals } from "../config/globals.ts";
import { checkedUrl, readSecret } from "../config/read-secret.ts";
import type { Reading } from "./integration.ts";

/** A text that is empty where the entry has none. */
export const text = z.string().default("");

/** A text that is a template's where the entry has none. */
export function templated(name: string) {
  return z.string().default(`{{ template "${name}" . }}`);
}

/** A table's cell, as chats have it in an attachment. */
export const attachmentField = z.strictObject({
  title: z.string(),
  value: z.string(),
  short: z.boolean().optional(),
});

/** A setting, or the file that it is in. */
type Secret<Name extends string> = {
  readonly [Key in Name | `${Name}_file`]?: string | undefined;
};

type SecretFields<Name extends string> = {
  [Key in Name | `${Name}_file`]: z.ZodOptional<z.ZodString>;
};

/** `NAME` and `NAME_file`. */
export function secretFields<Name extends string>(name: Name): SecretFields<Name> {
  const fields = { [name]: z.string().optional(), [`${name}_file`]: z.string().min(1).optional() };
  return fields as SecretFields<Name>;
}

/** Settings of `global` that are secrets. */
type GlobalSecret = {
  [Key in keyof Globals]-?: `${Key}_file` extends keyof Globals ? Key : never;
}[keyof Globals];

/** An entry's own secret; where it has none, the global one, or "". */
export function secretOf<Name extends string>(
  reading: Reading,
  raw: Secret<Name>,
  name: Name,
  global?: GlobalSecret,
): string {
  if (global !== undefined && !hasSecret(raw, name)) {
    return secretOf(reading, reading.globals, global);
  }
  return readSecret(reading, raw[name], raw[`${name}_file`], name);
}

export function hasSecret<Name extends string>(raw: Secret<Name>, name: Name): boolean {
  return Boolean(raw[name]) || raw[`${name}_file`] !== undefined;
}

type Needed = {
  readonly global?: GlobalSecret;
  /** The fault where neither has it. */
  readonly missing?: string;
};

/** The same of a secret that there must be; after a fault "". */
export function neededSecret<Name extends string>(
  reading: Reading,
  raw: Secret<Name>,
  name: Name,
  { global, missing = `one of ${name} or ${name}_file must be configured` }: Needed = {},
): string {
  const isOwn = hasSecret(raw, name);
  if (!isOwn && (global === undefined || !hasSecret(reading.globals, global))) {
    reading.report(missing);
    return "";
  }
  let isFaulty = false;
  const report: Reading["report"] = (...fault) => {
    isFaulty = true;
    reading.report(...fault);
  };
  const secret = secretOf({ ...reading, report }, raw, name, global);
  if (secret === "" && !isFaulty) reading.report(`the file of ${isOwn ? name : global} is empty`);
  return secret;
}

export function neededUrl<Name extends string>(
  reading: Reading,
  raw: Secret<Name>,
  name: Name,
  needed: Needed = {},
): string {
  const url = neededSecret(reading, raw, name, needed);
  return url === "" ? url : checkedUrl(reading, url, name);
}
