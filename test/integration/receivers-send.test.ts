import { createHash, createHmac } from "node:crypto";
import { expect, onTestFinished, test } from "vitest";
import type { Notification } from "../../aggregator/model/notification.ts";
import { dingtalkKind } from "../../aggregator/notify/integrations/dingtalk.ts";
import { discordKind } from "../../aggregator/notify/integrations/discord.ts";
import { emailKind } from "../../aggregator/notify/integrations/email.ts";
import { feishuKind } from "../../aggregator/notify/integrations/feishu.ts";
import type {
  IntegrationKind,
  SendPorts,
} from "../../aggregator/notify/integrations/integration.ts";
import { msteamsKind } from "../../aggregator/notify/integrations/msteams.ts";
import { msteamsv2Kind } from "../../aggregator/notify/integrations/msteamsv2.ts";
import { ntfyKind } from "../../aggregator/notify/integrations/ntfy.ts";
import { pushoverKind } from "../../aggregator/notify/integrations/pushover.ts";
import { smsKind } from "../../aggregator/notify/integrations/sms/sms.ts";
import { telegramKind } from "../../aggregator/notify/integrations/telegram.ts";
import { wechatKind } from "../../aggregator/notify/integrations/wechat.ts";
import { wecomKind } from "../../aggregator/notify/integrations/wecom.ts";
import { HttpRequests } from "../../shared/platform/http-request.ts";
import { sendMail } from "../../shared/platform/send-mail.ts";
import { type Answer, answerWith, HttpReceiver, type Received } from "../support/http-receiver.ts";
import { AT_MS, notificationWith, portsOf, readWithValue } from "../support/receiver-kind.ts";
import { SmtpReceiver } from "../support/smtp-receiver.ts";
import { testCertificate } from "../support/test-certificate.ts";

async function receiver(answer: Answer) {
  const there = await HttpReceiver.open(answer);
  onTestFinished(() => there[Symbol.asyncDispose]());
  return there;
}

/** @param origin where every request goes, for a service whose address is not a setting */
function portsTo(origin: string | null = null): SendPorts {
  const requests = new HttpRequests(() => AT_MS, {});
  onTestFinished(() => requests[Symbol.asyncDispose]());
  const to = (url: string) => (origin === null ? url : origin + new URL(url).pathname);
  return portsOf(
    (request, signal) => requests.request({ ...request, url: to(request.url) }, signal),
    sendMail,
  );
}

async function send<Raw>(
  kind: IntegrationKind<Raw>,
  entry: object,
  notification: Notification = notificationWith("value"),
  ports = portsTo(),
) {
  const { sender, faults } = readWithValue(kind, entry);
  expect(faults).toEqual([]);
  return await sender.send(notification, ports, AbortSignal.timeout(10_000));
}

const queryOf = ({ target }: Received) => new URL(target, "http://x").searchParams;
const pathOf = ({ target }: Received) => new URL(target, "http://x").pathname;
const hmacSha256 = (key: string | Buffer, text: string) =>
  createHmac("sha256", key).update(text).digest();
const ok = (body: object) => answerWith(200, JSON.stringify(body));
const DELIVERED = { outcome: "delivered" };

/** A service that checks each request, and says what is wrong with it. */
const checked =
  (isRight: (request: Received) => boolean, right: object, wrong: object): Answer =>
  (request, response) =>
    response.end(JSON.stringify(isRight(request) ? right : wrong));

test("DingTalk checks the time and its signature, and gets Markdown with its mentions", async () => {
  const isSigned = (request: Received) => {
    const query = queryOf(request);
    const time = query.get("timestamp") ?? "";
    const sign = hmacSha256("SECabc", `${time}\nSECabc`).toString("base64");
    return time === String(AT_MS) && query.get("sign") === sign;
  };
  const there = await receiver(
    checked(isSigned, { errcode: 0, errmsg: "ok" }, { errcode: 310_000, errmsg: "sign not match" }),
  );
  const entry = {
    ...{ url: `${there.url}/robot/send`, access_token: "tok+en", secret: "SECabc" },
    ...{ at_mobiles: ["13900000001"], at_user_ids: ["u1"] },
  };
  expect(await send(dingtalkKind, entry)).toMatchObject(DELIVERED);
  expect(pathOf(there.last)).toBe("/robot/send");
  expect(queryOf(there.last).get("access_token")).toBe("tok+en");
  expect(there.json).toEqual({
    msgtype: "markdown",
    markdown: { title: "value", text: "value\n\n@13900000001 @u1" },
    at: { atMobiles: ["13900000001"], atUserIds: ["u1"], isAtAll: false },
  });
  const wrong = await send(dingtalkKind, { ...entry, secret: "SECother" });
  expect(wrong).toEqual({ outcome: "retry", text: "310000: sign not match", retryAfterMs: null });
});

