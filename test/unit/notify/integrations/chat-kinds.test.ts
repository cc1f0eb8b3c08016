import fc from "fast-check";
import { expect, test } from "vitest";
import { globalsSchema } from "../../../../aggregator/notify/config/globals.ts";
import { plainOfHtml } from "../../../../aggregator/notify/integrations/cut-text.ts";
import { dingtalkKind } from "../../../../aggregator/notify/integrations/dingtalk.ts";
import { discordKind } from "../../../../aggregator/notify/integrations/discord.ts";
import { feishuKind } from "../../../../aggregator/notify/integrations/feishu.ts";
import type { IntegrationKind } from "../../../../aggregator/notify/integrations/integration.ts";
import { msteamsKind } from "../../../../aggregator/notify/integrations/msteams.ts";
import { msteamsv2Kind } from "../../../../aggregator/notify/integrations/msteamsv2.ts";
import { ntfyKind } from "../../../../aggregator/notify/integrations/ntfy.ts";
import { pushoverKind } from "../../../../aggregator/notify/integrations/pushover.ts";
import { smsKind } from "../../../../aggregator/notify/integrations/sms/sms.ts";
import { telegramKind } from "../../../../aggregator/notify/integrations/telegram.ts";
import { wechatKind } from "../../../../aggregator/notify/integrations/wechat.ts";
import { wecomKind } from "../../../../aggregator/notify/integrations/wecom.ts";
import {
  notificationWith,
  readWithValue,
  SendBed,
  schemaFaults,
} from "../../../support/receiver-kind.ts";

const HOOK = { webhook_url: "https://hook.test/x" };
const CHAT = { bot_token: "1:t", chat_id: -100 };
const PUSHOVER = { user_key: "u", token: "t" };
const WECHAT = { api_secret: "s", corp_id: "c", to_user: "@all", agent_id: "1", to_tag: "" };
const SMS = { provider: "http", url: "https://sms.test", json: { text: "{{ value }}" } };

type Case = readonly [name: string, kind: IntegrationKind<never>, entry: object];
const kindOf = (kind: unknown) => kind as IntegrationKind<never>;
const CASES: readonly Case[] = [
  ["dingtalk", kindOf(dingtalkKind), { access_token: "a", at_mobiles: ["1"] }],
  ["dingtalk text", kindOf(dingtalkKind), { access_token: "a", message_type: "text" }],
  ["feishu", kindOf(feishuKind), { url: "https://feishu.test" }],
  ["feishu text", kindOf(feishuKind), { url: "https://feishu.test", message_type: "text" }],
  ["wecom", kindOf(wecomKind), { key: "k" }],
  ["wecom text", kindOf(wecomKind), { key: "k", message_type: "text" }],
  ["wechat", kindOf(wechatKind), { ...WECHAT, to_party: "" }],
  ["telegram", kindOf(telegramKind), CHAT],
  ["telegram plain", kindOf(telegramKind), { ...CHAT, parse_mode: "" }],
  ["discord", kindOf(discordKind), { ...HOOK, username: "u", avatar_url: "https://a.test" }],
  ["msteams", kindOf(msteamsKind), HOOK],
  ["msteamsv2", kindOf(msteamsv2Kind), HOOK],
  ["ntfy", kindOf(ntfyKind), { topic: "t", tags: ["{{ value }}"] }],
  ["pushover", kindOf(pushoverKind), { ...PUSHOVER, url: "" }],
  ["pushover html", kindOf(pushoverKind), { ...PUSHOVER, url: "", html: true }],
  ["sms json", kindOf(smsKind), SMS],
  ["sms form", kindOf(smsKind), { ...SMS, json: undefined, form: { text: "{{ value }}" } }],
];

const TOKEN = '{"errcode":0,"access_token":"token","expires_in":7200}';

/** The body of the message as a structure. */
async function bodyOf(kind: Case[1], entry: object, value: string): Promise<unknown> {
  const bed = new SendBed();
  const { sender, faults } = readWithValue(kind, entry);
  expect(faults).toEqual([]);
  bed.answers = [{ text: TOKEN }];
  await bed.send(sender, notificationWith(value));
  const { body = "", headers = {} } = bed.requests.at(-1) ?? {};
  if (headers["content-type"] === "application/json") return JSON.parse(String(body));
  return Object.fromEntries(new URLSearchParams(String(body)));
}

/** Everything but the texts: names, lengths, numbers. */
function shapeOf(value: unknown): unknown {
  if (typeof value === "string") return "text";
  if (Array.isArray(value)) return value.map(shapeOf);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, shapeOf(one)]));
}

function textsOf(value: unknown): string[] {
  if (typeof value === "string") return [value];
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(textsOf) : [];
}

