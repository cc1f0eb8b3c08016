/** Short messages to phones, by the service that the entry names. */

import { z } from "zod";
import type { HttpClientOptions } from "../../../../shared/platform/http-client.ts";
import { readHttpConfig } from "../../config/http-config.ts";
import { SEND_TIMEOUT_MS } from "../http-send.ts";
import type { IntegrationKind, Reading } from "../integration.ts";
import { aliyunSchema, readAliyun } from "./aliyun.ts";
import { gatewaySchema, readGateway } from "./gateway.ts";
import { readTencent, tencentSchema } from "./tencent.ts";
import { readTwilio, twilioSchema } from "./twilio.ts";

const schema = z.discriminatedUnion("provider", [
  aliyunSchema,
  tencentSchema,
  twilioSchema,
  gatewaySchema,
]);

type Raw = z.infer<typeof schema>;

export const smsKind: IntegrationKind<Raw> = {
  name: "sms",
  schema,
  read(raw, reading) {
    const client = readHttpConfig(raw.http_config, reading);
    return {
      sendsResolved: raw.send_resolved,
      timeoutMs: SEND_TIMEOUT_MS,
      perMinuteMax: null,
      send: readSend(raw, reading, client),
    };
  },
};

function readSend(raw: Raw, reading: Reading, client: HttpClientOptions) {
  switch (raw.provider) {
    case "aliyun":
      return readAliyun(raw, reading, client);
    case "tencent":
      return readTencent(raw, reading, client);
    case "twilio":
      return readTwilio(raw, reading, client);
    case "http":
      return readGateway(raw, reading, client);
  }
}
