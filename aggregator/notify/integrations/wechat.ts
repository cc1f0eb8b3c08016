/** Alertmanager's wechat: a message of an application of WeCom. Robots of groups are in wecom.ts. */

import { z } from "zod";
import type { HttpClientOptions } from "../../../shared/platform/http-client.ts";
import { checkedUrl } from "../config/read-secret.ts";
import { cutBytes } from "./cut-text.ts";
import { neededSecret, secretFields, templated } from "./entry-fields.ts";
import { httpFields, httpKind } from "./http-kind.ts";
import { joinUrl, sendGet, sendJson, withQuery } from "./http-send.ts";
import type { Reading, SendAnswer, SendPorts } from "./integration.ts";
import { readFields, withoutMarkup } from "./message-texts.ts";
import { answerRecord, codeAnswer } from "./send-answer.ts";

const URL_DEFAULT = "https://qyapi.weixin.qq.com/cgi-bin/";
const TEXT_BYTES_MAX = 2048;
/** Unknown, expired or missing: the next attempt asks for a new one. */
const TOKEN_CODES: readonly unknown[] = [40_014, 41_001, 42_001];
const CODES = { rejected: [40_058, 44_004, 45_002], limited: [45_009, 45_033] };
/** A token is asked for anew so long before it ends. */
const TOKEN_MARGIN_MS = 60_000;

const texts = {
  message: templated("wechat.default.message"),
  to_user: templated("wechat.default.to_user"),
  to_party: templated("wechat.default.to_party"),
  to_tag: templated("wechat.default.to_tag"),
  agent_id: templated("wechat.default.agent_id"),
};
const schema = z.strictObject({
  ...httpFields,
  send_resolved: z.boolean().default(false),
  api_url: z.string().optional(),
  ...secretFields("api_secret"),
  corp_id: z.string().optional(),
  message_type: z.enum(["text", "markdown"]).default("text"),
  ...texts,
});

type Raw = z.infer<typeof schema>;

export const wechatKind = httpKind({
  name: "wechat",
  schema,
  read(raw, reading, client) {
    const account = readAccount(raw, reading, client);
    const expand = readFields(reading, raw, texts);
    const tokens = new TokenCache(account);
    return async (notification, ports, signal) => {
      const body = bodyOf(raw.message_type, expand(withoutMarkup(notification), ports));
      const token = await tokens.token(ports, signal);
      if (typeof token !== "string") return token;
      const url = withQuery(joinUrl(account.apiUrl, "message/send"), { access_token: token });
      const answer = await sendJson(ports, { url, client }, body, signal);
      const { errcode: code, errmsg: message } = answerRecord(answer.text);
      if (TOKEN_CODES.includes(code)) tokens.drop(token);
      return codeAnswer(answer, { code, message }, CODES);
    };
  },
});

type Account = {
  readonly apiUrl: string;
  readonly corpId: string;
  readonly secret: string;
  readonly client: HttpClientOptions;
};

function readAccount(raw: Raw, reading: Reading, client: HttpClientOptions): Account {
  const { globals } = reading;
  const secret = neededSecret(reading, raw, "api_secret", {
    global: "wechat_api_secret",
    missing: "no global Wechat Api Secret set either inline or in a file",
  });
  const corpId = raw.corp_id || globals.wechat_api_corp_id || "";
  if (corpId === "") reading.report("no global Wechat CorpID set");
  const url = raw.api_url || globals.wechat_api_url || URL_DEFAULT;
  return { apiUrl: checkedUrl(reading, url, "api_url"), corpId, secret, client };
}

/** Access tokens are good for two hours, and asking for more than a few an hour is refused. */
class TokenCache {
  readonly #account: Account;
  #token = "";
  #endsAtMs = 0;
  /** Under way, for all that wait for a token. */
  #asked: Promise<string | SendAnswer> | null = null;

  constructor(account: Account) {
    this.#account = account;
  }

  /** A token, or why there is none. */
  async token(ports: SendPorts, signal: AbortSignal): Promise<string | SendAnswer> {
    if (ports.clock.nowMs() < this.#endsAtMs) return this.#token;
    this.#asked ??= this.#ask(ports, signal).finally(() => {
      this.#asked = null;
    });
    return await this.#asked;
  }

  async #ask(ports: SendPorts, signal: AbortSignal): Promise<string | SendAnswer> {
    const { apiUrl, corpId, secret, client } = this.#account;
    const url = withQuery(joinUrl(apiUrl, "gettoken"), { corpid: corpId, corpsecret: secret });
    const answer = await sendGet(ports, { url, client }, signal);
    const { access_token: token, expires_in: seconds, errcode, errmsg } = answerRecord(answer.text);
    if (typeof token !== "string" || token === "" || typeof seconds !== "number") {
      const failed = codeAnswer(answer, { code: errcode || null, message: errmsg }, CODES);
      return { ...failed, outcome: "retry", text: `no access token: ${failed.text}` };
    }
    this.#token = token;
    this.#endsAtMs = ports.clock.nowMs() + seconds * 1000 - TOKEN_MARGIN_MS;
    return token;
  }

  /** Unless another one has come in its place. */
  drop(token: string): void {
    if (token === this.#token) this.#endsAtMs = 0;
  }
}

function bodyOf(type: "text" | "markdown", { message, ...to }: Pick<Raw, keyof typeof texts>) {
  return {
    touser: to.to_user,
    toparty: to.to_party,
    totag: to.to_tag,
    agentid: to.agent_id,
    msgtype: type,
    [type]: { content: cutBytes(message, TEXT_BYTES_MAX) },
    safe: "0",
  };
}