const PIECES = [
  ..."<>&\"'\\`*_[](){}$%=+;|\r\n\t \u0000\u202e\u200f中é😀".split(""),
  ...["😀", "</b>", "<!channel>", "<@1>", "@everyone", "{{ .Status }}", "](http://x)", '"},"x":{"'],
  ...["a", "b", "1", "<at id=all></at>", "%0a", "\u2028", "__proto__", "&amp;"],
];

test.each(CASES)(
  "%s: a label's value is text in the message and nothing else",
  async (_n, kind, entry) => {
    const usual = shapeOf(await bodyOf(kind, entry, "value"));
    const values = fc
      .array(fc.constantFrom(...PIECES), { minLength: 1, maxLength: 12, size: "max" })
      .map((pieces) => `x${pieces.join("")}y`.replace(/[\ud800-\udfff]/g, ""));
    await fc.assert(
      fc.asyncProperty(values, async (value) => {
        const body = await bodyOf(kind, entry, value);
        expect(shapeOf(body)).toEqual(usual);
        // An invisible space may part what would be markup; a short message is on one line.
        const plain = (text: string) => text.replace(/\u200b/g, "").replace(/[\p{Cc}\s]+/gu, " ");
        const texts = textsOf(body).map(plain);
        const isThere = texts.some((text) =>
          [text, plain(plainOfHtml(text))].some((one) => one.includes(plain(value))),
        );
        expect(isThere).toBe(true);
      }),
      { numRuns: 100 },
    );
  },
);

test.each(CASES)("%s: a value of 100 kB is cut at a whole character", async (_n, kind, entry) => {
  for (const one of ["😀", '"\n', "<b>", "é"]) {
    const body = await bodyOf(kind, entry, one.repeat(100_000 / one.length));
    expect(Buffer.byteLength(JSON.stringify(body))).toBeLessThanOrEqual(28_000);
    for (const text of textsOf(body)) expect(() => encodeURIComponent(text)).not.toThrow();
  }
});

test.each<[Case[1], object, RegExp]>([
  [kindOf(discordKind), HOOK, /@everyone|<@1>/],
  [kindOf(feishuKind), { url: "https://feishu.test", message_type: "text" }, /<at/],
  [kindOf(feishuKind), { url: "https://feishu.test" }, /<at/],
  [kindOf(wecomKind), { key: "k" }, /<@1>/],
  [kindOf(telegramKind), { ...CHAT, parse_mode: "" }, /@everyone/],
])("a label's value mentions nobody (%#)", async (kind, entry, mention) => {
  const value = '<@1> @everyone <at user_id="all">all</at>';
  const texts = textsOf(await bodyOf(kind, entry, value));
  expect(texts.filter((text) => text.includes("everyone"))).not.toEqual([]);
  expect(texts.filter((text) => mention.test(text))).toEqual([]);
});

test("Discord is told to mention nobody", async () => {
  const body = await bodyOf(kindOf(discordKind), HOOK, "x");
  expect(body).toMatchObject({ allowed_mentions: { parse: [] } });
});

const ONE_HOOK = "one of webhook_url or webhook_url_file must be configured";
const BOTH_TOKENS =
  "at most one of telegram_bot_token & telegram_bot_token_file must be configured";
const GLOBAL_TOKENS = { telegram_bot_token: "a", telegram_bot_token_file: "/f" };