test("DingTalk's message stays below 20,000 bytes", async () => {
  const there = await receiver(ok({ errcode: 0 }));
  await send(
    dingtalkKind,
    { url: there.url, access_token: "t" },
    notificationWith("\n中".repeat(20_000)),
  );
  expect(Buffer.byteLength(there.last.body)).toBeLessThan(20_000);
  expect(Buffer.byteLength(there.last.body)).toBeGreaterThan(17_000);
});

test.each([
  [{ errcode: 130_101, errmsg: "send too fast" }, "retry", 60_000],
  [{ errcode: 410_100, errmsg: "limited" }, "retry", 60_000],
  [{ errcode: 460_101, errmsg: "too long" }, "rejected", null],
  [{ errcode: 300_001, errmsg: "token is not exist" }, "retry", null],
  ["<html>gateway</html>", "retry", null],
])("DingTalk's answer %j is %s", async (body, outcome, retryAfterMs) => {
  const there = await receiver(
    answerWith(200, typeof body === "string" ? body : JSON.stringify(body)),
  );
  const answer = await send(dingtalkKind, { url: there.url, access_token: "t" });
  expect(answer).toMatchObject({ outcome, retryAfterMs });
});

test("Feishu checks the signature of its kind, and gets a card of the status' colour", async () => {
  const isSigned = ({ body }: Received) => {
    const { timestamp, sign } = JSON.parse(body);
    const expected = hmacSha256(`${timestamp}\ns3`, "").toString("base64");
    return timestamp === String(AT_MS / 1000) && sign === expected;
  };
  const there = await receiver(
    checked(isSigned, { code: 0, msg: "success" }, { code: 19_021, msg: "sign match fail" }),
  );
  const entry = { url: `${there.url}/open-apis/bot/v2/hook/x`, secret: "s3" };
  expect(await send(feishuKind, entry)).toMatchObject(DELIVERED);
  expect(there.json).toMatchObject({
    msg_type: "interactive",
    card: {
      header: { template: "red", title: { tag: "plain_text", content: "value" } },
      elements: [{ tag: "markdown", content: "value" }],
    },
  });
  await send(feishuKind, entry, notificationWith("v", "resolved"));
  expect(there.json.card.header.template).toBe("green");
  const wrong = await send(feishuKind, { ...entry, secret: "other" });
  expect(wrong).toMatchObject({ outcome: "retry", text: "19021: sign match fail" });
});

test("Feishu gets a text within 20 kB, and its older answer is understood", async () => {
  const there = await receiver(ok({ StatusCode: 0, StatusMessage: "success" }));
  const entry = { url: there.url, message_type: "text" };
  expect(await send(feishuKind, entry, notificationWith('"x'.repeat(50_000)))).toMatchObject(
    DELIVERED,
  );
  expect(there.json).toMatchObject({ msg_type: "text" });
  expect(Buffer.byteLength(there.last.body)).toBeLessThan(20_000);
});

test.each([
  [200, { code: 11_232, msg: "frequency limited" }, "retry", 60_000],
  [400, { code: 9499, msg: "Bad Request" }, "rejected", null],
  [400, { code: 19_024, msg: "Key Words Not Found" }, "retry", null],
])("Feishu's answer %d %j is %s", async (status, body, outcome, retryAfterMs) => {
  const there = await receiver(answerWith(status, JSON.stringify(body)));
  expect(await send(feishuKind, { url: there.url })).toMatchObject({ outcome, retryAfterMs });
});

test("WeCom's robot gets its key in the query, and Markdown of 4096 bytes", async () => {
  const there = await receiver(ok({ errcode: 0, errmsg: "ok" }));
  const entry = { url: `${there.url}/cgi-bin/webhook/send`, key: "k-1" };
  expect(await send(wecomKind, entry, notificationWith("中".repeat(5000)))).toMatchObject(
    DELIVERED,
  );
  expect(there.last.target).toBe("/cgi-bin/webhook/send?key=k-1");
  expect(there.json.msgtype).toBe("markdown");
  expect(Buffer.byteLength(there.json.markdown.content)).toBe(4095);
});

