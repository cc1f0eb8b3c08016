/** Settings that are a text, a URL, or the text of a file. */

import { errorMessage, OperationalError } from "../../../shared/errors.ts";

/** The part of an integration's Reading that settings are read with. */
export type Texts = {
  /** The text of a `…_file`. @throws OperationalError */
  readonly readText: (path: string) => string;
  readonly report: (message: string, path?: readonly (string | number)[]) => void;
};

/** A setting or the text of its file, without white space around it; "" where neither is set. */
export function readSecret(
  reading: Texts,
  inline: string | undefined,
  path: string | undefined,
  name: string,
): string {
  const isBoth = inline !== undefined && inline !== "" && path !== undefined;
  if (isBoth) reading.report(`at most one of ${name} & ${name}_file must be configured`);
  if (path === undefined || isBoth) return inline ?? "";
  return readTextFile(reading, path, `${name}_file`);
}

/** The text of a file, without white space around it; "" after a fault. */
export function readTextFile({ readText, report }: Texts, path: string, name: string): string {
  try {
    return readText(path).trim();
  } catch (error) {
    if (!(error instanceof OperationalError)) throw error;
    report(`${name}: ${errorMessage(error)}`);
    return "";
  }
}

export function isHttpUrl(text: string): boolean {
  return URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);
}

/** The text, which is reported where it is no URL of HTTP. It is not shown: it may be a secret. */
export function checkedUrl(reading: Texts, text: string, name: string): string {
  if (!isHttpUrl(text)) reading.report(`${name} must be an http or https URL`);
  return text;
}
