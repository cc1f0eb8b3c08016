import { OperationalError } from "../errors.ts";
import type { HttpAnswer, HttpRequest, OAuth2Options } from "./http-client.ts";

export type SendFn = (request: HttpRequest, signal: AbortSignal) => Promise<HttpAnswer>;

type Token = { readonly text: string; readonly untilMs: number };

/** A token is not used in its last seconds: it has to be good when the request arrives. */
const MARGIN_MS = 10_000;
const TOKENS_MAX = 64;

/** Access tokens by OAuth 2.0's client credentials grant (RFC 6749, 4.4), kept until they end. */
export class OAuthTokens {
  readonly #tokens = new Map<string, Token>();
  readonly #send: SendFn;
  readonly #nowMs: () => number;

  constructor(send: SendFn, nowMs: () => number) {
    this.#send = send;
    this.#nowMs = nowMs;
  }

  /** @throws OperationalError UNAVAILABLE */
  async token(options: OAuth2Options, signal: AbortSignal): Promise<string> {
    const key = JSON.stringify(options);
    const kept = this.#tokens.get(key);
    if (kept !== undefined && this.#nowMs() < kept.untilMs) return kept.text;
    const token = this.#tokenOf(await this.#ask(options, signal), options);
    const [oldest] = this.#tokens.keys();
    if (oldest !== undefined && this.#tokens.size >= TOKENS_MAX) this.#tokens.delete(oldest);
    this.#tokens.set(key, token);
    return token.text;
  }

  /** The token was refused. */
  drop(options: OAuth2Options): void {
    this.#tokens.delete(JSON.stringify(options));
  }

  /** With the secret in a header, as every server has to take it; then, as many want it, in the form. */
  async #ask(options: OAuth2Options, signal: AbortSignal): Promise<HttpAnswer> {
    const first = await this.#send(tokenRequest(options, "header"), signal);
    const isRefused = first.status === 400 || first.status === 401;
    return isRefused ? await this.#send(tokenRequest(options, "form"), signal) : first;
  }

  #tokenOf({ status, text }: HttpAnswer, { tokenUrl }: OAuth2Options): Token {
    const { host } = new URL(tokenUrl);
    const answer = status === 200 ? parsed(text) : null;
    const token = answer?.["access_token"];
    if (typeof token !== "string" || !/^[\x21-\x7e]+$/.test(token)) {
      throw new OperationalError("UNAVAILABLE", `${host} gave no token, status ${status}`);
    }
    const seconds = Number(answer?.["expires_in"] ?? Number.POSITIVE_INFINITY);
    return { text: token, untilMs: this.#nowMs() + seconds * 1000 - MARGIN_MS };
  }
}

function parsed(text: string): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? { ...value } : null;
  } catch {
    return null;
  }
}

function tokenRequest(options: OAuth2Options, secretIn: "header" | "form"): HttpRequest {
  const { clientId, clientSecret, scopes, parameters, connection } = options;
  const form = new URLSearchParams({ grant_type: "client_credentials", ...parameters });
  if (scopes.length > 0) form.set("scope", scopes.join(" "));
  if (secretIn === "form") {
    form.set("client_id", clientId);
    form.set("client_secret", clientSecret);
  }
  const pair = `${encodeURIComponent(clientId)}:${encodeURIComponent(clientSecret)}`;
  const basic = `Basic ${Buffer.from(pair).toString("base64")}`;
  const authorization = secretIn === "header" ? basic : null;
  return {
    method: "POST",
    url: options.tokenUrl,
    headers: { "content-type": "application/x-www-form-urlencoded", accept: "application/json" },
    body: form.toString(),
    client: { ...connection, authorization, oauth2: null, headers: {}, followRedirects: true },
  };
}
