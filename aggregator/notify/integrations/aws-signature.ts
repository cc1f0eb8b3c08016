/** AWS Signature Version 4 (AWS General Reference, "Signing AWS API requests"). */

import { hmacSha256, percentEncoded, sha256 } from "./signature.ts";

export type AwsKeys = {
  readonly region: string;
  readonly service: string;
  readonly accessKey: string;
  readonly secretKey: string;
};

export type SignedParts = {
  readonly method: string;
  readonly url: URL;
  /** All of them are signed, and `host` and `x-amz-date`; names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
};

/** Headers that are sent besides those that were given. */
export function awsSignature(
  { method, url, headers, body }: SignedParts,
  keys: AwsKeys,
  nowMs: number,
): { readonly authorization: string; readonly "x-amz-date": string } {
  const time = awsTime(nowMs);
  const all = { ...headers, host: url.host, "x-amz-date": time };
  const pairs = Object.entries(all).sort(([a], [b]) => (a < b ? -1 : 1));
  const names = pairs.map(([name]) => name).join(";");
  const lines = pairs.map(([name, value]) => `${name}:${value.trim().replace(/ +/g, " ")}\n`);
  const query = [...url.searchParams].map((pair) => pair.map(percentEncoded).join("=")).sort();
  const canonical = [
    ...[method, url.pathname, query.join("&"), lines.join(""), names, sha256(body)],
  ].join("\n");
  const day = time.slice(0, 8);
  const scope = `${day}/${keys.region}/${keys.service}/aws4_request`;
  const toSign = ["AWS4-HMAC-SHA256", time, scope, sha256(canonical)].join("\n");
  const parts = [day, keys.region, keys.service, "aws4_request"];
  const key = parts.reduce(hmacSha256, Buffer.from(`AWS4${keys.secretKey}`));
  const signature = hmacSha256(key, toSign).toString("hex");
  const credential = `Credential=${keys.accessKey}/${scope}`;
  return {
    authorization: `AWS4-HMAC-SHA256 ${credential}, SignedHeaders=${names}, Signature=${signature}`,
    "x-amz-date": time,
  };
}

/** Such as `20150830T123600Z`. */
function awsTime(timeMs: number): string {
  // biome-ignore lint/style/noRestrictedGlobals: a conversion, reads no clock
  const text = new Date(timeMs).toISOString();
  return text.replace(/[-:]|\.\d+/g, "");
}
