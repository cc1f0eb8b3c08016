import { errorMessage, OperationalError } from "../../shared/errors.ts";
import type { Matcher } from "../../shared/model/columns.ts";
import { isLabelText, type Labels, labelsFrom } from "../../shared/model/labels.ts";
import type { Clock, Logger } from "../../shared/platform/ports.ts";
import type { AlertsHandlers } from "../../shared/wire/generated/telltale/v1/Alerts.ts";
import type { SetSilenceRequest__Output } from "../../shared/wire/generated/telltale/v1/SetSilenceRequest.ts";
import { answer as answerWith } from "../../shared/wire/grpc-answer.ts";
import { formatMatcher, parseMatchers } from "../matching/parse-matchers.ts";
import type { Preview, ShownAlert } from "../model/notification.ts";
import { type PostedSilence, type Silence, silenceState } from "../model/silence.ts";
import type { AlertsPort } from "./alerts-port.ts";
import { ApiError } from "./api-error.ts";
import { checkExpression } from "./parameters.ts";
import { queryStatus } from "./query-service.ts";

const DELIVERIES_DEFAULT = 100;
const DELIVERIES_MAX = 1000;
/** Matcher texts of one request. */
const TEXTS_MAX = 100;
/** Of an alert that a preview is asked for. */
const LABELS_MAX = 100;
const VALUE_MAX = 10_000;

/** The gRPC service telltale.v1.Alerts. */
export function createAlertsService(
  alerts: AlertsPort,
  clock: Pick<Clock, "nowMs">,
  logger: Logger,
): AlertsHandlers {
  const answer = <In, Out>(work: (request: In) => Promise<Out> | Out) =>
    answerWith<In, Out>(work, logger, queryStatus);
  return {
    List: answer(() => ({
      alerts: alerts.alerts().map(alertMessage),
      externalLabels: [...alerts.externalLabels()],
    })),
    Silences: answer(() => {
      const nowMs = clock.nowMs();
      return { silences: alerts.silences().map((silence) => silenceMessage(silence, nowMs)) };
    }),
    SetSilence: answer(async (request) => {
      return { id: await alerts.setSilence(postedSilence(request, clock.nowMs())) };
    }),
    ExpireSilence: answer(async ({ id }) => {
      if (await alerts.expireSilence(id)) return {};
      throw new ApiError("not_found", `There is no silence ${JSON.stringify(id.slice(0, 100))}`);
    }),
    Deliveries: answer(async ({ limit }) => {
      const found = await alerts.deliveries(Math.min(limit || DELIVERIES_DEFAULT, DELIVERIES_MAX));
      return { deliveries: [...found] };
    }),
    Acknowledge: answer(async ({ matchers, createdBy, comment }) => {
      return { alerts: await alerts.acknowledge(matchersOf(matchers), { createdBy, comment }) };
    }),
    TestReceiver: answer(async ({ receiver, createdBy }) => {
      return { answers: [...(await alerts.testReceiver(receiver, createdBy))] };
    }),
    Preview: answer(async ({ labels, receiver }) => {
      return previewMessage(await alerts.preview(labelsOfTexts(labels), receiver || null));
    }),
  };
}

function alertMessage({ generatorUrl, ...alert }: ShownAlert) {
  return {
    ...alert,
    generatorUrl,
    labels: [...alert.labels],
    annotations: [...alert.annotations],
    receivers: [...alert.receivers],
    silencedBy: [...alert.silencedBy],
    inhibitedBy: [...alert.inhibitedBy],
    mutedBy: [...alert.mutedBy],
  };
}

function silenceMessage({ matchers, ...silence }: Silence, nowMs: number) {
  return {
    ...silence,
    matchers: matchers.map(formatMatcher),
    state: silenceState(silence, nowMs),
  };
}

function postedSilence(request: SetSilenceRequest__Output, nowMs: number): PostedSilence {
  const { id, matchers, startsAtMs, endsAtMs, createdBy, comment } = request;
  return {
    id: id === "" ? null : id,
    matchers: matchersOf(matchers),
    startsAtMs: startsAtMs || nowMs,
    endsAtMs,
    createdBy,
    comment,
  };
}

function previewMessage({ labels, routes, messages }: Preview) {
  return {
    labels: [...labels],
    routes: routes.map((route) => ({
      ...route,
      integrations: [...route.integrations],
      groupLabels: [...route.groupLabels],
      mutedBy: [...route.mutedBy],
      escalations: [...route.escalations],
    })),
    messages: [...messages],
  };
}

/** Of one alert. @throws ApiError bad_data */
function labelsOfTexts(texts: readonly string[]): Labels {
  if (texts.length % 2 !== 0 || texts.length > 2 * LABELS_MAX) {
    throw new ApiError("bad_data", `Not name, value, … of at most ${LABELS_MAX} labels`);
  }
  const pairs: [string, string][] = [];
  for (let i = 0; i < texts.length; i += 2) pairs.push([texts[i] ?? "", texts[i + 1] ?? ""]);
  const bad = pairs.find(([name, value]) => {
    return name === "" || !isLabelText(name) || !isLabelText(value) || value.length > VALUE_MAX;
  });
  if (bad === undefined) return labelsFrom(pairs);
  throw new ApiError("bad_data", `Not a label: ${JSON.stringify(bad.join("=").slice(0, 100))}`);
}

function matchersOf(texts: readonly string[]): Matcher[] {
  if (texts.length > TEXTS_MAX) {
    throw new ApiError("bad_data", `${texts.length} matchers, ${TEXTS_MAX} are allowed`);
  }
  return texts.flatMap((text) => {
    try {
      return parseMatchers(checkExpression(text, "matchers"));
    } catch (error) {
      if (!(error instanceof OperationalError) || error instanceof ApiError) throw error;
      throw new ApiError("bad_data", `Not a matcher: ${errorMessage(error)}`, { cause: error });
    }
  });
}