test("WeCom's robot mentions who is listed, in a text", async () => {
  const there = await receiver(ok({ errcode: 45_009, errmsg: "api freq out of limit" }));
  const lists = { mentioned_list: ["@all"], mentioned_mobile_list: ["13900000001"] };
  const entry = { url: there.url, key: "k", message_type: "text", ...lists };
  expect(await send(wecomKind, entry)).toMatchObject({ outcome: "retry", retryAfterMs: 60_000 });
  expect(there.json).toEqual({ msgtype: "text", text: { content: "value", ...lists } });
});

test("a WeCom application asks for a token once, and again when it is refused", async () => {
  let tokens = 0;
  const there = await receiver((request, response) => {
    if (pathOf(request) === "/cgi-bin/gettoken") {
      tokens += 1;
      const body = { errcode: 0, errmsg: "ok", access_token: `t${tokens}`, expires_in: 7200 };
      response.end(JSON.stringify(body));
    } else {
      const isGood = queryOf(request).get("access_token") !== "t1" || there.got.length < 4;
      response.end(JSON.stringify({ errcode: isGood ? 0 : 42_001, errmsg: "expired" }));
    }
  });
  const { sender, faults } = readWithValue(wechatKind, {
    ...{
      api_url: `${there.url}/cgi-bin/`,
      api_secret: "s&3",
      corp_id: "corp",
      agent_id: "1000002",
    },
    ...{ to_user: "u1|u2", to_party: "", to_tag: "", message_type: "markdown" },
  });
  expect(faults).toEqual([]);
  const ports = portsTo();
  const outcomes: string[] = [];
  for (let i = 0; i < 4; i += 1) {
    const signal = AbortSignal.timeout(10_000);
    outcomes.push((await sender.send(notificationWith("value"), ports, signal)).outcome);
  }
  expect(outcomes).toEqual(["delivered", "delivered", "retry", "delivered"]);
  expect(there.got.map(({ method, target }) => `${method} ${target}`)).toEqual([
    "GET /cgi-bin/gettoken?corpid=corp&corpsecret=s%263",
    "POST /cgi-bin/message/send?access_token=t1",
    "POST /cgi-bin/message/send?access_token=t1",
    "POST /cgi-bin/message/send?access_token=t1",
    "GET /cgi-bin/gettoken?corpid=corp&corpsecret=s%263",
    "POST /cgi-bin/message/send?access_token=t2",
  ]);
  expect(there.json).toEqual({
    ...{ touser: "u1|u2", toparty: "", totag: "", agentid: "1000002", safe: "0" },
    ...{ msgtype: "markdown", markdown: { content: "value" } },
  });
});

test("a WeCom application without a token sends nothing", async () => {
  const there = await receiver(ok({ errcode: 40_001, errmsg: "invalid credential" }));
  const texts = { to_user: "u", to_party: "", to_tag: "", agent_id: "1" };
  const entry = { api_url: there.url, api_secret: "s", corp_id: "c", ...texts };
  expect(await send(wechatKind, entry)).toEqual({
    ...{ outcome: "retry", text: "no access token: 40001: invalid credential", retryAfterMs: null },
  });
  expect(there.got).toHaveLength(1);
});

