/** Alertmanager's wechat: a message of an application of WeCom. Robots of groups are in wecom.ts. */

import { z } from "zod";
import type { HttpClientOptions } from "../../../shared/platform/http-client.ts";
import { readHttpConfig } from "../config/http-config.ts";
import { checkedUrl } from "../config/read-secret.ts";
import {
  answerRecord,
  cutBytes,
  joinUrl,
  readOwnOrGlobal,
  SEND_TIMEOUT_MS,
  sendJson,
} from "./http-send.ts";
import type { IntegrationKind, Reading, SendAnswer, SendPorts } from "./integration.ts";
import { readTexts, withoutMarkup } from "./message-texts.ts";
import * as parts from "./send-parts.ts";

const URL_DEFAULT = "https://qyapi.weixin.qq.com/cgi-bin/";
const TEXT_BYTES_MAX = 2048;
/** Unknown, expired or missing: the next attempt asks for a new one. */
const TOKEN_CODES: readonly unknown[] = [40_014, 41_001, 42_001];
const CODES = { rejected: [40_058, 44_004, 45_002], limited: [45_009, 45_033] };
/** A token is asked for anew so long before it ends. */
const TOKEN_MARGIN_MS = 60_000;

const schema = z.strictObject({
  ...parts.sendFields,
  send_resolved: z.boolean().default(false),
  api_url: parts.text,
  api_secret: parts.text,
  api_secret_file: parts.file,
  corp_id: parts.text,
  message: z.string().default('{{ template "wechat.default.message" . }}'),
  message_type: z.enum(["text", "markdown"]).default("text"),
  to_user: z.string().default('{{ template "wechat.default.to_user" . }}'),
  to_party: z.string().default('{{ template "wechat.default.to_party" . }}'),
  to_tag: z.string().default('{{ template "wechat.default.to_tag" . }}'),
  agent_id: z.string().default('{{ template "wechat.default.agent_id" . }}'),
});

type Raw = z.infer<typeof schema>;
type Texts = Readonly<Record<"message" | "to_user" | "to_party" | "to_tag" | "agent_id", string>>;

export const wechatKind: IntegrationKind<Raw> = {
  name: "wechat",
  schema,
  read(raw, reading) {
    const account = readAccount(raw, reading);
    const { message, to_user, to_party, to_tag, agent_id } = raw;
    const texts = { message, to_user, to_party, to_tag, agent_id };
    const expand = readTexts(reading, texts);
    const tokens = new TokenCache(account);
    return {
      sendsResolved: raw.send_resolved,
      timeoutMs: SEND_TIMEOUT_MS,
      perMinuteMax: null,
      async send(notification, ports, signal) {
        const body = bodyOf(raw.message_type, expand(withoutMarkup(notification), ports));
        const token = await tokens.token(ports, signal);
        if (typeof token !== "string") return token;
        const url = new URL(joinUrl(account.apiUrl, "message/send"));
        url.searchParams.set("access_token", token);
        const request = { url: url.href, client: account.client };
        const answer = await sendJson(ports, request, body, signal);
        const { errcode: code, errmsg } = answerRecord(answer.text);
        if (TOKEN_CODES.includes(code)) tokens.drop(token);
        return parts.codeAnswer(answer, { code, message: errmsg }, CODES);
      },
    };
  },
};

type Account = {
  readonly apiUrl: string;
  readonly corpId: string;
  readonly secret: string;
  readonly client: HttpClientOptions;
};

function readAccount(raw: Raw, reading: Reading): Account {
  const { globals } = reading;
  const secret = readOwnOrGlobal(reading, raw, "api_secret", "wechat_api_secret");
  const files = [raw.api_secret_file, globals.wechat_api_secret_file];
  if (secret === "" && files.every((path) => path === undefined)) {
    reading.report("no global Wechat Api Secret set either inline or in a file");
  }
  const corpId = raw.corp_id || globals.wechat_api_corp_id || "";
  if (corpId === "") reading.report("no global Wechat CorpID set");
  const apiUrl = raw.api_url || globals.wechat_api_url || URL_DEFAULT;
  return {
    apiUrl: checkedUrl(reading, apiUrl, "api_url"),
    corpId,
    secret,
    client: readHttpConfig(raw.http_config, reading),
  };
}

/** Access tokens are good for two hours, and asking for more than a few an hour is refused. */
class TokenCache {
  readonly #account: Account;
  #token = "";
  #endsAtMs = 0;

  constructor(account: Account) {
    this.#account = account;
  }

  /** A token, or why there is none. */
  async token(ports: SendPorts, signal: AbortSignal): Promise<string | SendAnswer> {
    if (ports.nowMs() < this.#endsAtMs) return this.#token;
    const { apiUrl, corpId, secret, client } = this.#account;
    const url = new URL(joinUrl(apiUrl, "gettoken"));
    url.searchParams.set("corpid", corpId);
    url.searchParams.set("corpsecret", secret);
    const request = { method: "GET", url: url.href, headers: {}, body: "", client } as const;
    const answer = await ports.request(request, signal);
    const { access_token: token, expires_in: seconds, errcode, errmsg } = answerRecord(answer.text);
    if (typeof token !== "string" || token === "" || typeof seconds !== "number") {
      const failed = parts.codeAnswer(answer, { code: errcode || null, message: errmsg }, CODES);
      return { ...failed, outcome: "retry", text: `no access token: ${failed.text}` };
    }
    this.#token = token;
    this.#endsAtMs = ports.nowMs() + seconds * 1000 - TOKEN_MARGIN_MS;
    return token;
  }

  /** Unless another one has come in its place. */
  drop(token: string): void {
    if (token === this.#token) this.#endsAtMs = 0;
  }
}

function bodyOf(type: "text" | "markdown", { message, ...to }: Texts) {
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
