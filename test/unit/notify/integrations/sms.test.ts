import { createHmac } from "node:crypto";
import { expect, test } from "vitest";
import type { Notification } from "../../../../aggregator/model/notification.ts";
import { signedForm } from "../../../../aggregator/notify/integrations/sms/aliyun.ts";
import { smsKind } from "../../../../aggregator/notify/integrations/sms/sms.ts";
import { authorizationOf } from "../../../../aggregator/notify/integrations/sms/tencent.ts";
import { OperationalError } from "../../../../shared/errors.ts";
import type { HttpAnswer } from "../../../../shared/platform/http-client.ts";
import {
  AT_MS,
  notificationWith,
  portsOf,
  readWithValue,
  SendBed,
  schemaFaults,
} from "../../../support/receiver-kind.ts";

// The example of Tencent Cloud's documentation of signature v3, whose key is 32 asterisks.
test("a call is signed as Tencent's documentation has it", () => {
  const body =
    '{"Limit": 1, "Filters": [{"Values": ["\\u672a\\u547d\\u540d"], "Name": "instance-name"}]}';
  const host = "cvm.tencentcloudapi.com";
  const action = "DescribeInstances";
  const stars = "*".repeat(32);
  const call = { host, service: "cvm", action, timestamp: 1_551_113_065, body };
  expect(authorizationOf(call, { id: `AKID${stars}`, secret: stars })).toBe(
    `TC3-HMAC-SHA256 Credential=AKID${stars}/2019-02-25/cvm/tc3_request, ` +
      "SignedHeaders=content-type;host;x-tc-action, " +
      "Signature=10b1a37a7301a02ca19a647ad722d5e43b4b3cff309d421d85b46093f6ab6c4f",
  );
});

// The example of Aliyun's documentation is a GET and ours are POSTs: the query is the same, by which
// the documented signature is found again.
test("a form is signed as Aliyun's documentation has it", () => {
  const fields = {
    ...{ AccessKeyId: "testId", Action: "SendSms", Format: "XML", OutId: "123" },
    ...{ PhoneNumbers: "15300000001", RegionId: "cn-hangzhou", SignName: "阿里云短信测试专用" },
    ...{ TemplateCode: "SMS_71390007", TemplateParam: '{"customer":"test"}' },
    Version: "2017-05-25",
  };
  const nonce = "45e25e9b-0a6f-4070-8c85-2956eda1b466";
  const signing = { secret: "testSecret", nowMs: Date.UTC(2017, 6, 12, 2, 42, 19), nonce };
  const [query = "", signature = ""] = signedForm(fields, signing).split("&Signature=");
  const signed = (method: string) =>
    createHmac("sha1", "testSecret&")
      .update(`${method}&%2F&${encodeURIComponent(query)}`)
      .digest("base64");
  expect(signed("GET")).toBe("zJDF+Lrzhj/ThnlvIToysFRq6t4=");
  expect(decodeURIComponent(signature)).toBe(signed("POST"));
});

test("every character that is not plain is encoded before it is signed", () => {
  const form = signedForm({ A: "a b+c*d~e'(f)!" }, { secret: "s", nowMs: AT_MS, nonce: "n" });
  expect(form).toContain("A=a%20b%2Bc%2Ad~e%27%28f%29%21&SignatureMethod=HMAC-SHA1");
  expect(form).toContain("Timestamp=2026-01-06T12%3A00%3A00Z");
});

const ALIYUN = {
  ...{ provider: "aliyun", to: ["13900000001", "13900000002"], access_key_id: "id" },
  ...{ access_key_secret: "s", sign_name: "Telltale", template_code: "SMS_1" },
};
const TENCENT = {
  ...{ provider: "tencent", to: ["+8613900000001", "+8613900000002"], secret_id: "id" },
  ...{ secret_key: "s", sdk_app_id: "1", sign_name: "Telltale", template_id: "2" },
};
const TWILIO = {
  ...{ provider: "twilio", to: ["+14155550100", "+14155550101"], account_sid: "AC1" },
  ...{ auth_token: "t", from: "+14155550199" },
};

test.each([
  [{ Code: "OK" }, "delivered", null],
  [{ Code: "isv.BUSINESS_LIMIT_CONTROL", Message: "too many" }, "retry", 60_000],
  [{ Code: "isv.MOBILE_NUMBER_ILLEGAL", Message: "no" }, "rejected", null],
  [{ Code: "isv.AMOUNT_NOT_ENOUGH", Message: "no money" }, "retry", null],
])("Aliyun's answer %j is %s", async (body, outcome, retryAfterMs) => {
  const bed = new SendBed();
  bed.answers = [{ status: 400, text: JSON.stringify(body) }];
  const answer = await bed.send(readWithValue(smsKind, ALIYUN).sender);
  expect(answer).toMatchObject({ outcome, retryAfterMs });
});

