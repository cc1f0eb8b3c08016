/** A cluster of Alertmanagers elsewhere, which route on; Telltale's own kind. */

import { z } from "zod";
import { OperationalError } from "../../../shared/errors.ts";
import { labelsRecord } from "../../../shared/model/labels.ts";
import { formatRfc3339 } from "../../../shared/model/rfc3339.ts";
import { withDeadline } from "../../../shared/time/deadline.ts";
import type { Notification } from "../../model/notification.ts";
import { checkedUrl } from "../config/read-secret.ts";
import { httpFields, httpKind } from "./http-kind.ts";
import { joinUrl, sendJson } from "./http-send.ts";
import { answerOf, failedAnswer, joinedAnswer } from "./send-answer.ts";

const PEERS_MAX = 20;
/** Less than an attempt has, so that a peer that hangs takes nothing from what the others took. */
const PEER_TIMEOUT_MS = 8000;

const schema = z.strictObject({
  ...httpFields,
  /** Where the peers are, without `/api/v2/alerts`. */
  urls: z.array(z.string()).min(1).max(PEERS_MAX),
});

/**
 * An Alertmanager ends by itself what is not said again. It is said again after the repeat interval,
 * which is hours; an end in a day leaves room for that, and nothing fires for ever whose end got lost.
 */
const FIRES_ON_MS = 86_400_000;

/**
 * Every peer is told, because they do not tell each other of alerts. It is delivered when one of them
 * took it: with a peer that is away for days the others would else hear nothing. What that peer missed
 * it gets with the group's next notification.
 */
export const alertmanagerKind = httpKind({
  name: "alertmanager",
  schema,
  read({ urls }, reading, client) {
    for (const [i, url] of urls.entries()) {
      const report = (message: string) => reading.report(message, ["urls", i]);
      checkedUrl({ ...reading, report }, url, "it");
    }
    return async (notification, ports, signal) => {
      const alerts = alertsOf(notification, ports.clock.nowMs());
      const answers = urls.map(async (url) => {
        const target = { url: joinUrl(url, "api/v2/alerts"), client };
        const { host } = new URL(url);
        const ms = PEER_TIMEOUT_MS;
        const late = () =>
          new OperationalError("UNAVAILABLE", `${host}: no answer within ${ms} ms`);
        try {
          const answer = await withDeadline({ clock: ports.clock, ms, signal, late }, (end) =>
            sendJson(ports, target, alerts, end).then(answerOf),
          );
          return { ...answer, text: `${host}: ${answer.text}` };
        } catch (error) {
          signal.throwIfAborted();
          return failedAnswer(error);
        }
      });
      return joinedAnswer(await Promise.all(answers), "delivered");
    };
  },
});

function alertsOf({ alerts }: Notification, nowMs: number) {
  return alerts.map(({ labels, annotations, startsAtMs, endsAtMs, generatorUrl }) => ({
    labels: labelsRecord(labels),
    annotations: labelsRecord(annotations),
    startsAt: formatRfc3339(startsAtMs),
    endsAt: formatRfc3339(endsAtMs ?? nowMs + FIRES_ON_MS),
    generatorURL: generatorUrl,
  }));
}
