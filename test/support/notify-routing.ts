import type {
  Integration,
  SendAnswer,
  Sender,
} from "../../aggregator/notify/integrations/integration.ts";
import type { NotifyConfig, Route } from "../../aggregator/notify/routing.ts";

type IntegrationParts = Partial<Pick<Integration, "sendsResolved" | "timeoutMs" | "perMinuteMax">>;

const EVERYTHING = { matchers: [], matches: () => true };
const TLS = { ca: null, cert: null, key: null, serverName: null, skipsVerification: false };
const CLIENT = {
  ...{ authorization: null, oauth2: null, headers: {}, followRedirects: true, proxyUrl: null },
  ...{ noProxy: "", proxyFromEnvironment: false, proxyHeaders: {} },
  tls: { ...TLS, minVersion: null, maxVersion: null },
};

/** An integration that posts the notification as it is; `name` is its receiver's, and its index. */
export function hook(
  name: string,
  { sendsResolved = true, timeoutMs = 5000, perMinuteMax = null }: IntegrationParts = {},
  url = `http://${name}/`,
): Integration {
  const [receiver = "", index = "0"] = name.split(" ");
  const sender: Sender = {
    ...{ sendsResolved, timeoutMs, perMinuteMax },
    send: async (notification, ports, signal): Promise<SendAnswer> => {
      const body = JSON.stringify(notification);
      const request = { method: "POST", url, headers: {}, body, client: CLIENT } as const;
      const { status, text, retryAfterMs } = await ports.request(request, signal);
      const isFinal = [400, 413, 422].includes(status);
      const outcome = status < 300 ? "delivered" : isFinal ? "rejected" : "retry";
      return { outcome, text: `${status}: ${text}`, retryAfterMs };
    },
  };
  return {
    ...{ receiver, kind: "hook", queue: `${receiver}/hook[${index}]`, ...sender },
    definition: `${url} ${sendsResolved} ${perMinuteMax}`,
    withoutSecrets: () => sender,
  };
}

/** Each alert a group of its own, sent at once to `ops`. */
export function route(parts: Partial<Route> = {}): Route {
  return {
    ...{ key: "{}", test: EVERYTHING, receiver: "ops", groupBy: null },
    ...{ groupWaitMs: 0, groupIntervalMs: 1000, repeatIntervalMs: 4 * 3_600_000 },
    ...{ continues: false, muteTimes: [], activeTimes: [], escalations: [], routes: [] },
    ...parts,
  };
}

export function routing(
  root: Route,
  integrations: readonly Integration[],
  parts: Partial<NotifyConfig> = {},
): NotifyConfig {
  const names = new Set(integrations.map(({ receiver }) => receiver));
  const receivers = [...names].map((name) => {
    return { name, integrations: integrations.filter(({ receiver }) => receiver === name) };
  });
  return {
    ...{ text: "", root, inhibitRules: [], timeIntervals: new Map(), resolveTimeoutMs: 300_000 },
    flapping: null,
    receivers: new Map(receivers.map((receiver) => [receiver.name, receiver])),
    ...parts,
  };
}