test.each<[unknown, object, object, string]>([
  [discordKind, {}, {}, ONE_HOOK],
  [msteamsKind, {}, {}, ONE_HOOK],
  [msteamsv2Kind, {}, {}, ONE_HOOK],
  [
    discordKind,
    { ...HOOK, webhook_url_file: "/f" },
    {},
    "at most one of webhook_url & webhook_url_file must be configured",
  ],
  [discordKind, { webhook_url: "hook" }, {}, "webhook_url must be an http or https URL"],
  [discordKind, { webhook_url_file: "/none" }, {}, "webhook_url_file: /none: no such file"],
  [discordKind, { webhook_url_file: "/empty" }, {}, "the file of webhook_url is empty"],
  [
    telegramKind,
    { chat_id: 1, bot_token_file: "/none" },
    {},
    "bot_token_file: /none: no such file",
  ],
  [
    wechatKind,
    { corp_id: "c" },
    { wechat_api_secret_file: "/empty" },
    "the file of wechat_api_secret is empty",
  ],
  [
    dingtalkKind,
    { access_token: "a", at_user_ids: Array(100).fill("x".repeat(60)) },
    {},
    "at_mobiles and at_user_ids are too long for a message",
  ],
  [discordKind, { ...HOOK, title: "{{ bad }}" }, {}, "title: 1:4: bad action"],
  [telegramKind, { bot_token: "t" }, {}, "missing chat_id or chat_id_file on telegram_config"],
  [telegramKind, { chat_id: 1 }, {}, "missing bot_token or bot_token_file on telegram_config"],
  [telegramKind, { chat_id: 1 }, GLOBAL_TOKENS, BOTH_TOKENS],
  [telegramKind, { bot_token: "t", chat_id_file: "/f" }, {}, "chat_id must be a whole number"],
  [telegramKind, { ...CHAT, message: "{{ bad }}" }, {}, "message: 1:4: bad action"],
  [
    wechatKind,
    {},
    { wechat_api_corp_id: "c" },
    "no global Wechat Api Secret set either inline or in a file",
  ],
  [
    wechatKind,
    { corp_id: "c" },
    { wechat_api_secret: "s", wechat_api_secret_file: "/f" },
    "at most one of wechat_api_secret & wechat_api_secret_file must be configured",
  ],
  [wechatKind, { api_secret: "s" }, {}, "no global Wechat CorpID set"],
  [pushoverKind, { token: "t" }, {}, "one of user_key or user_key_file must be configured"],
  [pushoverKind, { user_key: "u" }, {}, "one of token or token_file must be configured"],
  [
    pushoverKind,
    { ...PUSHOVER, html: true, monospace: true },
    {},
    "at most one of monospace & html must be configured",
  ],
  [pushoverKind, { ...PUSHOVER, retry: "29s" }, {}, "retry: must be at least 30s"],
  [pushoverKind, { ...PUSHOVER, expire: "4h" }, {}, "expire: must be at most 3h"],
  [dingtalkKind, {}, {}, "one of access_token or access_token_file must be configured"],
  [feishuKind, {}, {}, "one of url or url_file must be configured"],
  [wecomKind, {}, {}, "one of key or key_file must be configured"],
  [
    wecomKind,
    { key: "k", mentioned_list: ["@all"] },
    {},
    "mentioned_list and mentioned_mobile_list need message_type: text",
  ],
  [ntfyKind, { topic: "t", token: "a b" }, {}, "token must be ASCII without spaces"],
  [
    ntfyKind,
    { topic: "t", token: "a", http_config: { authorization: { credentials: "x" } } },
    {},
    "at most one of token and http_config's authorization must be configured",
  ],
])("faults of an entry (%#)", (kind, entry, globals, fault) => {
  const files = { "/f": "text of a file", "/empty": " \n" };
  const { faults } = readWithValue(kindOf(kind), entry, { globals, files });
  expect(faults).toEqual([fault]);
});

test.each<[unknown, object, unknown]>([
  [ntfyKind, { topic: "a/b" }, "topic: must be 1 to 64 letters, digits, _ or -"],
  [
    telegramKind,
    { ...CHAT, parse_mode: "XML" },
    expect.stringContaining("unknown parse_mode on telegram_config"),
  ],
  [discordKind, { ...HOOK, colour: "red" }, 'Unrecognized key: "colour"'],
  [dingtalkKind, { message_type: "card" }, expect.stringContaining("message_type")],
])("the schema refuses an entry (%#)", (kind, entry, fault) => {
  expect(schemaFaults(kindOf(kind), entry)).toEqual([fault]);
});

test("both of a pair of global secrets are a fault, whatever the receivers have", () => {
  const { error } = globalsSchema.safeParse(GLOBAL_TOKENS);
  expect(error?.issues.map(({ message }) => message)).toEqual([BOTH_TOKENS]);
});

test("DingTalk's message with many mentions stays below 20,000 bytes", async () => {
  const people = Array.from({ length: 100 }, (_, i) => `user-id-${i}`);
  const entry = { access_token: "a", at_mobiles: people, at_user_ids: people };
  const body = await bodyOf(kindOf(dingtalkKind), entry, "\n中".repeat(20_000));
  const bytes = Buffer.byteLength(JSON.stringify(body));
  expect(bytes).toBeLessThan(20_000);
  expect(bytes).toBeGreaterThan(17_000);
});

test("Telegram's text keeps its format up to 4096 characters, whatever they are", async () => {
  const entry = { ...CHAT, message: "<b>{{ value }}</b>" };
  const body = await bodyOf(kindOf(telegramKind), entry, "😀".repeat(4096));
  expect(body).toMatchObject({ parse_mode: "HTML", text: `<b>${"😀".repeat(4096)}</b>` });
});

test("WeCom is asked for one token when several messages wait for it", async () => {
  const bed = new SendBed();
  const { sender } = readWithValue(wechatKind, { ...WECHAT, to_party: "" });
  bed.answers = [{ text: TOKEN }];
  const answers = await Promise.all([bed.send(sender), bed.send(sender)]);
  expect(answers.map(({ outcome }) => outcome)).toEqual(["delivered", "delivered"]);
  expect(bed.requests.map(({ method }) => method)).toEqual(["GET", "POST", "POST"]);
});
