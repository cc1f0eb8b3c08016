/** Receivers, and what stands before them, repeat in their answers what they were asked with. */

import type { SendPorts } from "../integrations/integration.ts";
import { HIDDEN, hideSecrets } from "./hide-secrets.ts";
import { isHttpUrl } from "./read-secret.ts";

/** What is shorter stands in answers for other reasons. */
const SECRET_LENGTH_MIN = 6;
/** Of a URL's path: names of what it leads to are shorter than keys. */
const KEY_LENGTH_MIN = 16;

/** The texts in an entry of a routing file, and in its URLs, that nobody else may see. */
export function secretsOf(value: object): Set<string> {
  const secrets = new Set<string>();
  collect(value, hideSecrets(value), secrets);
  return secrets;
}

/** The same ports, whose answers have another text in place of each of the secrets. */
export function withoutEcho(ports: SendPorts, secrets: ReadonlySet<string>): SendPorts {
  return {
    ...ports,
    request: async (request, signal) => {
      const answer = await ports.request(request, signal);
      return { ...answer, text: withoutSecrets(answer.text, secrets) };
    },
  };
}

function withoutSecrets(text: string, secrets: ReadonlySet<string>): string {
  let shown = text;
  for (const secret of secrets) {
    for (const form of new Set([secret, encodeURIComponent(secret)])) {
      shown = shown.replaceAll(form, HIDDEN);
    }
  }
  return shown;
}

function collect(value: unknown, shown: unknown, secrets: Set<string>): void {
  if (typeof value === "string") {
    if (isHttpUrl(value)) for (const part of keysOf(new URL(value))) add(part, secrets);
    else if (shown === HIDDEN) add(value.trim(), secrets);
    return;
  }
  if (typeof value !== "object" || value === null) return;
  for (const [key, item] of Object.entries(value)) {
    collect(item, Reflect.get(Object(shown), key), secrets);
  }
}

function keysOf({ password, pathname, searchParams }: URL): string[] {
  const long = pathname.split("/").filter(({ length }) => length >= KEY_LENGTH_MIN);
  return [password, ...searchParams.values(), ...long];
}

function add(text: string, secrets: Set<string>): void {
  if (text.length >= SECRET_LENGTH_MIN) secrets.add(text);
}
