import { RE2JS } from "re2js";
import type { HeaderMatch, HttpModule } from "../config/probe-config.ts";
import type { HttpAnswer } from "./http-exchange.ts";

/** Why an answer is not what the module wants; null: it is. What comes first in blackbox_exporter is first. */
export type Fault = string | null;

export function statusFault(status: number, { validStatusCodes: valid }: HttpModule): Fault {
  if (valid.length > 0) {
    return valid.includes(status)
      ? null
      : `The status is ${status}, not one of ${valid.join(", ")}`;
  }
  return status >= 200 && status < 300 ? null : `The status is ${status}, not 2xx`;
}

export function headersFault(headers: HttpAnswer["headers"], module: HttpModule): Fault {
  const valuesOf = ({ header }: HeaderMatch) => {
    const wanted = header.toLowerCase();
    return headers.filter(([name]) => name === wanted).map(([, value]) => value);
  };
  for (const match of module.failIfHeaderMatches) {
    const values = valuesOf(match);
    if (values.length === 0 && !match.allowMissing) return `There is no header ${match.header}`;
    const expression = RE2JS.compile(match.regexp);
    if (values.some((value) => expression.test(value))) {
      return `The header ${match.header} matches ${match.regexp}`;
    }
  }
  for (const match of module.failIfHeaderNotMatches) {
    const values = valuesOf(match);
    if (values.length === 0 && match.allowMissing) continue;
    if (values.length === 0) return `There is no header ${match.header}`;
    const expression = RE2JS.compile(match.regexp);
    if (!values.some((value) => expression.test(value))) {
      return `The header ${match.header} does not match ${match.regexp}`;
    }
  }
  return null;
}

export function checksBody(module: HttpModule): boolean {
  return module.failIfBodyMatches.length + module.failIfBodyNotMatches.length > 0;
}

export function bodyFault(body: string, module: HttpModule): Fault {
  for (const pattern of module.failIfBodyMatches) {
    if (RE2JS.compile(pattern).test(body)) return `The body matches ${pattern}`;
  }
  for (const pattern of module.failIfBodyNotMatches) {
    if (!RE2JS.compile(pattern).test(body)) return `The body does not match ${pattern}`;
  }
  return null;
}

export function versionFault(version: string, { validHttpVersions: valid }: HttpModule): Fault {
  if (valid.length === 0 || valid.includes(version)) return null;
  return `The answer is ${version}, not one of ${valid.join(", ")}`;
}

export function tlsFault(hasTls: boolean, module: HttpModule): Fault {
  if (hasTls && module.failIfSsl) return "The answer came by TLS";
  if (!hasTls && module.failIfNotSsl) return "The answer came without TLS";
  return null;
}
