import { errorMessage, OperationalError } from "../../shared/errors.ts";
import type { Matcher } from "../../shared/model/columns.ts";
import { compileMatcher, compileMatchers } from "../matching/matcher.ts";
import { parseMatchers } from "../matching/parse-matchers.ts";
import type { ShownAlert, ShownGroup } from "../model/notification.ts";
import type { Silence } from "../model/silence.ts";
import { ApiError } from "./api-error.ts";
import { checkExpression, type Parameters } from "./parameters.ts";

/** What the parameters of Alertmanager's API leave of alerts, groups and silences. */

const FILTERS_MAX = 100;

type AlertTest = (alert: ShownAlert) => boolean;

/** @throws ApiError bad_data */
export function filterAlerts(
  alerts: readonly ShownAlert[],
  parameters: Parameters,
): readonly ShownAlert[] {
  const isWanted = alertTest(parameters);
  const isReceiver = receiverTest(parameters);
  return alerts.filter(
    (alert) => (isReceiver === null || alert.receivers.some(isReceiver)) && isWanted(alert),
  );
}

/** Groups of which nothing is left are left out. @throws ApiError bad_data */
export function filterGroups(
  groups: readonly ShownGroup[],
  parameters: Parameters,
): readonly ShownGroup[] {
  const isWanted = alertTest(parameters);
  const isReceiver = receiverTest(parameters);
  const wantsMuted = flag(parameters, "muted");
  return groups
    .filter(({ receiver }) => isReceiver === null || isReceiver(receiver))
    .map((group) => ({ ...group, alerts: group.alerts.filter(isWanted) }))
    .filter(({ alerts }) => alerts.length > 0)
    .filter(({ alerts }) => wantsMuted || alerts.every(({ mutedBy }) => mutedBy.length === 0));
}

/** Silences that have these very matchers among theirs. @throws ApiError bad_data */
export function filterSilences(silences: readonly Silence[], parameters: Parameters): Silence[] {
  const wanted = matchersOf(parameters);
  return silences.filter(({ matchers }) =>
    wanted.every(({ name, type, value }) =>
      matchers.some((one) => one.name === name && one.type === type && one.value === value),
    ),
  );
}

function alertTest(parameters: Parameters): AlertTest {
  const matches = asBadData("filter", () => compileMatchers(matchersOf(parameters)));
  const wantsActive = flag(parameters, "active");
  const wantsSilenced = flag(parameters, "silenced");
  const wantsInhibited = flag(parameters, "inhibited");
  const wantsUnprocessed = flag(parameters, "unprocessed");
  return ({ labels, state, silencedBy, inhibitedBy }) =>
    (wantsActive || state !== "active") &&
    (wantsUnprocessed || state !== "unprocessed") &&
    (wantsSilenced || silencedBy.length === 0) &&
    (wantsInhibited || inhibitedBy.length === 0) &&
    matches(labels);
}

/** Null where it was not asked for: then an alert of no receiver is wanted too. */
function receiverTest(parameters: Parameters): ((name: string) => boolean) | null {
  const value = parameters.get("receiver");
  if (value === null) return null;
  checkExpression(value, "receiver");
  return asBadData("receiver", () => compileMatcher({ name: "", type: "=~", value }).test);
}

function matchersOf(parameters: Parameters): Matcher[] {
  const texts = parameters.getAll("filter");
  if (texts.length > FILTERS_MAX) {
    throw new ApiError("bad_data", `${texts.length} filters, ${FILTERS_MAX} are allowed`);
  }
  return asBadData("filter", () =>
    texts.flatMap((text) => parseMatchers(checkExpression(text, "filter"))),
  );
}

/** Wanted where nothing is said; other texts than those for yes are no, as in Alertmanager. */
function flag(parameters: Parameters, name: string): boolean {
  const text = parameters.get(name) ?? "";
  return text === "" || /^(?:1|true|yes|ok|y|on|selected|checked|t|enabled)$/i.test(text);
}

function asBadData<T>(name: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof OperationalError) || error instanceof ApiError) throw error;
    throw new ApiError("bad_data", `bad ${name}: ${errorMessage(error)}`, { cause: error });
  }
}