test("an answer that is not Aliyun's is tried again", async () => {
  const bed = new SendBed();
  bed.answers = [{ status: 200, text: "<html>log in to the network</html>" }];
  const answer = await bed.send(readWithValue(smsKind, ALIYUN).sender);
  expect(answer).toMatchObject({ outcome: "retry", text: expect.stringContaining("log in") });
});

const tencentAnswer = (...codes: string[]) => {
  const set = codes.map((code) => ({ Code: code, Message: "m" }));
  return { text: JSON.stringify({ Response: { SendStatusSet: set } }) };
};

test("what one number waits for is sent to it alone", async () => {
  const bed = new SendBed();
  bed.answers = [
    tencentAnswer("Ok", "LimitExceeded.PhoneNumberThirtySecondLimit"),
    tencentAnswer("Ok"),
  ];
  const { sender } = readWithValue(smsKind, TENCENT);
  expect(await bed.send(sender)).toMatchObject({ outcome: "retry", retryAfterMs: 60_000 });
  expect(await bed.send(sender)).toMatchObject({ outcome: "delivered" });
  const sets = bed.requests.map(({ body }) => JSON.parse(String(body)).PhoneNumberSet);
  expect(sets).toEqual([TENCENT.to, ["+8613900000002"]]);
});

test("the next notification goes to all numbers", async () => {
  const bed = new SendBed();
  bed.answers = [tencentAnswer("Ok", "Ok"), tencentAnswer("Ok", "Ok")];
  const { sender } = readWithValue(smsKind, TENCENT);
  await bed.send(sender);
  await bed.send(sender, { ...notificationWith("x"), timeMs: AT_MS + 1 });
  const sets = bed.requests.map(({ body }) => JSON.parse(String(body)).PhoneNumberSet);
  expect(sets).toEqual([TENCENT.to, TENCENT.to]);
});

test.each([
  [["Ok", "InvalidParameterValue.IncorrectPhoneNumber"], "delivered"],
  [["InvalidParameterValue.A", "FailedOperation.ContainSensitiveWord"], "rejected"],
  [["InvalidParameterValue.A", "InternalError.Timeout"], "retry"],
])("statuses %j of numbers are %s", async (codes, outcome) => {
  const bed = new SendBed();
  bed.answers = [tencentAnswer(...codes)];
  expect(await bed.send(readWithValue(smsKind, TENCENT).sender)).toMatchObject({ outcome });
});

test("an error of the whole call is Tencent's answer for all", async () => {
  const bed = new SendBed();
  const error = { Code: "AuthFailure.SignatureExpire", Message: "clock" };
  bed.answers = [{ text: JSON.stringify({ Response: { Error: error } }) }];
  const text = "AuthFailure.SignatureExpire: clock";
  expect(await bed.send(readWithValue(smsKind, TENCENT).sender)).toMatchObject({
    outcome: "retry",
    text,
  });
});

test("Twilio is asked once a number, with a text of 300 characters on one line", async () => {
  const bed = new SendBed();
  bed.answers = [{ status: 201, text: "{}" }, { status: 500 }, { status: 201 }];
  const { sender } = readWithValue(smsKind, TWILIO);
  const notification = notificationWith(`a\r\n${"x".repeat(10_000)}`);
  expect(await bed.send(sender, notification)).toMatchObject({ outcome: "retry" });
  expect(await bed.send(sender, notification)).toMatchObject({ outcome: "delivered" });
  const forms = bed.requests.map(({ body }) => new URLSearchParams(String(body)));
  expect(forms.map((form) => form.get("To"))).toEqual([...TWILIO.to, "+14155550101"]);
  expect(forms[0]?.get("Body")).toBe(`a ${"x".repeat(297)}…`);
  expect(bed.requests[0]?.client.authorization).toBe("Basic QUMxOnQ=");
});

test("whom Twilio sent to before a request failed gets no second message", async () => {
  const sender = readWithValue(smsKind, TWILIO).sender;
  const to: (string | null)[] = [];
  const ports = portsOf(async ({ body }) => {
    to.push(new URLSearchParams(String(body)).get("To"));
    if (to.length === 2) throw new OperationalError("UNAVAILABLE", "api.twilio.com: away");
    return { status: 201, text: "{}", retryAfterMs: null };
  });
  const send = () => sender.send(notificationWith("x"), ports, new AbortController().signal);
  await expect(send()).rejects.toMatchObject({ code: "UNAVAILABLE" });
  expect(await send()).toMatchObject({ outcome: "delivered" });
  const [first, second] = TWILIO.to;
  expect(to).toEqual([first, second, second]);
});

