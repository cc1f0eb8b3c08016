/** Kinds of receivers that are spoken to over HTTP. */

import { z } from "zod";
import type { HttpClientOptions } from "../../../shared/platform/http-client.ts";
import { httpConfigSchema, readHttpConfig } from "../config/http-config.ts";
import type { IntegrationKind, Reading, Sender } from "./integration.ts";

const SEND_TIMEOUT_MS = 10_000;

/** Fields of every such kind. */
export const httpFields = {
  send_resolved: z.boolean().default(true),
  http_config: httpConfigSchema.optional(),
};

type HttpEntry = {
  readonly send_resolved: boolean;
  readonly http_config?: z.infer<typeof httpConfigSchema> | undefined;
  /** Of an attempt, in milliseconds. */
  readonly timeout?: number | undefined;
};

type HttpKind<Raw> = Pick<IntegrationKind<Raw>, "name" | "schema"> & {
  /** Messages a minute that the service takes; absent: no limit. */
  readonly perMinuteMax?: number;
  /** @param client what http_config says */
  readonly read: (raw: Raw, reading: Reading, client: HttpClientOptions) => Sender["send"];
};

export function httpKind<Raw extends HttpEntry>({
  name,
  schema,
  perMinuteMax,
  read,
}: HttpKind<Raw>): IntegrationKind<Raw> {
  return {
    name,
    schema,
    read: (raw, reading) => ({
      sendsResolved: raw.send_resolved,
      timeoutMs: raw.timeout || SEND_TIMEOUT_MS,
      perMinuteMax: perMinuteMax ?? null,
      send: read(raw, reading, readHttpConfig(raw.http_config, reading)),
    }),
  };
}