test("Aliyun checks the signature over all fields of the form", async () => {
  const encoded = (text: string) =>
    encodeURIComponent(text).replace(
      /[!'()*]/g,
      (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`,
    );
  const isSigned = ({ body }: Received) => {
    const form = new URLSearchParams(body);
    const given = form.get("Signature");
    form.delete("Signature");
    const pairs = [...form].sort(([a], [b]) => (a < b ? -1 : 1));
    const query = pairs.map(([name, value]) => `${encoded(name)}=${encoded(value)}`).join("&");
    const text = `POST&%2F&${encoded(query)}`;
    return createHmac("sha1", "s3&").update(text).digest("base64") === given;
  };
  const there = await receiver(
    checked(isSigned, { Code: "OK" }, { Code: "SignatureDoesNotMatch" }),
  );
  const entry = {
    ...{ provider: "aliyun", api_url: there.url, to: ["13900000001", "13900000002"] },
    ...{ access_key_id: "id", access_key_secret: "s3", sign_name: "名", template_code: "SMS_1" },
    template_params: { what: "{{ value }}", fixed: "it's (a) *" },
  };
  expect(await send(smsKind, entry)).toMatchObject(DELIVERED);
  expect(Object.fromEntries(new URLSearchParams(there.last.body))).toMatchObject({
    ...{ Action: "SendSms", Version: "2017-05-25", AccessKeyId: "id", SignName: "名" },
    ...{ PhoneNumbers: "13900000001,13900000002", TemplateCode: "SMS_1" },
    ...{
      TemplateParam: '{"what":"value","fixed":"it\'s (a) *"}',
      Timestamp: "2026-01-06T12:00:00Z",
    },
  });
  const wrong = await send(smsKind, { ...entry, access_key_secret: "other" });
  expect(wrong).toMatchObject({ outcome: "retry", text: "SignatureDoesNotMatch" });
});

test("Tencent checks the signature over host, action and body", async () => {
  const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");
  const isSigned = ({ headers, body }: Received) => {
    const canonical =
      `POST\n/\n\ncontent-type:${headers["content-type"]}\nhost:${headers.host}\n` +
      `x-tc-action:sendsms\n\ncontent-type;host;x-tc-action\n${sha256(body)}`;
    const time = headers["x-tc-timestamp"];
    const text = `TC3-HMAC-SHA256\n${time}\n2026-01-06/sms/tc3_request\n${sha256(canonical)}`;
    const day = hmacSha256("TC3s3", "2026-01-06");
    const key = hmacSha256(hmacSha256(day, "sms"), "tc3_request");
    const signature = hmacSha256(key, text).toString("hex");
    return headers.authorization?.endsWith(`Signature=${signature}`) === true;
  };
  const right = { Response: { SendStatusSet: [{ Code: "Ok" }], RequestId: "r" } };
  const wrong = { Response: { Error: { Code: "AuthFailure", Message: "signature" } } };
  const there = await receiver(checked(isSigned, right, wrong));
  const entry = {
    ...{ provider: "tencent", api_url: there.url, to: ["+8613900000001"], secret_id: "id" },
    ...{ secret_key: "s3", sdk_app_id: "14", sign_name: "名", template_id: "7" },
  };
  expect(await send(smsKind, entry)).toMatchObject(DELIVERED);
  expect(there.last.headers).toMatchObject({
    ...{ "x-tc-action": "SendSms", "x-tc-version": "2021-01-11", "x-tc-region": "ap-guangzhou" },
  });
  expect(there.json).toEqual({
    ...{ PhoneNumberSet: ["+8613900000001"], SmsSdkAppId: "14", SignName: "名" },
    ...{ TemplateId: "7", TemplateParamSet: ["value"] },
  });
  const other = await send(smsKind, { ...entry, secret_key: "other" });
  expect(other).toMatchObject({ outcome: "retry", text: "AuthFailure: signature" });
});

test("Twilio gets a form with its own way to log in", async () => {
  const there = await receiver(answerWith(201, "{}"));
  const entry = {
    ...{ provider: "twilio", api_url: there.url, to: ["+14155550100"], account_sid: "AC1" },
    ...{ auth_token: "t:3", from: "+14155550199" },
  };
  expect(await send(smsKind, entry)).toMatchObject(DELIVERED);
  const { target, headers, body } = there.last;
  expect(target).toBe("/2010-04-01/Accounts/AC1/Messages.json");
  expect(headers.authorization).toBe(`Basic ${Buffer.from("AC1:t:3").toString("base64")}`);
  expect(headers["content-type"]).toBe("application/x-www-form-urlencoded");
  expect(body).toBe("To=%2B14155550100&From=%2B14155550199&Body=value");
  there.answer = answerWith(400, '{"code":21211,"message":"The To number is not valid"}');
  expect(await send(smsKind, entry)).toMatchObject({
    ...{ outcome: "rejected", text: "400: The To number is not valid" },
  });
});

test("any gateway gets the form that the entry describes", async () => {
  const there = await receiver(answerWith(200, "queued"));
  const entry = {
    ...{ provider: "http", url: `${there.url}/send`, form: { to: "1", text: "{{ value }}" } },
    http_config: { http_headers: { "X-Key": { secrets: ["k"] } } },
  };
  expect(await send(smsKind, entry)).toMatchObject(DELIVERED);
  expect(there.last).toMatchObject({ method: "POST", target: "/send", body: "to=1&text=value" });
  expect(there.last.headers["x-key"]).toBe("k");
});

test("Telegram's bot gets HTML in which values are escaped, in its topic", async () => {
  const there = await receiver(ok({ ok: true, result: {} }));
  const entry = {
    ...{ api_url: there.url, bot_token: "1:t", chat_id: -1_001_234_567_890, message_thread_id: 4 },
    ...{ message: "<b>{{ value }}</b>", disable_notifications: true },
  };
  expect(await send(telegramKind, entry, notificationWith("<i>&"))).toMatchObject(DELIVERED);
  expect(there.last.target).toBe("/bot1:t/sendMessage");
  expect(there.json).toEqual({
    ...{ chat_id: "-1001234567890", message_thread_id: 4, parse_mode: "HTML" },
    ...{ disable_notification: true, link_preview_options: { is_disabled: true } },
    text: "<b>&#60;\u200bi&#62;&#38;</b>",
  });
});

test("a text that is too long for Telegram is cut, and has no tags that stay open", async () => {
  const there = await receiver(ok({ ok: true }));
  const entry = { api_url: there.url, bot_token: "t", chat_id: 1, message: "<b>{{ value }}</b>" };
  await send(telegramKind, entry, notificationWith("&".repeat(5000)));
  expect(there.json).toMatchObject({ text: `${"&".repeat(4095)}…` });
  expect(there.json.parse_mode).toBeUndefined();
  await send(telegramKind, entry, notificationWith("&".repeat(4096)));
  expect(there.json.parse_mode).toBe("HTML");
});

test.each([
  [
    429,
    { ok: false, error_code: 429, description: "Too Many", parameters: { retry_after: 7 } },
    "retry",
    7000,
  ],
  [400, { ok: false, error_code: 400, description: "can't parse entities" }, "rejected", null],
  [401, { ok: false, error_code: 401, description: "Unauthorized" }, "retry", null],
  [200, { ok: false, description: "odd" }, "retry", null],
  [200, {}, "retry", null],
])("Telegram's answer %d %j is %s", async (status, body, outcome, retryAfterMs) => {
  const there = await receiver(answerWith(status, JSON.stringify(body)));
  const answer = await send(telegramKind, {
    api_url: there.url,
    bot_token: "1:secret",
    chat_id: 1,
  });
  expect(answer).toMatchObject({ outcome, retryAfterMs });
  expect(answer.text).not.toContain("secret");
});

test("Discord gets an embed within its limits", async () => {
  const there = await receiver(answerWith(204));
  const entry = { webhook_url: `${there.url}/api/webhooks/1/t`, username: "Telltale" };
  expect(await send(discordKind, entry, notificationWith("x".repeat(9000)))).toMatchObject(
    DELIVERED,
  );
  const { content, embeds, allowed_mentions, username } = there.json;
  expect([content.length, embeds[0].title.length, embeds[0].description.length]).toEqual([
    2000, 256, 4096,
  ]);
  expect({ allowed_mentions, username }).toEqual({
    allowed_mentions: { parse: [] },
    username: "Telltale",
  });
});

test("Discord says when it wants to be left alone", async () => {
  const there = await receiver(answerWith(429, '{"retry_after":2.5}', { "retry-after": "3" }));
  const answer = await send(discordKind, { webhook_url: there.url });
  expect(answer).toMatchObject({ outcome: "retry", retryAfterMs: 3000 });
});

test("Teams' connector gets a MessageCard, and its 200 is read", async () => {
  const there = await receiver(answerWith(200, "1"));
  const entry = { webhook_url: there.url };
  expect(await send(msteamsKind, entry)).toMatchObject(DELIVERED);
  expect(there.json).toEqual({
    ...{ "@context": "http://schema.org/extensions", "@type": "MessageCard", themeColor: "D92D20" },
    ...{ title: "value", summary: "value", text: "value" },
  });
  const failed =
    "Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error";
  there.answer = answerWith(200, `${failed} 429 with ContextId x`);
  expect(await send(msteamsKind, entry)).toMatchObject({ outcome: "retry" });
  there.answer = answerWith(200, `${failed} 413 with ContextId x`);
  expect(await send(msteamsKind, entry)).toMatchObject({ outcome: "rejected" });
});

test("Teams' workflow gets an Adaptive Card within 28 KB", async () => {
  const there = await receiver(answerWith(202));
  const entry = { webhook_url: there.url };
  expect(await send(msteamsv2Kind, entry, notificationWith('"'.repeat(50_000)))).toMatchObject(
    DELIVERED,
  );
  expect(Buffer.byteLength(there.last.body)).toBeLessThan(28_000);
  await send(msteamsv2Kind, entry, notificationWith("v", "resolved"));
  const [{ contentType, content }] = there.json.attachments;
  expect(contentType).toBe("application/vnd.microsoft.card.adaptive");
  expect(content).toMatchObject({ type: "AdaptiveCard", version: "1.4" });
  expect(content.body).toMatchObject([
    { type: "TextBlock", text: "v", color: "Good", wrap: true },
    { type: "TextBlock", text: "v", wrap: true },
  ]);
});

test("ntfy gets JSON at its root, with a token", async () => {
  const there = await receiver(ok({ id: "x" }));
  const entry = { url: there.url, topic: "ops", token: "tk_1", tags: ["warning", "{{ value }}"] };
  expect(await send(ntfyKind, entry, notificationWith("a,b"))).toMatchObject(DELIVERED);
  expect(there.last).toMatchObject({ method: "POST", target: "/" });
  expect(there.last.headers.authorization).toBe("Bearer tk_1");
  expect(there.json).toEqual({
    ...{ topic: "ops", title: "a,b", message: "a,b", priority: 3, tags: ["warning", "a,b"] },
  });
  for (const [priority, expected] of [
    ["urgent", 5],
    ["2", 2],
    ["{{ value }}", 3],
    ["9", 3],
  ]) {
    await send(ntfyKind, { ...entry, priority });
    expect(there.json.priority).toBe(expected);
  }
});

test("Pushover gets a form, whose emergency has a repetition", async () => {
  const there = await receiver(ok({ status: 1 }));
  const entry = {
    ...{ user_key: "u", token: "t", priority: "2", retry: "30s", expire: "10m", ttl: "1h" },
    ...{ url: "http://x/?a=1&b=2", url_title: "Source", device: "phone", sound: "siren" },
  };
  const to = portsTo(there.url);
  expect(await send(pushoverKind, entry, notificationWith("x".repeat(2000)), to)).toMatchObject(
    DELIVERED,
  );
  expect(there.last.target).toBe("/1/messages.json");
  expect(Object.fromEntries(new URLSearchParams(there.last.body))).toEqual({
    ...{ token: "t", user: "u", priority: "2", retry: "30", expire: "600", ttl: "3600" },
    ...{ url: "http://x/?a=1&b=2", url_title: "Source", device: "phone", sound: "siren" },
    ...{ title: `${"x".repeat(249)}…`, message: `${"x".repeat(1023)}…` },
  });
});

test("Pushover's HTML has escaped values, its usual priority no repetition", async () => {
  const there = await receiver(answerWith(400, '{"status":0,"errors":["user is invalid"]}'));
  const entry = { ...{ user_key: "u", token: "t", html: true, url: "" }, priority: "{{ value }}" };
  const answer = await send(pushoverKind, entry, notificationWith("<b>"), portsTo(there.url));
  expect(answer).toMatchObject({
    outcome: "rejected",
    text: expect.stringContaining("user is invalid"),
  });
  expect(Object.fromEntries(new URLSearchParams(there.last.body))).toEqual({
    ...{ token: "t", user: "u", title: "<b>", message: "&#60;b&#62;", html: "1", priority: "0" },
  });
});

test("a mail goes through STARTTLS and a login to several recipients", async () => {
  const tls = await testCertificate("mail.test");
  const there = await SmtpReceiver.open({
    tls,
    auth: ["PLAIN"],
    isKnown: ({ password }) => password === "p",
  });
  onTestFinished(() => there[Symbol.asyncDispose]());
  const entry = {
    ...{ to: "a@example.org, B <b@example.org>", from: "Telltale <t@example.org>" },
    ...{ smarthost: `127.0.0.1:${there.port}`, auth_username: "u", auth_password: "p" },
    ...{
      tls_config: { ca: tls.cert, server_name: "mail.test" },
      headers: { "X-Team": "{{ value }}" },
    },
  };
  const value = "down\r\nBcc: evil@example.org\r\n\r\n<script>";
  expect(await send(emailKind, entry, notificationWith(value))).toMatchObject({
    ...{ outcome: "delivered", text: "250 2.0.0 queued as 1" },
  });
  const [mail] = there.mails;
  expect(mail).toMatchObject({
    ...{ from: "t@example.org", to: ["a@example.org", "b@example.org"], isEncrypted: true },
  });
  const [head = ""] = mail?.data.split("\r\n\r\n") ?? [];
  expect(head).not.toMatch(/^Bcc/im);
  expect(head).toMatch(/^Subject: down Bcc: evil@example\.org <script>$/m);
  expect(mail?.data).toContain("&#60;script&#62;");
});