test("a message of one group does not count as sent because another's was", async () => {
  const sender = readWithValue(smsKind, TENCENT).sender;
  const asked: { readonly to: unknown; readonly answer: (answer: HttpAnswer) => void }[] = [];
  const ports = portsOf(({ body }) => {
    const to = JSON.parse(String(body)).PhoneNumberSet;
    return new Promise((answer) => asked.push({ to, answer }));
  });
  const send = (one: Notification) => sender.send(one, ports, new AbortController().signal);
  const answer = (i: number, ...codes: string[]) =>
    asked[i]?.answer({ status: 200, retryAfterMs: null, ...tencentAnswer(...codes) });
  const other = { ...notificationWith("y"), groupKey: "{}:{}" };
  const [ofFirst, ofOther] = [send(notificationWith("x")), send(other)];
  answer(1, "InternalError", "InternalError");
  answer(0, "Ok", "InternalError");
  const outcomes = [(await ofFirst).outcome, (await ofOther).outcome];
  expect(outcomes).toEqual(["retry", "retry"]);
  const again = send(other);
  answer(2, "Ok", "Ok");
  expect(await again).toMatchObject({ outcome: "delivered" });
  expect(asked[2]?.to).toEqual(TENCENT.to);
});

test("a number that Tencent says nothing of is tried again", async () => {
  const bed = new SendBed();
  bed.answers = [tencentAnswer("Ok")];
  const answer = await bed.send(readWithValue(smsKind, TENCENT).sender);
  expect(answer).toMatchObject({ outcome: "retry", text: expect.stringMatching(/^Ok; 200: \{/) });
});

const GATEWAY = { provider: "http", url: "http://gateway.test/send?k=1" };

test("a gateway's JSON has its texts filled in, and nothing of a value is structure", async () => {
  const bed = new SendBed();
  const token = "t".repeat(400);
  const json = { to: ["+1"], token, n: 1, msg: { text: "{{ template }}", ok: true, no: null } };
  const value = '"},"to":["+2"],"x":{"a\\';
  await bed.send(readWithValue(smsKind, { ...GATEWAY, json }).sender, notificationWith(value));
  const { body = "", url } = bed.requests[0] ?? {};
  expect(JSON.parse(String(body))).toEqual({ ...json, msg: { ...json.msg, text: value } });
  expect(url).toBe(GATEWAY.url);
});

test("a gateway's form is the body of a POST, and the query of a GET", async () => {
  const bed = new SendBed();
  const form = { mobile: "+1", content: "{{ template }}" };
  for (const method of ["POST", "GET"]) {
    const { sender } = readWithValue(smsKind, { ...GATEWAY, method, form });
    await bed.send(sender, notificationWith("a&mobile=+2 ä"));
  }
  const encoded = "mobile=%2B1&content=a%26mobile%3D%2B2+%C3%A4";
  expect(bed.requests).toMatchObject([
    { method: "POST", url: GATEWAY.url, body: encoded },
    { method: "GET", url: `${GATEWAY.url}&${encoded}`, body: "" },
  ]);
});

test.each([
  [{ ...GATEWAY }, "one of form and json must be configured"],
  [{ ...GATEWAY, form: {}, json: {} }, "one of form and json must be configured"],
  [{ ...GATEWAY, method: "GET", json: {} }, "json needs method POST or PUT"],
  [{ provider: "http", form: {} }, "one of url or url_file must be configured"],
  [{ ...GATEWAY, form: { a: "{{ bad }}" } }, "form.a: 1:4: bad action"],
  [{ ...TWILIO, auth_token: undefined }, "one of auth_token or auth_token_file must be configured"],
  [{ ...ALIYUN, api_url: "ftp://x" }, "api_url must be an http or https URL"],
])("of %j it says: %s", (entry, fault) => {
  expect(readWithValue(smsKind, entry).faults).toEqual([fault]);
});

test.each([
  [{ ...TWILIO, to: ["call me"] }, "to.0: must be a phone number such as +14155550100"],
  [{ ...TWILIO, account_sid: "../x" }, "account_sid: must be letters and digits"],
  [{ ...TWILIO, provider: "pigeon" }, expect.stringContaining("provider")],
])("the schema refuses %j", (entry, fault) => {
  expect(schemaFaults(smsKind, entry)).toEqual([fault]);
});
