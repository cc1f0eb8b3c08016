/** Short messages to phones, by the service that the entry names. */

import { z } from "zod";
import type { HttpClientOptions } from "../../../../shared/platform/http-client.ts";
import { httpKind } from "../http-kind.ts";
import type { Reading, Sender } from "../integration.ts";
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

export const smsKind = httpKind({
  name: "sms",
  schema,
  read(raw: Raw, reading: Reading, client: HttpClientOptions): Sender["send"] {
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
  },
});
